"""Which topics there are, and their ids: the client library asks for neither.

A topic that was deleted and made anew has the same name and other messages at the same offsets. Only its id
tells. It is asked for after messages were fetched and before they count: as an id never comes again, messages
fetched before an answer with the id they were read under are of that topic.
"""

from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from connectors.transport.kafka.cluster import Cluster

__all__ = ["Topic", "Topics"]

_ID_BYTES: Final = 16


class _Uuid:
    """Sixteen bytes, as Kafka writes the id of a topic."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(_ID_BYTES)

    @classmethod
    def repr(cls, value: bytes) -> str:
        return value.hex()


class _MetadataResponse(Response):  # type: ignore[misc]  # the library has no types
    API_KEY = 3
    API_VERSION = 11
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc]
    """Version 11 of the request for metadata, of Kafka 2.8 and later."""

    API_KEY = 3
    API_VERSION = 11
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc]
    """Asks for topics by name, and never makes one."""

    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics: list[Any] = [(bytes(_ID_BYTES), name, {}) for name in topics]

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        return request_struct_class(self._topics, False, False, {})


class Topic(msgspec.Struct, frozen=True):
    """A topic as the brokers that serve it know it."""

    name: str
    topic_id: str
    cluster: str
    #: Partition → the broker that leads it.
    leaders: dict[int, int]


class Topics:
    """Asks a cluster for topics, over a connection of its own."""

    def __init__(self, cluster: Cluster) -> None:
        self._client: Any = AIOKafkaClient(**cluster.options())
        self._leaders: dict[str, set[int]] = {}

    async def start(self) -> None:
        """Connect; raises KafkaError where no broker answers."""
        await self._client.bootstrap()

    async def stop(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def find(self, names: Collection[str]) -> Mapping[str, Topic]:
        """Return those topics that are there and whole; raises KafkaError where a broker does not answer.

        Each broker that leads a partition of them is asked, since another may not have heard of a change
        yet. A topic that they know differently is left out: it is just being made.
        """
        if not names:
            return {}
        nodes = {node for name in names for node in self._leaders.get(name, ())}
        if not nodes or any(name not in self._leaders for name in names):
            nodes.add(self._any_node())
        found: dict[str, Topic] = {}
        differing: set[str] = set()
        asked: set[int] = set()
        while nodes - asked:
            node = min(nodes - asked)
            asked.add(node)
            answer = await self._ask(node, names)
            for name, topic in answer.items():
                if found.setdefault(name, topic).topic_id != topic.topic_id:
                    differing.add(name)
                nodes |= set(topic.leaders.values())
            differing |= set(found) - set(answer)
        self._leaders = {name: set(topic.leaders.values()) for name, topic in found.items()}
        return {name: topic for name, topic in found.items() if name not in differing}

    def _any_node(self) -> int:
        node = self._client.get_random_node()
        if node is None:
            raise NodeNotReadyError
        return int(node)

    async def _ask(self, node: int, names: Collection[str]) -> dict[str, Topic]:
        try:
            answer = await self._client.send(node, _MetadataRequest(sorted(names)))
        except KafkaError:
            self._leaders.clear()  # a broker that went away must not be asked for ever
            self._client.force_metadata_update()
            raise
        found = {}
        for code, name, topic_id, _, partitions, _, _ in answer.topics:
            # One that is absent or not ours to read must not keep the others from being read.
            leaders = {one[1]: one[2] for one in partitions if one[2] >= 0}
            if leaders and not code:
                found[name] = Topic(name, topic_id.hex(), answer.cluster_id or "", leaders)
        return found
