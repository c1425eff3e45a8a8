"""Running one slot of one job: claim, work, and an end that says what to do when it failed."""

from datetime import datetime

from connectors.errors import FeedError
from jobs.job import Job
from rider_hub.access import Hub
from rider_hub.errors import HubError
from rider_hub.logs import frames_of, logger
from rider_hub.runs import service as runs

__all__ = ["run_slot"]


async def run_slot(
    hub: Hub, job: Job, *, due_at: datetime | None = None, started_by: str = "scheduler"
) -> bool:
    """Run a job's slot unless it is another's or done; say whether it ran here."""
    run = await runs.claim(hub, job.name, due_at or job.due.slot(hub.clock.now()), started_by)
    if run is None:
        return False
    try:
        counts = await job.run(hub, run)
    except (HubError, FeedError) as error:
        await runs.fail(hub, run, error.zh, error.en)
        return True
    except Exception as error:  # noqa: BLE001 - a job may fail in any way; the run says so
        kind, where = type(error).__name__, frames_of(error)
        logger("jobs").error("job failed", job=job.name, run=run.id, kind=kind, where=where)
        zh = f"任务意外中断，运行编号 {run.id[:8]}。请把编号告诉系统管理员，在日志中查看原因后重试。"
        await runs.fail(
            hub, run, zh, f"Unexpected failure of run {run.id[:8]}: see the log, then run it again."
        )
        return True
    await runs.finish(hub, run, counts)
    return True
