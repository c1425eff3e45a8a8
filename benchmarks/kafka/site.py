"""A hub on a fresh database whose platform streams to three partitions, and processes that read them."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from benchmarks.intake.people import STATIONS, line
from benchmarks.intake.service import PLATFORM
from rider_hub.access.opening import make_first_keys, open_hub
from rider_hub.intake.streams import change_streams
from rider_hub.settings import Settings
from tests.factories import county_staff
from tests.kafka_server import make_topic
from tests.rider_hub.intake.build import bring_in_county, push, sender_of, station

__all__ = ["PARTITIONS", "Reader", "Site", "opened"]

PARTITIONS = 3
_BATCH_BYTES = 512 * 1024
_POLL_S = 0.02
_PATIENCE_S = 120


@dataclass
class Reader:
    """One `rider-hub stream` in a process of its own."""

    process: asyncio.subprocess.Process

    def cpu_s(self) -> float:
        """Return the seconds of processor the process has used."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    async def end(self, kind: signal.Signals = signal.SIGTERM) -> None:
        """Send the process a signal and wait for its end."""
        if self.process.returncode is None:
            self.process.send_signal(kind)
            await self.process.wait()


@dataclass
class Site:
    """The topic, what was sent to it, and where its readers stand."""

    kafka: str
    topic: str
    settings: Settings
    connection: asyncpg.Connection
    producer: AIOKafkaProducer
    session_s: int
    readers: list[Reader] = field(default_factory=list)
    sent: int = 0
    _of_key: Any = field(default_factory=DefaultPartitioner)

    async def start_readers(self, count: int) -> None:
        """Start readers and wait until each of all has its part of the partitions."""
        for _ in range(count):
            self.readers.append(Reader(await _start(self)))
        await self._until_joined(len(self.readers))

    async def end_readers(self) -> None:
        """Let all readers end as they are told to."""
        for reader in self.readers:
            await reader.end()
        self.readers.clear()

    def batches(self, numbers: Iterable[int]) -> list[tuple[int, Any, int]]:
        """Return registrations as batches ready to send: partition, batch, how many."""
        found: list[tuple[int, Any, int]] = []
        open_ones: dict[int, Any] = {}
        for number in numbers:
            key = b"D%08d" % number
            partition = self._of_key(key, range(PARTITIONS), range(PARTITIONS))
            value = line(number).rstrip()
            while True:
                batch = open_ones.setdefault(partition, self.producer.create_batch())
                if batch.append(key=key, value=value, timestamp=None) is not None:
                    break
                found.append((partition, open_ones.pop(partition), batch.record_count()))
        found += [(partition, batch, batch.record_count()) for partition, batch in open_ones.items()]
        for _, batch, _ in found:
            batch.close()
        return found

    async def send(self, batches: Sequence[tuple[int, Any, int]]) -> None:
        """Send batches and wait until the broker has them."""
        waiting = [
            await self.producer.send_batch(batch, self.topic, partition=one) for one, batch, _ in batches
        ]
        await asyncio.gather(*waiting)
        self.sent += sum(count for *_, count in batches)

    async def positions(self) -> dict[int, int]:
        """Return where reading of each partition stands."""
        query = "SELECT partition, position FROM stream_position WHERE topic = $1"
        return {row["partition"]: row["position"] for row in await self.connection.fetch(query, self.topic)}

    async def until_read(self, patience_s: float = _PATIENCE_S) -> None:
        """Wait until everything that was sent is taken in."""
        deadline = time.monotonic() + patience_s
        while sum((await self.positions()).values()) < self.sent:
            if time.monotonic() > deadline:
                raise SystemExit("The stream was not read in time.")
            await asyncio.sleep(_POLL_S)

    async def _until_joined(self, count: int) -> None:
        """Wait until the group is at rest with so many members, and each partition has its position."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while time.monotonic() < deadline:
                joined = await self._at_rest(admin) == count
                if joined and len(await self.positions()) == PARTITIONS:
                    await asyncio.sleep(1)  # until the last of them is placed
                    return
                await asyncio.sleep(_POLL_S)
        finally:
            await admin.close()
        raise SystemExit("The readers did not join.")

    async def _at_rest(self, admin: AIOKafkaAdminClient) -> int:
        """Return how many members the group has, 0 while it is not at rest."""
        try:
            [answer] = await admin.describe_consumer_groups([f"group-{self.topic}"])
        except KafkaError:
            return 0  # no group has met at this broker yet
        [(_, _, state, _, _, members, *_)] = answer.groups
        return len(members) if state == "Stable" else 0


@asynccontextmanager
async def opened(
    kafka: str, database_url: str, folder: Path, suite: str, session_s: int
) -> AsyncIterator[Site]:
    """Open a site on a migrated, empty database; stations are in, riders are not, and nobody reads."""
    topic = await make_topic(kafka, PARTITIONS)
    settings = Settings(data_dir=folder, database_url=database_url, suite=suite)
    await make_first_keys(settings)
    async with open_hub(settings) as hub:
        await bring_in_county(hub)
        sender, _ = await sender_of(hub, PLATFORM)
        await push(hub, sender, [station(number) for number in range(STATIONS)], "station")
        await change_streams(hub, county_staff(), PLATFORM, {"registration": topic})
    connection = await asyncpg.connect(database_url.replace("postgresql+asyncpg", "postgresql"))
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", compression_type="gzip", max_batch_size=_BATCH_BYTES
    )
    await producer.start()
    site = Site(kafka, topic, settings, connection, producer, session_s)
    try:
        yield site
    finally:
        await site.end_readers()
        await producer.stop()
        await connection.close()


async def _start(site: Site) -> asyncio.subprocess.Process:
    given = {
        "DATA_DIR": str(site.settings.data_dir),
        "DATABASE_URL": site.settings.url,
        "KAFKA_BROKERS": site.kafka,
        "KAFKA_GROUP": f"group-{site.topic}",
        "KAFKA_SESSION_SECONDS": str(site.session_s),
    }
    environment = os.environ | {f"RIDER_HUB_{name}": value for name, value in given.items()}
    command = (sys.executable, "-m", "rider_hub", "stream")
    with (site.settings.data_dir / "stream.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)
