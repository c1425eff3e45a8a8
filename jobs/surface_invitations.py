"""Surfaces whom to invite to what, under live consent only (articles 16, 27, 30)."""

from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.outreach.service import surface
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def surface_invitations(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Surface the coming activities for those who consented.

    No counts: whoever looks at jobs would learn how many riders consented.
    """
    await surface(hub, Actor.job("surface_invitations"))
    return {}


JOB = Job(
    "surface_invitations",
    "活动邀请梳理",
    "为已单独同意的骑手梳理近期可参加的活动。",
    Daily(8, 0),
    surface_invitations,
)
