"""Whether each sender's feeds come as agreed: last seen, late, gaps, rows declared against received."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from prometheus_client import Gauge
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.errors import FeedError
from rider_hub.access import Scope
from rider_hub.errors import Failure, Invalid
from rider_hub.intake.model import FEED_TITLES, Sender
from rider_hub.intake.snapshot_model import Snapshot
from rider_hub.intake.snapshot_store import rows_arrived
from rider_hub.intake.snapshot_tables import snapshot
from rider_hub.intake.store import senders
from rider_hub.intake.stream_listing import measure_streams
from rider_hub.intake.tables import cursor, receipt
from rider_hub.parameters import parameter

__all__ = ["FeedState", "feed_states", "feeds_late", "gaps_of", "latest_snapshots", "measure", "rhythm_of"]

_WINDOW: Final = timedelta(days=30)
_MAX_HOURS: Final = 24 * 366
_LAST = Gauge(
    "rider_hub_feed_last_received_timestamp_seconds",
    "When a batch of this feed was last received; 0 before the first.",
    ["platform", "feed"],
)
_LATE = Gauge("rider_hub_feed_late", "1 where a feed is later than agreed.", ["platform", "feed"])
_MISSING = Gauge(
    "rider_hub_snapshot_missing_rows", "Rows declared and not received of the newest snapshot.", ["platform"]
)


@dataclass(frozen=True)
class FeedState:
    """How one feed of one sender stands."""

    platform: str
    county: str
    feed_type: str
    last_at: datetime | None
    #: How often it is expected at least; None where nothing is agreed and nothing is usual.
    every_hours: float | None
    late: bool
    #: Rows of the last 30 days, by outcome.
    totals: Mapping[str, int]

    @property
    def title(self) -> str:
        """The feed's name on pages."""
        return FEED_TITLES.get(self.feed_type, self.feed_type)


async def feed_states(connection: AsyncConnection, scope: Scope, now: datetime) -> list[FeedState]:
    """Return every feed in scope that is agreed or was ever received, by platform."""
    last = await _last(connection)
    totals = await _totals(connection, now - _WINDOW)
    found = []
    for one in await senders(connection, scope):
        agreed = _rhythm(one)
        kinds = [kind for kind in FEED_TITLES if kind in agreed or (one.platform, kind) in last]
        for kind in kinds or ["registration"]:
            at, hours = last.get((one.platform, kind)), agreed.get(kind, _usual(kind))
            late = hours is not None and (at is None or at < now - _allowed(hours))
            found.append(
                FeedState(
                    one.platform, one.county, kind, at, hours, late, totals.get((one.platform, kind), {})
                )
            )
    return found


def feeds_late(states: Sequence[FeedState]) -> dict[str, list[str]]:
    """Return the names of the late feeds by platform; platforms on time are absent."""
    late: dict[str, list[str]] = {}
    for one in states:
        if one.late:
            late.setdefault(one.platform, []).append(one.title)
    return late


async def gaps_of(
    connection: AsyncConnection, state: FeedState, now: datetime
) -> list[tuple[datetime, datetime]]:
    """Return when, within 30 days, a feed was silent for longer than agreed; the newest gap first."""
    if state.every_hours is None:
        return []
    query = select(receipt.c.created_at).where(
        receipt.c.platform == state.platform,
        receipt.c.feed_type == state.feed_type,
        _of_the_feed(),
        receipt.c.created_at > now - _WINDOW,
    )
    times = list((await connection.execute(query.order_by(receipt.c.created_at))).scalars())
    allowed = _allowed(state.every_hours)
    return [(a, b) for a, b in pairwise([*times, now]) if b - a > allowed][::-1]


async def latest_snapshots(
    connection: AsyncConnection, platform: str, limit: int = 5
) -> list[dict[str, Any]]:
    """Return a sender's newest snapshots with the rows that came of those declared."""
    query = select(snapshot).where(snapshot.c.platform == platform)
    query = query.order_by(snapshot.c.as_of.desc(), snapshot.c.name.desc()).limit(limit)
    found = [Snapshot.of(row) for row in (await connection.execute(query)).mappings()]
    return [{"it": one, "rows": await rows_arrived(connection, one)} for one in found]


async def measure(connection: AsyncConnection, now: datetime) -> int:
    """Set the gauges of /metrics, whose labels are platforms and feeds alone; returns how many are late."""
    states = await feed_states(connection, Scope.all(), now)
    for one in states:
        _LAST.labels(one.platform, one.feed_type).set(one.last_at.timestamp() if one.last_at else 0)
        _LATE.labels(one.platform, one.feed_type).set(one.late)
    await measure_streams(connection)
    for platform in sorted({one.platform for one in states}):
        for newest in await latest_snapshots(connection, platform, 1):
            _MISSING.labels(platform).set(max(newest["it"].total - newest["rows"], 0))
    return len(feeds_late(states))


def rhythm_of(said: Sequence[str]) -> dict[str, float]:
    """Read `registration=24` and the like into feed → hours; raises Invalid for anything else."""
    found: dict[str, float] = {}
    for text in said:
        kind, _, hours = text.partition("=")
        try:
            found[kind] = float(hours)
        except ValueError:
            found[kind] = 0
        if kind not in FEED_TITLES or not 0 < found[kind] <= _MAX_HOURS:
            zh, en = "应写成 类别=小时，例如 registration=24", "write TYPE=HOURS, such as registration=24"
            fault = Failure(row=0, path="every", code="rhythm_invalid", zh=zh, en=en)
            raise Invalid("报送频率有误。", "The rhythm is wrong.", code="rhythm_invalid", errors=[fault])
    return found


def _rhythm(sender: Sender) -> Mapping[str, float]:
    own = sender.settings.get("every_hours")
    if own is not None:
        return dict(own)
    try:
        mapping = sender.mapping
    except FeedError:  # it no longer keeps the rules: its own page says so, and every other page still opens
        return {}
    return {str(kind): hours for kind, hours in mapping.every_hours.items()} if mapping else {}


def _usual(kind: str) -> float | None:
    """Return the rhythm where nothing is agreed: riders daily, anything else as it comes."""
    return parameter("intake.every").value if kind == "registration" else None


def _allowed(hours: float) -> timedelta:
    return timedelta(hours=hours + parameter("intake.late_by").value)


def _of_the_feed() -> ColumnElement[bool]:
    """Return the condition for batches the platform itself sent: a station's file is not its feed."""
    return and_(receipt.c.transport != "replay", receipt.c.partner.is_(None), receipt.c.link.is_(None))


async def _last(connection: AsyncConnection) -> dict[tuple[str, str], datetime]:
    """Return when each feed was last received; a pull that brought nothing new counts."""
    query = select(receipt.c.platform, receipt.c.feed_type, func.max(receipt.c.created_at).label("at"))
    query = query.where(_of_the_feed()).group_by(receipt.c.platform, receipt.c.feed_type)
    found = {(row.platform, row.feed_type): row.at for row in await connection.execute(query)}
    pulled = select(cursor.c.platform, cursor.c.feed_type, cursor.c.moved_at)
    for row in await connection.execute(pulled):
        key = (row.platform, row.feed_type)
        found[key] = max(found.get(key, row.moved_at), row.moved_at)
    return found


async def _totals(connection: AsyncConnection, since: datetime) -> dict[tuple[str, str], Mapping[str, int]]:
    names = ("received", "accepted", "unchanged", "waiting", "held", "not_stored", "rejected")
    sums = [func.sum(receipt.c[name]).label(name) for name in names]
    query = select(receipt.c.platform, receipt.c.feed_type, *sums).where(receipt.c.created_at > since)
    rows = (await connection.execute(query.group_by(receipt.c.platform, receipt.c.feed_type))).mappings()
    return {(row["platform"], row["feed_type"]): {n: int(row[n]) for n in names} for row in rows}
