"""Takes what platforms offer: pulls from some, reads the folders of others."""

from collections import Counter
from collections.abc import Mapping

from connectors.records import Registration, Request, Station
from jobs.job import Every, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.intake.taking import take_offered
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes(rows=(Station, Registration, Request))
async def take_feeds(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Take from every sender; counts are those of the receipts."""
    totals: Counter[str] = Counter()
    for receipt in await take_offered(hub, Actor.job("take_feeds")):
        totals.update(received=receipt.received, accepted=receipt.accepted, rejected=receipt.rejected)
    return dict(totals)


JOB = Job(
    "take_feeds",
    "数据接入",
    "向平台拉取登记信息，读取文件目录。",
    Every(300),
    take_feeds,
    counted={"received": "收到", "accepted": "入库", "rejected": "退回"},
)
