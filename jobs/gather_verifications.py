"""Brings the worklists of home organizations up to date, apart from riders' acts; see membership.homes."""

from collections.abc import Mapping

from jobs.job import Every, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.membership.verification import gather_homes
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def gather_verifications(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """List who asked for verification. No counts: they would tell how many declared."""
    await gather_homes(hub, Actor.job("gather_verifications"))
    return {}


JOB = Job(
    "gather_verifications",
    "核验清单更新",
    "把骑手本人提出的核验请求列到所选党组织的清单里。",
    Every(3600),
    gather_verifications,
)
