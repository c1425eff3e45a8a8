"""Reading single places of topics once more, outside any group."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.transport.kafka.cluster import Cluster
from connectors.transport.kafka.faults import saying_faults
from connectors.transport.kafka.places import Message, Place
from connectors.transport.kafka.topics import Topics

__all__ = ["Rereader", "rereading"]

_MESSAGE_S: Final = 10.0
_PARTITION_BYTES: Final = 1024 * 1024


class Rereader:
    """Reads messages at stated places; opened by `rereading`."""

    def __init__(self, consumer: Any, topics: Topics) -> None:
        self._consumer, self._topics = consumer, topics

    async def read(self, wanted: Mapping[Place, Sequence[int]]) -> dict[tuple[Place, int], Message]:
        """Return the messages that are still there, by place and offset.

        Gone are those that retention deleted, and all of a topic that was made anew. Raises ClusterError
        where the cluster does not answer.
        """
        found: dict[tuple[Place, int], Message] = {}
        with saying_faults():
            topics = await self._topics.find({place.topic for place in wanted})
            for place, offsets in wanted.items():
                topic = topics.get(place.topic)
                if topic and topic.topic_id == place.topic_id and place.partition in topic.leaders:
                    found |= await self._read_partition(place, sorted(set(offsets)))
        return found

    async def _read_partition(self, place: Place, offsets: Sequence[int]) -> dict[tuple[Place, int], Message]:
        partition = TopicPartition(place.topic, place.partition)
        self._consumer.assign([partition])
        earliest = (await self._consumer.beginning_offsets([partition]))[partition]
        end = (await self._consumer.end_offsets([partition]))[partition]
        found: dict[tuple[Place, int], Message] = {}
        for offset in (one for one in offsets if earliest <= one < end):
            self._consumer.seek(partition, offset)
            try:
                async with asyncio.timeout(_MESSAGE_S):
                    one = await self._consumer.getone(partition)
            except TimeoutError:
                continue  # nothing but marks of transactions from there to the end
            if one.offset == offset:
                found[place, offset] = Message(one.offset, one.key, one.value)
        return found


@asynccontextmanager
async def rereading(cluster: Cluster) -> AsyncIterator[Rereader]:
    """Open a reader of single places; raises ClusterError where no broker answers."""
    consumer = AIOKafkaConsumer(
        **cluster.options(),
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_PARTITION_BYTES,
    )
    topics = Topics(cluster)
    try:
        with saying_faults():
            await topics.start()
            await consumer.start()
        yield Rereader(consumer, topics)
    finally:
        await consumer.stop()
        await topics.stop()
