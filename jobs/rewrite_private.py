"""Rewrites the private tables, so that a copied database shows neither the order nor the time of its rows."""

from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.membership.shuffling import rewrite_private
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def rewrite(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Give every rider a record and seal all of them anew."""
    return await rewrite_private(hub, Actor.job("rewrite_private"))


JOB = Job(
    "rewrite_private",
    "加密数据重写",
    "每晚把加密保存的内容全部重新加密、打乱位置，即使数据库被复制，也看不出谁在何时写过什么。",
    Daily(3, 0),
    rewrite,
    # Its counts are not shown: less the riders, they are the number of invitations, new ones from day to day.
)
