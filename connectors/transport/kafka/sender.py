"""Sending messages to topics, each acknowledged by all replicas that keep up."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.transport.kafka.cluster import Cluster
from connectors.transport.kafka.faults import saying_faults

__all__ = ["Outgoing", "StreamSender", "sending"]

#: Less than the library's own: a topic that is not there must not hold up the others for long.
_ANSWER_MS: Final = 10_000


class Outgoing(NamedTuple):
    """One message to send; `value` None is an empty one."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class StreamSender:
    """Sends messages; opened by `sending`."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def send(self, messages: Sequence[Outgoing]) -> list[bool]:
        """Send messages in order and return which arrived; a topic that failed once is not tried again."""
        waiting: list[Any] = []
        failed: set[str] = set()
        for one in messages:
            waiting.append(None if one.topic in failed else await self._begin(one))
            if waiting[-1] is None:
                failed.add(one.topic)
        return [one is not None and await _arrived(one) for one in waiting]

    async def _begin(self, one: Outgoing) -> Any:
        try:
            # The library wants a key or a value: without either the key is empty.
            key = b"" if one.key is None and one.value is None else one.key
            return await self._producer.send(one.topic, one.value, key, headers=list(one.headers))
        except KafkaError:
            return None


@asynccontextmanager
async def sending(cluster: Cluster) -> AsyncIterator[StreamSender]:
    """Open a sender; raises ClusterError where no broker answers."""
    producer = AIOKafkaProducer(
        **cluster.options(), acks="all", enable_idempotence=True, request_timeout_ms=_ANSWER_MS
    )
    try:
        with saying_faults():
            await producer.start()
        yield StreamSender(producer)
    finally:
        await producer.stop()


async def _arrived(sent: Any) -> bool:
    try:
        await sent
    except KafkaError:
        return False
    return True
