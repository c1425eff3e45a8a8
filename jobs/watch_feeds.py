"""Goes on with snapshots that a break left, lets unfinished ones lapse, and measures which feeds are late."""

from collections.abc import Mapping

from jobs.job import Every, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.intake.freshness import measure
from rider_hub.intake.snapshot_course import carry_on
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def watch_feeds(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Carry snapshots on, then set the gauges of the feeds."""
    counts = await carry_on(hub, Actor.job("watch_feeds"))
    async with hub.database.read() as connection:
        return counts | {"late": await measure(connection, hub.clock.now())}


JOB = Job(
    "watch_feeds",
    "数据接入检查",
    "检查各平台是否按时报送；接着处理没处理完的全量，超过 48 小时没收齐的全量作废。",
    Every(600),
    watch_feeds,
    counted={"carried_on": "继续处理的全量", "lapsed": "过期的全量", "late": "逾期未报的平台"},
)
