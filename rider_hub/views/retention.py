"""What is deleted when its time is over: each limit of parameters/retention.toml and what carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from rider_hub.access import Actor, Change, Hub, Keyring
from rider_hub.access.lockout import forget_attempts
from rider_hub.access.sessions import forget_sessions
from rider_hub.access.signing_in import forget_steps
from rider_hub.assignments.ports import forget_changes, forget_past
from rider_hub.consent.erasing import forget_handled, forget_left
from rider_hub.intake.dead_letters import forget_dead_letters
from rider_hub.intake.links import forget_links
from rider_hub.intake.ports import forget_receipts
from rider_hub.intake.service import expire_quarantine
from rider_hub.intake.snapshot_retention import forget_absent
from rider_hub.messages.service import forget_settled
from rider_hub.outreach.store import forget_past as forget_past_invitations
from rider_hub.parameters import parameter
from rider_hub.requests.ports import forget_closed
from rider_hub.riders.area_changes import forget_marks
from rider_hub.riders.ports import forget_history
from rider_hub.riders.signin import forget_codes
from rider_hub.runs.service import forget_runs
from rider_hub.views.ports import wired

__all__ = ["LIMITS", "forget_past_limits"]

Forget = Callable[[Hub, Actor, datetime], Awaitable[int]]


def _in_one(forget: Callable[[Change, Keyring, datetime], Awaitable[int]]) -> Forget:
    """Return what deletes in one transaction, audited by the job's name."""

    async def run(hub: Hub, actor: Actor, before: datetime) -> int:
        async with hub.change(actor, "jobs.run", target="retention") as work:
            gone = await forget(work, hub.keys, before)
            work.count(gone=gone)
            return gone

    return run


async def _left(hub: Hub, actor: Actor, before: datetime) -> int:
    return await forget_left(hub, actor, wired(), before)


async def _quarantine(hub: Hub, actor: Actor, before: datetime) -> int:  # noqa: ARG001 - each row has its own date
    return await expire_quarantine(hub, actor)


async def _requests(hub: Hub, actor: Actor, before: datetime) -> int:
    gone, part = 0, 1
    while part:
        async with hub.change(actor, "jobs.run", target="retention") as work:
            part = await forget_closed(work.connection, hub.keys, before, work.now)
            work.count(gone=part)
        gone += part
    return gone


async def _sessions(hub: Hub, actor: Actor, before: datetime) -> int:  # noqa: ARG001 - each row has its own end
    async with hub.change(actor, "jobs.run", target="retention") as work:
        gone = await forget_sessions(work.connection, hub.settings, work.now)
        gone += await forget_steps(work.connection, work.now)
        await forget_attempts(work.connection, work.now)
        work.count(gone=gone)
        return gone


#: Key of parameters/retention.toml → what deletes up to a time. The trail's own limit stands with the trail.
LIMITS: Mapping[str, Forget] = {
    "quarantine": _quarantine,
    "sign_in_codes": _in_one(lambda work, _, before: forget_codes(work.connection, before)),
    "sessions": _sessions,
    "settled_messages": _in_one(lambda work, _, before: forget_settled(work.connection, before)),
    "closed_requests": _requests,
    "closed_rights_requests": _in_one(lambda work, _, before: forget_handled(work.connection, before)),
    "past_invitations": _in_one(
        lambda work, keys, before: forget_past_invitations(work.connection, keys, before)
    ),
    "past_assignments": _in_one(lambda work, _, before: forget_past(work.connection, before)),
    "match_changes": _in_one(lambda work, _, before: forget_changes(work.connection, before)),
    "registration_history": _in_one(lambda work, _, before: forget_history(work.connection, before)),
    "work_area_marks": _in_one(lambda work, _, before: forget_marks(work.connection, before)),
    "left_riders": _left,
    "absent_contents": _in_one(lambda work, _, before: forget_absent(work.connection, before)),
    "receipts": _in_one(lambda work, _, before: forget_receipts(work.connection, before)),
    "dead_letters": _in_one(lambda work, _, before: forget_dead_letters(work.connection, before)),
    "station_links": _in_one(lambda work, _, before: forget_links(work.connection, before)),
    "job_runs": _in_one(lambda work, _, before: forget_runs(work.connection, before)),
}


async def forget_past_limits(hub: Hub, actor: Actor) -> dict[str, int]:
    """Delete everything that is past its limit; returns how many rows of each kind."""
    now = hub.clock.now()
    return {
        kind: await forget(hub, actor, now - timedelta(days=parameter(f"retention.{kind}").value))
        for kind, forget in LIMITS.items()
    }
