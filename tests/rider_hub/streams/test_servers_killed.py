"""Promise 3, the servers: broker and PostgreSQL die by kill -9 while a platform streams and readers join."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from connectors.simulator import World, communities_of, parts
from rider_hub.errors import Unavailable
from rider_hub.intake.stream_tables import stream_gap
from rider_hub.intake.streams import change_streams
from rider_hub.riders.tables import registration
from rider_hub.storage.migrate import upgrade
from tests.factories import county_staff
from tests.kafka_server import Broker, make_topic
from tests.rider_hub.faults.cluster import Cluster
from tests.rider_hub.faults.service import LONG, PLATFORM, Service, prepared
from tests.rider_hub.intake.build import COUNTY, count
from tests.rider_hub.streams.site import produce, taken, until
from tests.rider_hub.streams.test_kills import PARTITIONS, Reader, Row, at_end

KILLS = 10 if LONG else 1
PART = 250
ROWS = World(communities=communities_of(COUNTY), stations=0, riders=PART * 6, tier="B").registration_rows()
#: The first are being taken while the others are being sent.
HALVES = (ROWS[: PART * 2], ROWS[PART * 2 :])


@pytest.fixture
def cluster() -> Any:
    """Give a PostgreSQL of this test's own, migrated."""
    server = Cluster()
    try:
        server.start()
        upgrade(server.url)
        yield server
    finally:
        server.remove()


async def test_kills_of_broker_and_database_lose_nothing(
    cluster: Cluster, own_kafka: Broker, tmp_path: Path
) -> None:
    """What was acknowledged counts once, with no gap, and no position is ahead of its rows."""
    topic = await make_topic(own_kafka.bootstrap, PARTITIONS)
    async with prepared(cluster.url, tmp_path / "hub") as service:
        async with service.opened() as hub:
            await change_streams(hub, county_staff(), PLATFORM, {"registration": topic})
        new_reader = partial(Reader, service.settings, own_kafka.bootstrap, topic)
        steady, riders, readers = new_reader(), 0, 1
        for number in range(KILLS):
            for server in (own_kafka, cluster):
                joining, readers = new_reader(), readers + 1
                await until(lambda reader=joining, count=readers: has_begun(reader, count))
                first, last = (named(half, f"{number}-{type(server).__name__}") for half in HALVES)
                await send_all(own_kafka, topic, first)
                await until(lambda least=riders + PART: is_stored(service, least))
                sending = asyncio.create_task(send_all(own_kafka, topic, last))
                await asyncio.sleep(0.1)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                await sending
                riders += len(first) + len(last)
                await until(lambda: is_read(service, own_kafka, topic))
                joining.send(signal.SIGKILL)
                await joining.ended()
                async with service.opened() as hub:
                    assert await count(hub, registration) == riders
                    assert sum((await taken(hub, topic)).values()) >= riders
                    assert await count(hub, stream_gap) == 0
        steady.send(signal.SIGTERM)
        assert await steady.ended() == 0, steady.log.read_text("utf-8")


async def has_begun(reader: Reader, readers: int) -> bool:
    """Say whether so many readers have begun: one whose database is away when it starts ends with words."""
    return reader.log.read_text("utf-8").count("reading streams") >= readers


def named(rows: Sequence[Row], suffix: str) -> list[Row]:
    """Return rows of riders of their own."""
    return [row | {"platform_rider_ref": f"{row['platform_rider_ref']}-{suffix}"} for row in rows]


async def send_all(kafka: Broker, topic: str, rows: Sequence[Row]) -> None:
    """Send rows in parts; one that is not acknowledged whole is sent again."""
    for part in parts(rows, PART):
        messages = [(n % PARTITIONS, None, row) for n, row in enumerate(part)]
        await again(lambda messages=messages: produce(kafka.bootstrap, topic, messages))


async def again(work: Callable[[], Awaitable[None]]) -> None:
    """Do something until the broker is there for it."""
    while True:
        try:
            return await work()
        except KafkaError:
            await asyncio.sleep(0.2)


async def is_stored(service: Service, least: int) -> bool:
    """Say whether so many riders are there, as far as the database answers."""
    with suppress(Unavailable):
        async with service.opened() as hub:
            return await count(hub, registration) >= least
    return False


async def is_read(service: Service, kafka: Broker, topic: str) -> bool:
    """Say whether every message was taken, as far as both servers answer."""
    with suppress(Unavailable, KafkaError):
        async with service.opened() as hub:
            return await at_end(hub, kafka.bootstrap, topic)
    return False
