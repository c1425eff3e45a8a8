"""Answering an ask: how long a yes holds is decided by its kind and the figures of the day."""

from datetime import timedelta

from rider_hub.access import approvals
from rider_hub.access.actor import Actor
from rider_hub.access.approval_model import DECIDES, Approval, Kind
from rider_hub.access.hub import Hub
from rider_hub.parameters import parameter

__all__ = ["answer", "end"]


async def answer(hub: Hub, actor: Actor, approval_id: str, *, approve: bool, note: str = "") -> Approval:
    """Say yes or no to an ask; see `approvals.decide` for what it raises."""
    async with hub.look(actor, "approvals.view", target=f"approval:{approval_id}") as look:
        asked = await approvals.find(look, hub.keys, approval_id)
    lasts, max_uses = _holds(asked)
    async with hub.change(actor, DECIDES[asked.kind], target=asked.number, purpose=asked.purpose) as work:
        return await approvals.decide(
            work, hub.keys, approval_id, approve=approve, lasts=lasts, max_uses=max_uses, note=note
        )


async def end(hub: Hub, actor: Actor, approval_id: str) -> Approval:
    """Withdraw an ask or end what was approved, at once."""
    async with hub.change(actor, "approvals.view", target=f"approval:{approval_id}") as work:
        return await approvals.end(work, hub.keys, approval_id)


def _holds(asked: Approval) -> tuple[timedelta, int]:
    if asked.kind is Kind.EXPORT:
        hours = timedelta(hours=parameter("access.export_hours").value)
        return hours, int(parameter("access.export_downloads").value)
    longest = timedelta(hours=parameter("access.emergency_hours").value)
    return min(timedelta(minutes=asked.details["minutes"]), longest), 0
