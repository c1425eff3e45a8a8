"""Matches every county that sends feeds again; small changes apply, large ones wait for approval."""

from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.assignments.service import rematch
from rider_hub.intake.store import sending_counties
from rider_hub.runs import service as runs
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def match_counties(hub: Hub, run: Run) -> Mapping[str, int]:
    """Match each county once, telling progress county by county."""
    actor = Actor.job("match_counties")
    async with hub.look(actor, "match.run") as look:
        counties = await sending_counties(look.connection, look.scope)
    totals = {"counties": 0, "applied": 0, "waiting_for_approval": 0}
    for done, county in enumerate(counties, 1):
        outcome = await rematch(hub, actor, county)
        totals["counties"] += 1
        totals["applied"] += outcome["applied"]
        totals["waiting_for_approval"] += outcome["waiting_for_approval"]
        await runs.progress(hub, run, 100 * done // len(counties))
    return totals


JOB = Job(
    "match_counties",
    "骑手匹配",
    "按最新登记重新匹配；变化少的自动生效，变化多的等待审批。",
    Daily(3, 30),
    match_counties,
    counted={"counties": "区县", "applied": "自动生效", "waiting_for_approval": "待审批"},
)
