"""Every job does its work on a real county, and a second slot changes nothing more."""

from pathlib import Path

import pytest
from sqlalchemy import select

from jobs.registry import registry
from jobs.running import run_slot
from rider_hub.clock import FixedClock
from rider_hub.runs.tables import job_run
from tests.factories import make_hub
from tests.rider_hub.assignments.county import bring_in_county


@pytest.mark.parametrize("name", sorted(registry()))
async def test_a_job_runs_to_its_end(database_url: str, tmp_path: Path, name: str) -> None:
    """The run of each job is done, with counts, for its slot and for the next one."""
    clock = FixedClock()
    async with make_hub(database_url, tmp_path, clock) as hub:
        await bring_in_county(hub)
        job = registry()[name]
        assert await run_slot(hub, job)
        clock.advance(days=1)
        assert await run_slot(hub, job)
        async with hub.database.read() as connection:
            rows = (await connection.execute(select(job_run).order_by(job_run.c.due_at))).mappings().all()
    assert [(row["state"], row["cure_zh"]) for row in rows] == [("done", None)] * 2
