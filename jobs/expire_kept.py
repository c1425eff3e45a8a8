"""Deletes what is kept for a time only: quarantined rows after their 30 days, sign-in codes after a day."""

from collections.abc import Mapping
from datetime import timedelta

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.intake.service import expire_quarantine
from rider_hub.riders.signin import forget_codes
from rider_hub.runs.model import Run

__all__ = ["JOB"]

_CODES_KEPT = timedelta(days=1)


async def expire_kept(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Delete what nobody mended in time, and codes long void."""
    actor = Actor.job("expire_kept")
    rows = await expire_quarantine(hub, actor)
    async with hub.change(actor, "jobs.run", target="sign-in codes") as work:
        codes = await forget_codes(work.connection, work.now - _CODES_KEPT)
        work.count(codes=codes)
    return {"rows": rows, "codes": codes}


JOB = Job(
    "expire_kept",
    "过期数据清理",
    "删除超过 30 天仍未修正的数据和失效的验证码。",
    Daily(2, 0),
    expire_kept,
    counted={"rows": "待修正数据", "codes": "验证码"},
)
