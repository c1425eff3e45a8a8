"""The clock of the jobs: APScheduler in memory; who runs a slot is decided in the database."""

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from jobs.job import Job
from jobs.registry import registry
from jobs.running import run_slot
from rider_hub.access import Hub
from rider_hub.clock import SHANGHAI

__all__ = ["start"]


def start(hub: Hub) -> AsyncIOScheduler:
    """Start the clock in the running loop and return it; the caller shuts it down."""
    scheduler = AsyncIOScheduler(timezone=SHANGHAI)
    for job in registry().values():
        # A tick that comes late, behind a long piece of work, still counts: by default it would be left out.
        scheduler.add_job(
            _tick,
            job.due.trigger(),
            args=[hub, job],
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    return scheduler


async def _tick(hub: Hub, job: Job) -> None:
    await run_slot(hub, job)
