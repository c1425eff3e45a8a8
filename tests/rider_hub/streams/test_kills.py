"""Promise 3: readers are killed, stopped and woken while a platform streams; each message counts once."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from connectors.simulator import Faults, World, communities_of, history, source_rows
from rider_hub.access import Actor, Hub
from rider_hub.intake import store
from rider_hub.intake.streams import change_streams
from rider_hub.settings import Settings
from tests.factories import county_staff
from tests.kafka_server import make_topic
from tests.rider_hub.faults.faulty_server import Order, serve
from tests.rider_hub.faults.service import _FORKS, LONG, PLATFORM, prepared
from tests.rider_hub.intake.build import COUNTY, push
from tests.rider_hub.riders.build import state_of
from tests.rider_hub.streams.site import ends_of, positions, produce, taken, until

KILLS = 50 if LONG else 5
ROWS = 40_000 if LONG else 4_000
PARTITIONS = 3
WORLD = World(communities=communities_of(COUNTY), stations=0, riders=ROWS, tier="B")
FAULTS = Faults(corrected_every=7, retracted_every=11, late_every=5, shuffled=True)
ROW_FAULTS = Faults(bad_every=97, duplicate_every=50)

Row = dict[str, Any]


class Reader:
    """One `rider-hub stream` in a process of its own."""

    def __init__(self, settings: Settings, kafka: str, topic: str, order: Order | None = None) -> None:
        given = {
            "RIDER_HUB_DATA_DIR": str(settings.data_dir),
            "RIDER_HUB_DATABASE_URL": settings.url,
            "RIDER_HUB_KAFKA_BROKERS": kafka,
            "RIDER_HUB_KAFKA_GROUP": f"group-{topic}",
            "RIDER_HUB_KAFKA_SESSION_SECONDS": "2",
        }
        self.log = settings.data_dir / "stream.log"
        arguments = (given, order or Order(rows_a_part=200), str(self.log), "stream")
        self.process = _FORKS.Process(target=serve, args=arguments, daemon=True)
        self.process.start()

    def send(self, kind: signal.Signals) -> None:
        """Send the process a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, kind)

    async def ended(self, within_s: float = 60) -> int | None:
        """Wait for the end of the process and return its exit status."""
        await asyncio.to_thread(self.process.join, within_s)
        assert not self.process.is_alive(), "the reader is still there"
        return self.process.exitcode


@asynccontextmanager
async def streaming(database_url: str, folder: Path, kafka: str) -> AsyncIterator[tuple[Settings, Hub, str]]:
    """Bring a county, a sender and a topic into a database; nobody reads yet."""
    topic = await make_topic(kafka, PARTITIONS)
    async with prepared(database_url, folder) as service, service.opened() as hub:
        await change_streams(hub, county_staff(), PLATFORM, {"registration": topic})
        yield service.settings, hub, topic


def sent_rows() -> list[Row]:
    """Return the versions of all riders out of order, some twice, some unreadable."""
    rows = history("registration", WORLD.registration_rows(), FAULTS)
    return source_rows(None, "registration", rows, ROW_FAULTS)


async def stream(kafka: str, topic: str, rows: Sequence[Row]) -> None:
    """Send rows over all partitions by chance, so that versions of one rider come in any order."""
    draw = random.Random(7)
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        await produce(kafka, topic, [(draw.randrange(PARTITIONS), None, row) for row in part])
        await asyncio.sleep(0.1)


async def at_end(hub: Hub, kafka: str, topic: str) -> bool:
    """Say whether every message was taken."""
    stand = {partition: at for (_, partition), at in (await positions(hub, topic)).items()}
    return stand == await ends_of(kafka, topic)


async def test_kills_lose_nothing_and_double_nothing(
    postgres_url: str, twin_url: str, tmp_path: Path, kafka: str
) -> None:
    """Two readers, one killed again and again, also exactly around a commit: the state is that of a push."""
    rows, draw = sent_rows(), random.Random(KILLS)
    async with streaming(postgres_url, tmp_path / "hub", kafka) as (settings, hub, topic):
        steady = Reader(settings, kafka, topic)
        sending = asyncio.create_task(stream(kafka, topic, rows))
        for number in range(KILLS):
            kind = ("after_commit", "before_commit", "")[number % 3]
            order = Order(kill=kind, at=1 + number % 2, rows_a_part=200)  # type: ignore[arg-type]
            victim = Reader(settings, kafka, topic, order)
            await asyncio.to_thread(victim.process.join, draw.uniform(2, 5))
            if victim.process.is_alive():
                victim.send(signal.SIGKILL)
            assert await victim.ended() == -signal.SIGKILL, victim.log.read_text("utf-8")
            await taken(hub, topic)
            if number == KILLS // 2:
                steady.send(signal.SIGKILL)
                steady = Reader(settings, kafka, topic)
        await sending
        await until(lambda: at_end(hub, kafka, topic))
        steady.send(signal.SIGTERM)
        assert await steady.ended() == 0, steady.log.read_text("utf-8")
        assert sum((await taken(hub, topic)).values()) == len(rows)
        streamed = await state_of(hub)
    async with (
        prepared(twin_url, tmp_path / "twin", keys_from=tmp_path / "hub") as twin,
        twin.opened() as hub,
    ):
        assert streamed == await _pushed(hub, rows)


async def _pushed(hub: Hub, rows: Sequence[Row]) -> str:
    """Push the same rows in another order and return the state."""
    async with hub.database.read() as connection:
        sender = await store.find_sender(connection, PLATFORM, Actor.sender(PLATFORM).scope)
    assert sender is not None
    for start in range(0, len(rows), 5_000):
        await push(hub, sender, rows[start : start + 5_000][::-1])
    return await state_of(hub)


async def test_a_reader_that_was_stopped_and_wakes_writes_nothing_twice(
    postgres_url: str, tmp_path: Path, kafka: str
) -> None:
    """It is stopped with messages in hand, another reads all; woken, it goes on as one of the group."""
    async with streaming(postgres_url, tmp_path / "hub", kafka) as (settings, hub, topic):
        rows = WORLD.registration_rows()
        await produce(kafka, topic, [(n % PARTITIONS, None, row) for n, row in enumerate(rows[:3000])])
        zombie = Reader(settings, kafka, topic, Order(rows_a_part=50))
        await until(lambda: _begun(hub, topic))
        zombie.send(signal.SIGSTOP)
        other = Reader(settings, kafka, topic)
        await until(lambda: at_end(hub, kafka, topic))
        zombie.send(signal.SIGCONT)
        await produce(kafka, topic, [(n % PARTITIONS, None, row) for n, row in enumerate(rows[3000:3300])])
        await until(lambda: at_end(hub, kafka, topic))
        for reader in (zombie, other):
            reader.send(signal.SIGTERM)
            assert await reader.ended() == 0, reader.log.read_text("utf-8")
        assert sum((await taken(hub, topic)).values()) == 3300


async def _begun(hub: Hub, topic: str) -> bool:
    return sum((await positions(hub, topic)).values()) > 0
