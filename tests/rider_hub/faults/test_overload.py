"""More pushes than the hub can work on: told 429 before anybody's time is up, in little memory."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from connectors.simulator import World, communities_of
from connectors.transport.push_client import ndjson
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.rider_hub.faults.service import LONG, Order, Service, prepared
from tests.rider_hub.intake.build import COUNTY, count

#: The promises. How long pages take is asserted in the long run, on a machine that does nothing else.
MEMORY_MB = 512
PAGE_S = 1.0
#: Less than the five minutes of common programs, more than the wait for a turn and a large batch.
TIME_OUT_S = 60
SECONDS = 300 if LONG else 0
SENDERS = 20 if LONG else 8
ROWS = 20_000 if LONG else 1_500
PLATFORMS = tuple(f"p{number}" for number in range(SENDERS))


async def send(service: Service, platform: str, until: float) -> tuple[Counter[int], int]:
    """Push batch after batch until the time is over, each until it is taken; return statuses and rows."""
    seen: Counter[int] = Counter()
    number = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIME_OUT_S)) as session:
        while not number or time.monotonic() < until:
            world = World(communities=communities_of(COUNTY), stations=0, riders=ROWS, prefix=f"B{number}")
            body = ndjson(world.registration_rows())
            status = 0
            while status != 200:
                status, headers, _ = await service.post(session, body, f"k-{number}", platform)
                seen[status] += 1
                assert status in {200, 409, 429}
                if status != 200:
                    assert headers["Retry-After"]
                    await asyncio.sleep(0.5)
            number += 1
    return seen, number * ROWS


async def look(service: Service, stop: asyncio.Event) -> list[float]:
    """Ask for a page again and again; return how long each took."""
    took: list[float] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIME_OUT_S)) as session:
        while not stop.is_set():
            started = time.monotonic()
            async with session.get(f"{service.url}/login") as answer:
                assert answer.status == 200
                await answer.read()
            took.append(time.monotonic() - started)
            await asyncio.sleep(0.05)
    return took


async def test_overload_is_told_before_it_hurts(database_url: str, tmp_path: Path) -> None:
    """Every push ends in 200 or hears 429 with Retry-After; nothing times out and nothing is lost."""
    order = Order(patience_s=10.0 if LONG else 0.2, rows_a_part=1_000)
    given: dict[str, Any] = {"settings": {"pushes_a_minute": 10_000}}
    async with prepared(database_url, tmp_path, platforms=PLATFORMS, agreement=given) as service:
        await service.start(order)
        stop = asyncio.Event()
        pages = asyncio.create_task(look(service, stop))
        until = time.monotonic() + SECONDS
        sent = await asyncio.gather(*(send(service, platform, until) for platform in PLATFORMS))
        stop.set()
        took = sorted(await pages)
        statuses: Counter[int] = sum((seen for seen, _ in sent), Counter())
        assert statuses[429] > 0
        assert service.memory_mb("VmHWM") < MEMORY_MB
        assert not LONG or took[int(len(took) * 0.99)] < PAGE_S
        await service.kill()
        async with service.opened() as hub:
            assert await count(hub, registration) == sum(rows for _, rows in sent)
            assert await count(hub, receipt) == sum(rows for _, rows in sent) / ROWS
