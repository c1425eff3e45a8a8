"""Claiming a slot, telling progress, ending a run. The database decides who runs what, not a clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Hub
from rider_hub.errors import Conflict
from rider_hub.runs.model import Run
from rider_hub.runs.tables import job_run
from rider_hub.storage import insert_ignoring, new_id

__all__ = ["check_fence", "claim", "fail", "finish", "forget_runs", "progress"]

#: A run that gave no sign of life for this long may be taken over.
_SILENT = timedelta(seconds=60)


async def claim(hub: Hub, job: str, due_at: datetime, started_by: str) -> Run | None:
    """Claim the slot (job, due_at); None where it ran, runs, or is another's.

    The unique row decides: however many schedulers wake up, one insert succeeds. A run whose process died is
    taken over with a greater fence.
    """
    now = hub.clock.now()
    row = {
        "id": new_id(),
        "job": job,
        "due_at": due_at,
        "state": "running",
        "fence": 1,
        "started_at": now,
        "heartbeat_at": now,
        "finished_at": None,
        "counts": {},
        "progress": 0,
        "worked": False,
        "cure_zh": None,
        "cure_en": None,
        "started_by": started_by,
    }
    async with hub.database.write() as connection:
        await insert_ignoring(connection, job_run, row, key=("job", "due_at"))
        query = select(job_run).where(job_run.c.job == job, job_run.c.due_at == due_at)
        found = (await connection.execute(query)).mappings().one()
        if found["id"] == row["id"]:
            return Run(str(found["id"]), job, due_at, 1)
        if found["state"] != "running" or found["heartbeat_at"] > now - _SILENT:
            return None
        taken = await connection.execute(
            update(job_run)
            .where(job_run.c.id == found["id"], job_run.c.fence == found["fence"])
            .values(fence=found["fence"] + 1, heartbeat_at=now, started_by=started_by)
        )
        return Run(str(found["id"]), job, due_at, found["fence"] + 1) if taken.rowcount else None


async def check_fence(connection: AsyncConnection, run: Run) -> None:
    """Raise Conflict where the run was taken over; each batch calls it in its own transaction."""
    query = select(job_run.c.fence).where(job_run.c.id == run.id)
    if (await connection.execute(query)).scalar_one() != run.fence:
        raise Conflict("该任务已由另一进程接管。", "Another process took this run over.", code="run_fenced")


async def progress(hub: Hub, run: Run, percent: int) -> None:
    """Tell how far a run is (0-100) and that it lives."""
    await _update(hub, run, progress=percent, heartbeat_at=hub.clock.now())


async def finish(hub: Hub, run: Run, counts: Mapping[str, int]) -> None:
    """End a run that did its work."""
    now = hub.clock.now()
    ended = {"state": "done", "progress": 100, "finished_at": now, "heartbeat_at": now}
    await _update(hub, run, **ended, counts=dict(counts), worked=any(counts.values()))


async def fail(hub: Hub, run: Run, cure_zh: str, cure_en: str) -> None:
    """End a run that could not do its work, with what to do about it."""
    now = hub.clock.now()
    await _update(hub, run, state="failed", cure_zh=cure_zh[:250], cure_en=cure_en[:250], finished_at=now)


async def _update(hub: Hub, run: Run, **values: object) -> None:
    async with hub.database.write() as connection:
        await connection.execute(
            update(job_run).where(job_run.c.id == run.id, job_run.c.fence == run.fence).values(**values)
        )


async def forget_runs(connection: AsyncConnection, before: datetime) -> int:
    """Delete runs whose slot was due before a time; returns how many."""
    return int((await connection.execute(delete(job_run).where(job_run.c.due_at < before))).rowcount)
