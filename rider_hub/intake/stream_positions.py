"""Where reading of each partition stands; the one thing that makes a message of a stream count once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update

from connectors.transport.kafka.places import LaterError, Place, Seen, StreamBatch
from rider_hub.access import Change, Hub
from rider_hub.errors import Conflict, HubError
from rider_hub.intake.stream_tables import stream_gap, stream_position
from rider_hub.intake.streams import Stream, streams
from rider_hub.logs import logger
from rider_hub.storage import insert_ignoring, insert_rows, new_id

__all__ = ["HubPositions", "PositionMoved", "move_position"]

_KEY: Final = ("cluster", "topic_id", "partition")


class PositionMoved(Conflict):
    """Another process has read on in this partition, or read it from elsewhere: nothing was stored."""

    default_code = "position_moved"

    def __init__(self) -> None:
        super().__init__("这一段数据流已由另一个进程接收。", "Another process has read on in this partition.")


async def move_position(work: Change, batch: StreamBatch) -> None:
    """Move a partition's position from where a batch begins to where it ends.

    Two processes with the same batch wait for one another here: the second finds the position moved. Raises
    PositionMoved.
    """
    values = {"position": batch.through, "end_seen": batch.end, "moved_at": work.now, "seen_at": work.now}
    statement = update(stream_position).where(*_is(batch.place), stream_position.c.position == batch.position)
    if not (await work.connection.execute(statement.values(values))).rowcount:
        raise PositionMoved


class HubPositions:
    """The positions of a hub's database, as the reader of a stream asks for them.

    No row of a person is read or written here, so nothing of it stands in the trail. All raise LaterError
    where the database is away.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._streams: dict[str, Stream] = {}

    async def topics(self) -> Sequence[str]:
        """Return the topics of all agreements."""
        with _later():
            async with self._hub.database.read() as connection:
                self._streams = await streams(connection)
        return sorted(self._streams)

    async def begin(self, earliest: Mapping[Place, int]) -> Mapping[Place, int]:
        """Return where each partition is read on; one never read before begins at its earliest message."""
        mine = {place: at for place, at in earliest.items() if place.topic in self._streams}
        now = self._hub.clock.now()
        found: dict[Place, int] = {}
        with _later():
            async with self._hub.database.write() as connection:
                for place, at in sorted(mine.items()):
                    whose = self._streams[place.topic]
                    row = {
                        **_named(place, whose),
                        "position": at,
                        "end_seen": at,
                        "moved_at": None,
                        "seen_at": now,
                    }
                    await insert_ignoring(connection, stream_position, row, key=_KEY)
                    owner = {"platform": whose.platform, "feed_type": whose.feed_type}
                    named = update(stream_position).where(*_is(place))
                    await connection.execute(named.values(owner))
                    query = select(stream_position.c.position).where(*_is(place))
                    found[place] = (await connection.execute(query)).scalar_one()
        return found

    async def lost(self, place: Place, position: int, earliest: int) -> None:
        """Note a gap for whoever reads the page, and go on at what is there.

        A position beyond the end is noted, too: the broker lost what it had, and may give its offsets again.
        """
        logger("streams").error(
            "stream_gap", topic=place.topic, partition=place.partition, since=position, on_from=earliest
        )
        now = self._hub.clock.now()
        with _later():
            async with self._hub.database.write() as connection:
                moved = update(stream_position).where(*_is(place), stream_position.c.position == position)
                if (await connection.execute(moved.values(position=earliest, seen_at=now))).rowcount:
                    whose = self._streams[place.topic]
                    gap = {"id": new_id(), **_named(place, whose), "noted_at": now}
                    gap |= {"from_offset": position, "to_offset": earliest}
                    await insert_rows(connection, stream_gap, [gap])

    async def seen(self, seen: Sequence[Seen]) -> Sequence[Place]:
        """Note how far quiet partitions were read; return those that are read elsewhere by now."""
        now = self._hub.clock.now()
        moved = []
        with _later():
            async with self._hub.database.write() as connection:
                for one in sorted(seen):
                    statement = update(stream_position).where(
                        *_is(one.place), stream_position.c.position == one.position
                    )
                    values = {"position": one.through, "end_seen": one.end, "seen_at": now}
                    if not (await connection.execute(statement.values(values))).rowcount:
                        moved.append(one.place)
        return moved


def _is(place: Place) -> list[ColumnElement[bool]]:
    return [stream_position.c[name] == getattr(place, name) for name in _KEY]


def _named(place: Place, whose: Stream) -> dict[str, Any]:
    return {
        "cluster": place.cluster,
        "topic_id": place.topic_id,
        "partition": place.partition,
        "topic": place.topic,
        "platform": whose.platform,
        "feed_type": whose.feed_type,
    }


@contextmanager
def _later() -> Iterator[None]:
    """Tell the reader of a stream that the database is away."""
    try:
        yield
    except HubError as error:
        raise LaterError(error.code) from error
