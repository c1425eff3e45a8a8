"""A hub whose platform streams to topics of its own on the session's Kafka, and readers of them."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import select

from connectors.transport.kafka.cluster import Cluster, Group
from rider_hub.access import Hub
from rider_hub.intake.stream_process import read_streams
from rider_hub.intake.stream_tables import dead_letter, stream_position
from rider_hub.intake.streams import change_streams
from rider_hub.intake.tables import receipt
from rider_hub.settings_kafka import StreamSettings
from tests.factories import county_staff, make_hub
from tests.kafka_server import make_topic
from tests.rider_hub.intake.build import bring_in_county, sender_of

__all__ = ["PLATFORM", "Site", "ends_of", "everything_in", "opened", "positions", "produce", "taken", "until"]

PLATFORM = "ding"
_PATIENCE_S = 90


class Site:
    """One hub, one platform, one topic of registrations with a group of readers of its own."""

    def __init__(self, hub: Hub, kafka: str, topic: str) -> None:
        self.hub, self.kafka, self.topic = hub, kafka, topic
        group = Group(name=f"group-{topic}", session_s=3, linger_s=0.05)
        self.settings = StreamSettings(Cluster((kafka,)), group)

    @asynccontextmanager
    async def reading(self, **group: Any) -> AsyncIterator[None]:
        """Read all streams of the hub in this process meanwhile, with another group setting or two."""
        stop = asyncio.Event()
        settings = replace(self.settings, group=replace(self.settings.group, **group))
        task = asyncio.create_task(read_streams(self.hub, settings, stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def read_to_the_end(self) -> None:
        """Read until everything that is there now is taken and told of."""
        async with self.reading():
            await until(self.is_at_end)

    async def is_at_end(self) -> bool:
        """Say whether positions stand at the ends of the topic and no dead letter waits."""
        ends = await ends_of(self.kafka, self.topic)
        stand = {place[1]: at for place, at in (await positions(self.hub, self.topic)).items()}
        async with self.hub.database.read() as connection:
            waiting = select(dead_letter.c.id).where(dead_letter.c.sent_at.is_(None)).limit(1)
            return stand == ends and (await connection.execute(waiting)).first() is None


@asynccontextmanager
async def opened(
    database_url: str, folder: Path, kafka: str, *, partitions: int = 1, **agreement: Any
) -> AsyncIterator[Site]:
    """Open a hub with a county and a platform that streams registrations."""
    topic = await make_topic(kafka, partitions)
    async with make_hub(database_url, folder) as hub:
        await bring_in_county(hub)
        await sender_of(hub, PLATFORM, **agreement)
        await change_streams(hub, county_staff(), PLATFORM, {"registration": topic})
        yield Site(hub, kafka, topic)


async def produce(
    kafka: str,
    topic: str,
    messages: Sequence[tuple[int, bytes | None, dict[str, Any] | bytes | None]],
    **options: Any,
) -> None:
    """Send messages to a topic: partition, key, and a row, bytes or nothing."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=5, **options)
    try:
        await producer.start()
        sent = []
        for partition, key, value in messages:
            body = msgspec.json.encode(value) if isinstance(value, dict) else value
            sent.append(await producer.send(topic, body, key, partition))
        await producer.flush()
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def everything_in(kafka: str, topic: str) -> list[Any]:
    """Return all messages that are in a topic now."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[Any] = []
        while sum(ends.values()) > len(found):
            for some in (await consumer.getmany(timeout_ms=1000)).values():
                found += some
        return found
    finally:
        await consumer.stop()


async def ends_of(kafka: str, topic: str) -> dict[int, int]:
    """Return where each partition of a topic ends."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka)
    try:
        await consumer.start()
        return {
            one.partition: end for one, end in (await consumer.end_offsets(consumer.assignment())).items()
        }
    finally:
        await consumer.stop()


async def positions(hub: Hub, topic: str) -> dict[tuple[str, int], int]:
    """Return where reading of a topic stands, by the topic's id and partition."""
    c = stream_position.c
    async with hub.database.read() as connection:
        rows = await connection.execute(select(stream_position).where(c.topic == topic))
        return {(row.topic_id, row.partition): row.position for row in rows}


async def taken(hub: Hub, topic: str) -> dict[int, int]:
    """Return up to where receipts say each partition was taken.

    Each message must stand in exactly one receipt: their ranges follow one another without a hole or an
    overlap, and the position stands where the last one ends. One snapshot of the database is looked at.
    """
    async with hub.database.read(snapshot=True) as connection:
        c = stream_position.c
        query = select(c.partition, c.position).where(c.topic == topic)
        stand = {row.partition: row.position for row in await connection.execute(query)}
        rows = await connection.execute(select(receipt).where(receipt.c.transport == "kafka"))
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for row in rows.mappings():
            name, place, first, last = re.fullmatch(r"(.+)/(\d+)@(\d+)-(\d+)", row["source_name"]).groups()  # type: ignore[union-attr]
            assert name == topic
            assert row["state"] == "done"
            assert row["received"] == int(last) + 1 - int(first)
            found[int(place)].append((int(first), int(last) + 1))
    reached = {}
    for partition, ranges in found.items():
        ranges.sort()
        assert ranges[0][0] == 0
        assert all(a[1] == b[0] for a, b in pairwise(ranges)), ranges
        reached[partition] = ranges[-1][1]
    assert {one: at for one, at in stand.items() if at} == reached
    return reached


async def until(said: Callable[[], Awaitable[bool]], within_s: float = _PATIENCE_S) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s
    while not await said():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.05)
