"""Links the registrations of one person that came at the same moment; see riders.missed_links."""

from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.riders.missed_links import link_missed
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def link_registrations(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Review the links that were missed."""
    return await link_missed(hub, Actor.job("link_registrations"))


JOB = Job(
    "link_registrations",
    "同一人登记核对",
    "几个平台同一时刻报来同一个人时，当时互相看不见；每晚补上关联，只有手机号相同的列出来由人核对。",
    Daily(1, 30),
    link_registrations,
    counted={"links": "补上的关联"},
)
