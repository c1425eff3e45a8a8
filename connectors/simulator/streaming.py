"""Streams a simulated platform's rows to topics of Kafka, with answers that are not heard to order."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.problems import feed_error
from connectors.records import SUBJECTS, FeedType
from connectors.simulator.faults import Faults, falls
from connectors.sources.manifest import Manifest
from connectors.sources.values import get_path
from connectors.transport.kafka.cluster import Cluster
from connectors.transport.kafka.places import ClusterError
from connectors.transport.kafka.sender import Outgoing, StreamSender, sending


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Where a platform streams to; a topic is named `<platform>.<type>` unless `topics` says another."""

    cluster: Cluster
    platform: str
    topics: Mapping[str, str] = {}

    def topic(self, feed_type: FeedType) -> str:
        """Return the topic of a feed."""
        return self.topics.get(feed_type) or f"{self.platform}.{feed_type}"


async def stream_parts(
    target: Stream,
    feed_type: FeedType,
    parts: Iterable[Sequence[Mapping[str, Any]]],
    *,
    manifest: Manifest | None = None,
    faults: Faults | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """Send parts one after another and yield, of each, how many messages the brokers acknowledged.

    Rows are as `source_rows` gives them, one a message. Every `cut_every`-th part is sent once before by a
    program that hears no answer, and then all of it again, as a program does that was restarted.
    Raises FeedError `stream_failed` where the brokers can't be reached or do not take a message.
    """
    faults = faults or Faults()
    topic = target.topic(feed_type)
    try:
        async with sending(target.cluster) as sender:
            for number, rows in enumerate(parts, 1):
                messages = [_message(topic, feed_type, row, manifest) for row in rows]
                if falls(number, faults.cut_every):
                    async with sending(target.cluster) as unheard:
                        await unheard.send(messages)
                await _send(sender, messages)
                yield {"type": feed_type, "topic": topic, "sent": len(messages)}
    except ClusterError as error:
        raise feed_error("stream_failed", status=502) from error


async def _send(sender: StreamSender, messages: Sequence[Outgoing]) -> None:
    if not all(await sender.send(messages)):
        raise feed_error("stream_failed", status=502)


def _message(topic: str, feed_type: FeedType, row: Mapping[str, Any], manifest: Manifest | None) -> Outgoing:
    # Rows of one key stay in one partition, and so in order.
    name = SUBJECTS[feed_type]
    key = get_path(row, manifest.source_path(feed_type, name) if manifest else name)
    return Outgoing(topic, None if key is None else str(key).encode(), msgspec.json.encode(row))
