"""Reading topics in a group, from positions that somebody else keeps; knows no database.

Kafka's own commits are not used. The group only spreads the work: who may take a batch is decided where the
positions are kept, by comparing them. So a reader that was stopped, lost its partitions and wakes with
messages in hand (aiokafka#844) takes nothing, and a group in disorder costs time and nothing else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from connectors.transport.kafka.cluster import Cluster, Group
from connectors.transport.kafka.faults import saying_faults
from connectors.transport.kafka.places import (
    LaterError,
    Message,
    MovedError,
    Place,
    Positions,
    StreamBatch,
    Take,
)
from connectors.transport.kafka.standing import Standing
from connectors.transport.kafka.topics import Topic, Topics

__all__ = ["StreamReader"]

_log = logging.getLogger(__name__)
_POLL_MS: Final = 500
#: Batches taken at a time: one is checked while another is stored.
_AT_ONCE: Final = 2
#: How often topics are looked for, and quiet partitions noted as seen; sooner where a topic is not there.
_LOOK_S: Final = (30.0, 5.0)
_END_S: Final = 10.0


class _Fetched(msgspec.Struct, frozen=True):
    """What one fetch brought of a partition, with the assignment it was made under."""

    generation: int
    partition: TopicPartition
    place: Place
    at: int
    messages: Sequence[Any]
    through: int
    end: int


class StreamReader:
    """One reader of a group: fetches, hands over batches one after another a partition, rests on failure.

    A partition that can't be taken rests alone. Polling and heartbeats go on meanwhile, so that a database
    that is away makes no rebalance.
    """

    def __init__(
        self, cluster: Cluster, group: Group, positions: Positions, take: Take, *, rows: Callable[[], int]
    ) -> None:
        self._cluster, self._group = cluster, group
        self._positions, self._take, self._rows = positions, take, rows
        self._topics = Topics(cluster)
        self._consumer: Any = None
        self._standing = Standing(None)
        self._read: frozenset[str] = frozenset()
        self._look_at = 0.0
        self._working: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop; a batch under way is taken to its end.

        Raises ClusterError where the cluster can't be reached or puts this reader out of its group.
        """
        with saying_faults():
            await self._run(stop)

    async def _run(self, stop: asyncio.Event) -> None:
        async with self._consuming():
            told = asyncio.create_task(stop.wait())
            try:
                while not stop.is_set():
                    await self._look()
                    await self._place()
                    poll = asyncio.create_task(self._poll())
                    await asyncio.wait({poll, told}, return_when=asyncio.FIRST_COMPLETED)
                    if not poll.done():
                        poll.cancel()  # amid a rebalance it may wait for long
                    elif messages := poll.result():
                        await self._take_all(messages, stop)
            finally:
                told.cancel()

    @asynccontextmanager
    async def _consuming(self) -> AsyncIterator[None]:
        self._consumer = AIOKafkaConsumer(**self._cluster.options(), **self._group.options())
        self._standing = Standing(self._consumer)
        self._read, self._look_at = frozenset(), 0.0
        try:
            await self._topics.start()
            # Without topics yet: one that is not there would keep all from being read.
            await self._consumer.start()
            yield
        finally:
            try:
                async with asyncio.timeout(_END_S):
                    await self._consumer.stop()
            except TimeoutError:
                _log.warning("the group could not be left in time")
            await self._topics.stop()

    async def revoked(self) -> None:
        """Begin no batch any more, and await those under way; the rebalance goes on afterwards."""
        self._standing.forget()
        while self._working:
            await asyncio.wait(set(self._working))

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Begin with partitions; called amid a rebalance, where nothing may be waited for."""
        self._standing.begin(partitions)

    async def _look(self) -> None:
        """Follow the topics there are to read, find those made anew, and note what was seen."""
        now = asyncio.get_running_loop().time()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S[0]
        try:
            wanted = await self._positions.topics()
            found = await self._topics.find(wanted)
        except (LaterError, KafkaError) as error:
            _log.warning("topics can't be looked for", exc_info=error)
            return
        if len(found) < len(set(wanted)):
            _log.warning("some topics are not there, or not whole")
            self._look_at = now + _LOOK_S[1]
        if self._read != found.keys():
            self._subscribe(frozenset(found))
            return
        for partition, place in self._standing.places():
            if _place_of(found, partition) not in (place, None):
                self._standing.rest(partition)
        await self._note_seen()

    def _subscribe(self, topics: frozenset[str]) -> None:
        self._standing.forget()
        if topics:
            self._consumer.subscribe(sorted(topics), listener=_Listener(self))
        elif self._read:
            self._consumer.unsubscribe()
        self._read = topics

    async def _note_seen(self) -> None:
        generation, seen = self._standing.generation, await self._standing.quiet()
        try:
            moved = set(await self._positions.seen(seen)) if seen else set()
        except LaterError:
            return
        for one in seen:
            partition = TopicPartition(one.place.topic, one.place.partition)
            if generation != self._standing.generation:
                return
            if one.place in moved:
                self._standing.rest(partition)
            else:
                self._standing.moved(partition, one.through)

    async def _place(self) -> None:
        """Go to the positions of partitions that have rested enough."""
        due, generation = self._standing.due(), self._standing.generation
        if not due:
            return
        positions: Mapping[Place, int] = {}
        places: dict[TopicPartition, Place] = {}
        try:
            found = await self._topics.find({one.topic for one in due})
            places = {one: place for one in due if (place := _place_of(found, one))}
            earliest = await self._consumer.beginning_offsets(list(places)) if places else {}
            positions = await self._positions.begin({place: earliest[one] for one, place in places.items()})
        except (LaterError, KafkaError) as error:
            _log.warning("positions can't be asked for", exc_info=error)
        if generation != self._standing.generation:
            return
        for one in due:
            place = places.get(one)
            if place is None or place not in positions:
                self._standing.rest_longer(one)
            else:
                self._standing.go(one, place, positions[place])

    async def _poll(self) -> Mapping[TopicPartition, Sequence[Any]]:
        if not self._read:
            await asyncio.sleep(_POLL_MS / 1000)
            return {}
        generation = self._standing.generation
        try:
            fetched: Mapping[TopicPartition, Sequence[Any]] = await self._consumer.getmany(
                timeout_ms=_POLL_MS
            )
        except NoOffsetForPartitionError:
            return {}  # before this assignment was begun
        except OffsetOutOfRangeError as error:
            for one in error.args[0]:
                if generation == self._standing.generation:
                    await self._lost(one)
            return {}
        return fetched

    async def _lost(self, partition: TopicPartition) -> None:
        """Say that what was to be read next is gone, unless the topic is another one by now."""
        standing = self._standing.of(partition)
        if standing is None:
            return
        place, at = standing
        generation = self._standing.generation
        self._standing.rest(partition)
        try:
            found = await self._topics.find([partition.topic])
            earliest = (await self._consumer.beginning_offsets([partition]))[partition]
            if _place_of(found, partition) == place:
                await self._positions.lost(place, at, earliest)
        except (MovedError, LaterError, KafkaError) as error:
            _log.warning("a gap can't be noted yet", exc_info=error)
            if generation == self._standing.generation:
                self._standing.rest_longer(partition)

    async def _take_all(self, messages: Mapping[TopicPartition, Sequence[Any]], stop: asyncio.Event) -> None:
        generation = self._standing.generation
        try:
            # After they were fetched: see topics.py.
            found = await self._topics.find({one.topic for one in messages})
        except KafkaError as error:
            _log.warning("topics can't be told apart", exc_info=error)
            found = {}
        turns = asyncio.Semaphore(_AT_ONCE)
        for one, some in messages.items():
            through = await self._standing.position(one)
            if generation != self._standing.generation:
                break
            standing = self._standing.of(one)
            if standing is None or standing[0] != _place_of(found, one) or through is None:
                self._standing.rest_longer(one)
                continue
            end = max(self._consumer.highwater(one) or 0, through)
            fetched = _Fetched(generation, one, *standing, some, through, end)
            task = asyncio.create_task(self._take_fetched(fetched, turns, stop))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        while self._working:
            done, _ = await asyncio.wait(set(self._working))
            for task in done:
                task.result()

    async def _take_fetched(self, fetched: _Fetched, turns: asyncio.Semaphore, stop: asyncio.Event) -> None:
        """Hand over what was fetched of one partition, in batches, as long as it is this reader's."""
        at, rows, partition = fetched.at, self._rows(), fetched.partition
        wanted = [Message(one.offset, one.key, one.value) for one in fetched.messages if one.offset >= at]
        for start in range(0, len(wanted), rows):
            part = tuple(wanted[start : start + rows])
            # Marks of transactions stand after the last message and are passed over with it.
            after = fetched.through if start + rows >= len(wanted) else part[-1].offset + 1
            batch = StreamBatch(fetched.place, at, after, part, max(fetched.end, after))
            async with turns:
                if fetched.generation != self._standing.generation or stop.is_set():
                    return
                took = await self._take_one(batch)
            if fetched.generation != self._standing.generation:
                return
            if took is None:
                self._standing.moved(partition, after)
                at = after
                continue
            if isinstance(took, MovedError):
                self._standing.rest(partition)
            else:
                self._standing.rest_longer(partition)
            return

    async def _take_one(self, batch: StreamBatch) -> Exception | None:
        """Hand over one batch; returns why it could not be taken."""
        try:
            await self._take(batch)
        except (MovedError, LaterError) as error:
            _log.warning("a batch can't be taken here or now", exc_info=error)
            return error
        return None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Passes on what happens to the partitions of one subscription."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Await what is under way."""
        await self._reader.revoked()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Begin with the partitions."""
        self._reader.assigned(assigned)


def _place_of(found: Mapping[str, Topic], partition: TopicPartition) -> Place | None:
    topic = found.get(partition.topic)
    return None if topic is None else Place(topic.cluster, topic.topic_id, partition.partition, topic.name)
