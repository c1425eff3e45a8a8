"""A full disk and a database held by another: told as such, nothing half written, then well again."""

import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from connectors.simulator import World, communities_of, parts
from connectors.transport.push_client import ndjson
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.rider_hub.faults.outcome import outcome_of
from tests.rider_hub.faults.service import Order, Service, prepared
from tests.rider_hub.intake.build import COUNTY, count

PART = 1_000
ROWS = World(communities=communities_of(COUNTY), stations=0, riders=PART * 6, tier="B").registration_rows()
KEYS = [f"k-{number}" for number in range(len(ROWS) // PART)]


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Give a migrated SQLite file of this test's own."""
    (tmp_path / "small").mkdir()
    path = tmp_path / "small" / "rider_hub.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite+aiosqlite:///{path}"


async def push_all(service: Service) -> list[tuple[int, dict[str, str], bytes]]:
    """Push every part once, whatever is answered."""
    async with aiohttp.ClientSession() as session:
        return [
            await service.post(session, ndjson(part), key)
            for key, part in zip(KEYS, parts(ROWS, PART), strict=True)
        ]


async def check_whole_parts(service: Service, answers: list[tuple[int, dict[str, str], bytes]]) -> None:
    """Check that what was acknowledged is stored, and of the refused exactly what their receipts say."""
    taken = [key for key, (status, _, _) in zip(KEYS, answers, strict=True) if status == 200]
    async with service.opened() as hub, hub.database.read() as connection:
        done = select(receipt.c.idempotency_key).where(receipt.c.state == "done")
        assert set((await connection.execute(done)).scalars()) == set(taken)
        told = (await connection.execute(select(func.sum(receipt.c.accepted)))).scalar_one()
        assert await count(hub, registration) == told >= len(taken) * PART


async def check_well_again(service: Service) -> None:
    """Check that the same process takes everything now, and that the database is whole."""
    process = service.pid
    for key, part in zip(KEYS, parts(ROWS, PART), strict=True):
        assert (await service.push(part, key, compress=False))["accepted"] == PART
    assert service.pid == process
    await service.kill()
    async with service.opened() as hub:
        found = await outcome_of(hub)
        assert found.registrations == found.history.total() == len(ROWS)


async def test_a_file_that_may_not_grow_is_told_and_mended_by_room(sqlite_url: str, tmp_path: Path) -> None:
    """Where the system writes no more bytes: 507 with Retry-After; with room the same process goes on."""
    async with prepared(sqlite_url, tmp_path / "data") as service:
        await service.start()
        folder = Path(make_url(sqlite_url).database or "").parent
        size = max(file.stat().st_size for file in folder.iterdir()) + 4_000_000
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        answers = await push_all(service)
        assert_told(answers)
        await check_whole_parts(service, answers)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await check_well_again(service)


async def test_a_database_that_may_have_no_more_pages_is_told(sqlite_url: str, tmp_path: Path) -> None:
    """SQLITE_FULL, which a full disk gives: 507, whole parts only, and nothing of the refused ones."""
    with closing(sqlite3.connect(make_url(sqlite_url).database or "")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    async with prepared(sqlite_url, tmp_path / "data") as service:
        await service.start(Order(most_pages=pages + 900))
        answers = await push_all(service)
        assert_told(answers)
        await check_whole_parts(service, answers)
        await service.kill()
        await service.start()
        await check_well_again(service)


async def test_a_database_held_by_another_is_told(sqlite_url: str, tmp_path: Path) -> None:
    """Another process holds the file: 503 with Retry-After once the wait is over; then it goes on."""
    async with prepared(sqlite_url, tmp_path / "data") as service:
        await service.start()
        with closing(sqlite3.connect(make_url(sqlite_url).database or "", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with aiohttp.ClientSession() as session:
                status, headers, body = await service.post(session, ndjson(ROWS[:10]), "held")
            other.execute("ROLLBACK")
        assert (status, headers["Retry-After"]) == (503, "5")
        assert b"database_busy" in body
        await check_well_again(service)


def assert_told(answers: list[tuple[int, dict[str, str], bytes]]) -> None:
    """Check that some part was taken and the rest was refused for want of room, in words."""
    assert {status for status, _, _ in answers} == {200, 507}
    refused = [(headers["Retry-After"], body) for status, headers, body in answers if status == 507]
    assert all(again == "5" and b"disk_full" in body for again, body in refused)
