"""How streams stand, for pages and gauges: partitions, how far behind, gaps; from the database alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Gauge
from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.intake.model import FEED_TITLES
from rider_hub.intake.stream_tables import dead_letter, stream_gap, stream_position
from rider_hub.intake.streams import streams

__all__ = ["PartitionState", "StreamState", "behind_of", "measure_streams", "stream_state"]

#: A reader notes each half minute that it is there.
_SILENT: Final = timedelta(minutes=3)
_GAPS: Final = timedelta(days=30)
_BEHIND = Gauge(
    "rider_hub_stream_behind_messages",
    "Messages of streams that were there when last looked and are not read.",
    ["platform", "feed"],
)


@dataclass(frozen=True)
class PartitionState:
    """One partition of a platform's stream."""

    topic: str
    feed: str
    partition: int
    position: int
    #: Messages that were there when last looked and are not read; marks of transactions count among them.
    behind: int
    #: When rows of it were last taken, and when a process was last seen reading it.
    moved_at: datetime | None
    seen_at: datetime
    #: False where no process has read it for minutes.
    is_read: bool


@dataclass(frozen=True)
class StreamState:
    """The streams of one platform."""

    partitions: Sequence[PartitionState]
    #: Messages that were gone before they were read, of the last 30 days, the newest first.
    gaps: Sequence[RowMapping]
    #: Refused messages whose dead letter was not sent yet.
    letters: int


async def stream_state(connection: AsyncConnection, platform: str, now: datetime) -> StreamState:
    """Return how the streams of a platform stand; the caller has made sure that it is the viewer's to see."""
    gap, letter = stream_gap.c, dead_letter.c
    gaps = select(stream_gap).where(gap.platform == platform, gap.noted_at > now - _GAPS)
    unsent = select(func.count()).where(letter.platform == platform, letter.sent_at.is_(None))
    return StreamState(
        partitions=[_state(row, now) for row in await _newest(connection) if row["platform"] == platform],
        gaps=(await connection.execute(gaps.order_by(gap.noted_at.desc()).limit(20))).mappings().all(),
        letters=(await connection.execute(unsent)).scalar_one(),
    )


async def behind_of(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Return how many messages each stream is behind, by platform and feed."""
    found: dict[tuple[str, str], int] = {}
    for row in await _newest(connection):
        key = row["platform"], row["feed_type"]
        found[key] = found.get(key, 0) + _behind(row)
    return found


async def measure_streams(connection: AsyncConnection) -> None:
    """Set the gauge of /metrics, whose labels are platforms and feeds alone."""
    for (platform, feed_type), behind in (await behind_of(connection)).items():
        _BEHIND.labels(platform, feed_type).set(behind)


async def _newest(connection: AsyncConnection) -> list[RowMapping]:
    """Return the partitions of the topics that are read by now, without topics since made anew."""
    agreed = await streams(connection)
    c = stream_position.c
    query = select(stream_position).order_by(c.topic, c.partition, c.seen_at)
    newest: dict[tuple[str, int], RowMapping] = {}
    for row in (await connection.execute(query)).mappings():
        whose = agreed.get(row["topic"])
        if whose is not None and whose.platform == row["platform"]:
            newest[row["topic"], row["partition"]] = row
    return list(newest.values())


def _state(row: RowMapping, now: datetime) -> PartitionState:
    return PartitionState(
        topic=row["topic"],
        feed=FEED_TITLES.get(row["feed_type"], row["feed_type"]),
        partition=row["partition"],
        position=row["position"],
        behind=_behind(row),
        moved_at=row["moved_at"],
        seen_at=row["seen_at"],
        is_read=row["seen_at"] > now - _SILENT,
    )


def _behind(row: RowMapping | Any) -> int:
    return max(int(row["end_seen"]) - int(row["position"]), 0)
