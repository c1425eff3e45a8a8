"""Deletes what is kept for a time only: quarantined rows after their 30 days, codes, ended sessions."""

from collections.abc import Mapping
from datetime import timedelta

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.access.lockout import forget_attempts
from rider_hub.access.sessions import forget_sessions
from rider_hub.access.signing_in import forget_steps
from rider_hub.intake.service import expire_quarantine
from rider_hub.riders.signin import forget_codes
from rider_hub.runs.model import Run

__all__ = ["JOB"]

_CODES_KEPT = timedelta(days=1)


@takes()
async def expire_kept(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Delete what nobody mended in time, and codes long void."""
    actor = Actor.job("expire_kept")
    rows = await expire_quarantine(hub, actor)
    async with hub.change(actor, "jobs.run", target="sign-in codes and sessions") as work:
        codes = await forget_codes(work.connection, work.now - _CODES_KEPT)
        sessions = await forget_sessions(work.connection, hub.settings, work.now)
        sessions += await forget_steps(work.connection, work.now)
        await forget_attempts(work.connection, work.now)
        work.count(codes=codes, sessions=sessions)
    return {"rows": rows, "codes": codes, "sessions": sessions}


JOB = Job(
    "expire_kept",
    "过期数据清理",
    "删除超过 30 天仍未修正的数据和失效的验证码、登录会话。",
    Daily(2, 0),
    expire_kept,
    counted={"rows": "待修正数据", "codes": "验证码", "sessions": "过期登录"},
)
