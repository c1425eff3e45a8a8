"""Marks service requests whose due time passed and escalates them (articles 14, 20, 29)."""

from collections.abc import Mapping

from jobs.job import Every, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.requests.service import track_overdue
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def track_requests(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Mark and escalate what is overdue."""
    return await track_overdue(hub, Actor.job("track_requests"))


JOB = Job(
    "track_requests",
    "诉求办理跟踪",
    "到期未答复的诉求标为超期并升级督办。",
    Every(300),
    track_requests,
    counted={"overdue": "超期", "escalated": "升级督办"},
    # Counselling and legal requests are among them.
    withheld=("overdue",),
)
