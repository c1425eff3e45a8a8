"""Publishes the weekly figures of streets under suppression; see membership.totals."""

from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.membership.totals import publish_totals as publish
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def publish_totals(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Publish this week's figures, once a week. No counts: they are suppressed on the page."""
    await publish(hub, Actor.job("publish_totals"))
    return {}


JOB = Job(
    "publish_totals",
    "党员人数公布",
    "本周还没有公布时，公布各街道申报人数；不足规定人数的不公布。",
    Daily(7, 0),
    publish_totals,
)
