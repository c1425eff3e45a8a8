"""Slots of jobs: the database decides."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rider_hub.clock import FixedClock
from rider_hub.errors import Conflict
from rider_hub.runs import service as runs
from tests.factories import make_hub

DUE = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


async def test_of_many_schedulers_one_gets_the_slot(database_url: str, tmp_path: Path) -> None:
    """However many claim a slot at once, exactly one runs it; done slots stay done."""
    async with make_hub(database_url, tmp_path) as hub:
        claims = await asyncio.gather(*(runs.claim(hub, "job", DUE, f"s{i}") for i in range(8)))
        won = [run for run in claims if run is not None]
        assert len(won) == 1
        await runs.finish(hub, won[0], {"rows": 1})
        assert await runs.claim(hub, "job", DUE, "later") is None


async def test_a_silent_run_is_taken_over_and_its_zombie_refused(database_url: str, tmp_path: Path) -> None:
    """After a minute without a sign of life another may go on; the first one's next batch is refused."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        first = await runs.claim(hub, "job", DUE, "one")
        assert first is not None
        clock.advance(seconds=59)
        assert await runs.claim(hub, "job", DUE, "two") is None
        clock.advance(seconds=2)
        second = await runs.claim(hub, "job", DUE, "two")
        assert second is not None
        assert second.fence == first.fence + 1
        async with hub.database.write() as connection:
            await runs.check_fence(connection, second)
            with pytest.raises(Conflict):
                await runs.check_fence(connection, first)
