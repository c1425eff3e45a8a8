"""Prunes the audit trail of what is older than its retention, six months at the least."""

from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.access.pruning import prune_trail as prune
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def prune_trail(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Prune whole seals; counts of what went."""
    return await prune(hub, Actor.job("prune_trail"))


JOB = Job(
    "prune_trail",
    "审计记录到期清理",
    "清理超过保存期限的审计记录；保存不少于六个月。",
    Daily(2, 30),
    prune_trail,
    counted={"rows": "记录", "seals": "封存"},
)
