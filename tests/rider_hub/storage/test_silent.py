"""A process that went silent amid a transaction holds nobody up for good (PostgreSQL)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from rider_hub.errors import Unavailable
from rider_hub.storage import Database
from rider_hub.storage.silent import end_silent
from tests.conftest import migrated

TAKE = text("UPDATE job_run SET counts = counts")
LOCK = text("LOCK TABLE job_run IN ACCESS EXCLUSIVE MODE")


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a migrated PostgreSQL database."""
    yield from migrated(request, "postgresql", tmp_path / "unused.db")


async def test_who_is_waited_for_in_silence_is_ended_and_nobody_else(postgres_url: str) -> None:
    """Of another name, heard of lately, or waited for by nobody: it stays; else it is ended, and told so."""
    silent, waiting = Database(postgres_url, "stopped"), Database(postgres_url)
    try:

        async def hold() -> None:
            async with silent.write() as connection:
                await connection.execute(LOCK)
                held.set()
                await end.wait()
                await connection.execute(TAKE)

        async def take() -> None:
            async with waiting.write() as connection:
                await connection.execute(TAKE)

        held, end = asyncio.Event(), asyncio.Event()
        holding = asyncio.create_task(hold())
        await held.wait()
        assert await end_silent(waiting, "stopped", 0) == 0
        taking = asyncio.create_task(take())
        ended = 0
        while not ended:  # until the other one waits
            assert await end_silent(waiting, "another", 0) == 0
            assert await end_silent(waiting, "stopped", 60) == 0
            ended = await end_silent(waiting, "stopped", 0)
        await taking
        end.set()
        with pytest.raises(Unavailable):
            await holding
    finally:
        await silent.close()
        await waiting.close()
