"""A database that is gone, hangs or comes back: said at once, in little memory, and nothing is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from sqlalchemy.engine import make_url

from connectors.simulator import World, communities_of, parts
from connectors.transport.push_client import ndjson
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from rider_hub.storage.migrate import upgrade
from tests.databases import Databases
from tests.rider_hub.faults.cluster import Cluster
from tests.rider_hub.faults.outcome import outcome_of
from tests.rider_hub.faults.proxy import Proxy
from tests.rider_hub.faults.service import LONG, Service, prepared
from tests.rider_hub.intake.build import COUNTY, count

#: The promises: an answer within a second, and memory that does not grow.
ANSWER_S = 1.0
GROWTH_MB = 50
DOWN_S = 60 if LONG else 3
PART = 500
ROWS = World(communities=communities_of(COUNTY), stations=0, riders=PART * 8, tier="B").registration_rows()


@asynccontextmanager
async def behind_proxy(
    postgres: Databases, template: str, folder: Path
) -> AsyncIterator[tuple[Service, Proxy]]:
    """Serve a hub whose database stands behind a proxy."""
    url = postgres.create(template=template)
    known = make_url(url)
    async with Proxy(known.port or 5432, known.host or "127.0.0.1") as proxy:
        through = known.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        async with prepared(url, folder, change=lambda _: through) as service:
            await service.start()
            yield service, proxy
    postgres.drop(url)


async def ask(service: Service, seconds: float, within_s: float) -> None:
    """Ask for a page, for readiness and by a push, again and again: each is told to come again, in time."""
    until = time.monotonic() + seconds
    asked = 0
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < until or asked < 4:
            started = time.monotonic()
            if asked % 2:
                status, headers, body = await service.post(session, ndjson(ROWS[:PART]), f"down-{asked}")
                assert b"database_down" in body
            else:
                path = "/readyz" if asked % 4 else "/login"
                async with session.get(service.url + path) as answer:
                    status, headers = answer.status, dict(answer.headers)
                    await answer.read()
            assert (status, "Retry-After" in headers) == (503, True), asked
            assert time.monotonic() - started < within_s
            asked += 1


async def test_a_database_that_is_gone_is_said_at_once(
    postgres: Databases, postgres_template: str, tmp_path: Path
) -> None:
    """503 with Retry-After within a second on pages and pushes, while pushes wait; then all is caught up."""
    async with behind_proxy(postgres, postgres_template, tmp_path) as (service, proxy):
        await service.push(ROWS[:PART], "first")
        before = service.memory_mb()
        sent = [asyncio.create_task(service.push(part, f"k-{n}")) for n, part in enumerate(parts(ROWS, PART))]
        await asyncio.sleep(0.3)
        await proxy.refuse()
        await ask(service, DOWN_S, ANSWER_S)
        assert service.memory_mb() - before < GROWTH_MB
        await proxy.accept()
        receipts = await asyncio.wait_for(asyncio.gather(*sent), 60)
        assert {one["received"] for one in receipts} == {PART}
        await service.kill()
        async with service.opened() as hub:
            assert await count(hub, registration) == len(ROWS)
            assert await count(hub, receipt) == len(sent) + 1


async def test_a_database_that_hangs_is_said_within_seconds(
    postgres: Databases, postgres_template: str, tmp_path: Path
) -> None:
    """A server that takes connections and never answers keeps nobody waiting for long, and then goes on."""
    async with behind_proxy(postgres, postgres_template, tmp_path) as (service, proxy):
        await service.push(ROWS[:PART], "first")
        proxy.flows.clear()
        await ask(service, 0, within_s=10)
        proxy.heal()
        receipt_of = await asyncio.wait_for(service.push(ROWS, "then"), 60)
        assert receipt_of["received"] == len(ROWS)


async def test_kills_of_the_database_lose_nothing(tmp_path: Path) -> None:
    """PostgreSQL dies by kill -9 during pushes: what was acknowledged is there, each row once."""
    cluster = Cluster()
    await asyncio.to_thread(cluster.start)
    try:
        await asyncio.to_thread(upgrade, cluster.url)
        async with prepared(cluster.url, tmp_path / "hub") as service:
            await service.start()
            for number in range(10 if LONG else 1):
                rows = [row | {"platform_rider_ref": f"{row['platform_rider_ref']}-{number}"} for row in ROWS]
                sending = asyncio.create_task(push_all(service, rows, number))
                await asyncio.sleep(0.5)
                await asyncio.to_thread(cluster.kill)
                await asyncio.to_thread(cluster.start)
                acknowledged = await asyncio.wait_for(sending, 120)
                async with service.opened() as hub:
                    assert await count(hub, registration) == acknowledged * (number + 1)
            await service.kill()
            async with service.opened() as hub:
                found = await outcome_of(hub)
                assert found.history.total() == found.registrations
    finally:
        cluster.remove()


async def push_all(service: Service, rows: list[dict[str, object]], number: int) -> int:
    """Push rows in parts and return how many were accepted."""
    receipts = [await service.push(part, f"k-{number}-{n}") for n, part in enumerate(parts(rows, PART))]
    return sum(one["accepted"] for one in receipts)
