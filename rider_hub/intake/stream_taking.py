"""Taking one batch of a stream: rows, receipt, position and dead letters in one transaction, or none."""

from collections.abc import Sequence
from typing import Final

from connectors.batch import Checked, Reject
from connectors.contract import Row
from connectors.errors import FeedError
from connectors.problems import MAX_ROW_BYTES, EmptyRow, FailedRow, OversizedRow
from connectors.records import FeedType
from connectors.transport.kafka.places import LaterError, Message, MovedError, Place, StreamBatch
from rider_hub.access import Actor, Change, Hub
from rider_hub.errors import HubError
from rider_hub.intake import store
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.dead_letters import write_dead_letters
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.stream_positions import PositionMoved, move_position
from rider_hub.intake.streams import feed_of, streams
from rider_hub.logs import frames_of, logger
from rider_hub.parameters import parameter
from rider_hub.storage import new_id

__all__ = ["STREAM", "StreamTaker", "as_row"]

STREAM: Final = Actor.job("stream")
_log = logger("streams")


class StreamTaker:
    """Takes batches for a reader of streams, and puts aside single rows over which the hub fails."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._failed = 0

    async def __call__(self, batch: StreamBatch) -> None:
        """Take one batch; raises MovedError where it is not ours, LaterError where it can't be taken now."""
        try:
            await self._take(batch)
        except PositionMoved as error:
            raise MovedError from error
        except (HubError, FeedError) as error:
            raise LaterError(error.code) from error
        except LaterError:
            raise
        except Exception as error:  # the hub fails even over a row that is put aside
            raise LaterError(type(error).__name__) from error

    async def _take(self, batch: StreamBatch) -> None:
        """Take a batch, by halves where the hub fails over it, until the row is found that is at fault."""
        try:
            await _store(self._hub, batch)
        except (HubError, FeedError):
            raise
        except Exception as error:  # one row must not stop its partition for ever
            _log.error(
                "stream_batch_failed",
                topic=batch.place.topic,
                partition=batch.place.partition,
                since=batch.position,
                rows=len(batch.messages),
                kind=type(error).__name__,
                where=frames_of(error),
            )
            if len(batch.messages) > 1:
                first, second = batch.halves()
                await self._take(first)
                await self._take(second)
                return
            self._failed += 1
            if self._failed > parameter("intake.stream_failed").value:
                self._failed = 0  # after the rest the next rows may be put aside
                raise LaterError("stream_fails") from error
            await _store(self._hub, batch, failed=True)
        else:
            self._failed = 0


async def _store(hub: Hub, batch: StreamBatch, *, failed: bool = False) -> Receipt:
    sender, feed_type = await _whose(hub, batch.place)
    rows: list[tuple[int, Row]] = [
        (number, FailedRow() if failed else as_row(one)) for number, one in enumerate(batch.messages, 1)
    ]
    place, last = batch.place, batch.messages[-1].offset
    source = Source(
        transport="kafka",
        # What makes it count once is the position; after a loss at the broker offsets may come again.
        idempotency_key=f"kafka:{new_id()}",
        body_digest=keyed_digest(hub, f"{place.cluster}/{place.topic_id}".encode()),
        name=f"{place.topic[:140]}/{place.partition}@{batch.messages[0].offset}-{last}",
        beside=_Beside(hub, batch),
    )
    return await take_batch(hub, STREAM, sender, feed_type=feed_type, rows=rows, source=source)


async def _whose(hub: Hub, place: Place) -> tuple[Sender, FeedType]:
    """Return whose a partition is by the agreements as they are; raises LaterError where it is nobody's."""
    async with hub.database.read() as connection:
        whose = (await streams(connection)).get(place.topic)
        found = await store.find_sender(connection, whose.platform, STREAM.scope) if whose else None
    feed_type = feed_of(place.topic, found.settings) if found else None
    if found is None or feed_type is None:
        raise LaterError("topic_of_nobody")
    return found, feed_type


class _Beside:
    """The position and the dead letters of one batch."""

    def __init__(self, hub: Hub, batch: StreamBatch) -> None:
        self._hub, self._batch = hub, batch

    async def before(self, work: Change) -> None:
        """Move the position, or find it moved."""
        await move_position(work, self._batch)

    async def after(self, work: Change, taken: Receipt, part: Sequence[Checked | Reject]) -> None:
        """Write a dead letter for each refused row."""
        refused = [one for one in part if isinstance(one, Reject)]
        await write_dead_letters(work, self._hub.keys, self._batch, taken, refused)


def as_row(message: Message) -> Row:
    """Return a message's value as a row, or what stands for one that can't be read."""
    if not message.value:
        return EmptyRow()
    return OversizedRow() if len(message.value) > MAX_ROW_BYTES else message.value
