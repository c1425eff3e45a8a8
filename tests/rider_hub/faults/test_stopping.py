"""SIGTERM while batches are under way: the hub drains and ends soon, and what it acknowledged is stored."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from connectors.errors import FeedError
from connectors.simulator import World, communities_of
from connectors.transport.push_client import Retry
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.rider_hub.faults.service import LONG, PLATFORM, Order, Service, prepared
from tests.rider_hub.intake.build import COUNTY, count

#: The promise.
DRAINED_S = 10
ROWS = 50_000 if LONG else 6_000
ONCE = Retry(attempts=1)


def rows_of(prefix: str, rows: int = ROWS) -> list[dict[str, Any]]:
    """Return riders of nobody else's prefix."""
    return World(
        communities=communities_of(COUNTY), stations=0, riders=rows, prefix=prefix, tier="B"
    ).registration_rows()


async def try_once(service: Service, key: str, rows: list[dict[str, Any]]) -> bool:
    """Push once; say whether it was acknowledged."""
    try:
        await service.push(rows, key, retry=ONCE)
    except FeedError:
        return False
    return True


async def begun(service: Service) -> None:
    """Wait until some batch is under way."""
    async with service.opened() as hub:
        query = select(func.count()).select_from(receipt).where(receipt.c.state == "running")
        while True:
            async with hub.database.read() as connection:
                if (await connection.execute(query)).scalar_one():
                    return
            await asyncio.sleep(0.02)


async def test_a_stop_in_mid_batch_drains_and_keeps_what_was_acknowledged(
    database_url: str, tmp_path: Path
) -> None:
    """The process ends by itself within 10 seconds; acknowledged batches are whole, others are resumed."""
    batches = {f"k-{n}": rows_of(f"B{n}", ROWS if n == 0 else 300) for n in range(6)}
    async with prepared(database_url, tmp_path) as service:
        await service.start(Order(slow_s=0.5, rows_a_part=200))
        sending = {key: asyncio.create_task(try_once(service, key, rows)) for key, rows in batches.items()}
        await begun(service)
        started = time.monotonic()
        assert await service.kill(signal.SIGTERM) == 0
        assert time.monotonic() - started < DRAINED_S
        acknowledged = [key for key, task in sending.items() if await task]
        assert "k-0" not in acknowledged, "the largest batch was not under way any more"
        async with service.opened() as hub:
            query = select(receipt.c.idempotency_key).where(receipt.c.state == "done")
            async with hub.database.read() as connection:
                done = set((await connection.execute(query)).scalars())
            assert done >= set(acknowledged)
            stored = await count(hub, registration)
        assert stored >= sum(len(batches[key]) for key in acknowledged)
        await service.start()
        for key, rows in batches.items():
            got = await service.push(rows, key, platform=PLATFORM)
            assert got["accepted"] == len(rows)
        await service.kill()
        async with service.opened() as hub:
            assert await count(hub, registration) == sum(map(len, batches.values()))
