"""Deletes quarantined rows past their 30 days."""

from collections.abc import Mapping

from rider_hub.intake.service import expire_quarantine

from jobs.registry import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.runs.model import Run

__all__ = ["JOB"]


async def expire(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Delete what nobody mended in time."""
    return {"deleted": await expire_quarantine(hub, Actor.job("expire_quarantine"))}


JOB = Job("expire_quarantine", "待修正数据清理", "删除超过 30 天仍未修正的数据。", Daily(2, 0), expire)
