"""What the staff of the body named in the consent may do: see their worklist, invite, mark who came."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rider_hub.access import Actor, Change, Hub, Look
from rider_hub.consent.model import Purpose
from rider_hub.errors import Absent, Conflict
from rider_hub.membership.ledger import live, live_by_rider
from rider_hub.membership.model import Consent
from rider_hub.membership.store import hold_record
from rider_hub.membership.visibility import opens_name
from rider_hub.organizations.store import titles
from rider_hub.outreach.announcing import announce
from rider_hub.outreach.model import Activity, Invitation, State, moved
from rider_hub.outreach.rules import Figures, hindrance, reason_words
from rider_hub.outreach.store import (
    activities_by_id,
    find_for_bodies,
    of_bodies,
    of_rider,
    update_invitation,
)
from rider_hub.riders.display import mask_name
from rider_hub.riders.store import identities

__all__ = ["Task", "find_task", "invite", "mark_attended", "worklist"]

_HIDDEN = frozenset({State.CANCELLED, State.LAPSED})


@dataclass(frozen=True)
class Task:
    """One line of a body's worklist: whom (masked), to what, why, how far, and what to do next."""

    invitation: Invitation
    activity: Activity
    name: str
    body: str
    why: str
    next_step: str


async def worklist(hub: Hub, actor: Actor) -> list[Task]:
    """Return the invitations of the bodies an actor works for, what waits for them first.

    The actor's divisions open nothing here: only the body a rider named sees, whatever the kind of activity.
    A row whose consent ended is gone with it.
    """
    async with hub.look(actor, "invitations.view") as look:
        rows = await of_bodies(look.connection, hub.keys, actor.organizations)
        shown = await _with_live_consent(hub, look, [each for each in rows if each.state not in _HIDDEN])
        return await _tasks(hub, look, shown)


async def find_task(hub: Hub, actor: Actor, invitation_id: str) -> Task:
    """Return one line of the worklist; raises Absent unless it is one of the actor's bodies' and live."""
    async with hub.look(actor, "invitations.view", target=invitation_id) as look:
        found = await find_for_bodies(look.connection, hub.keys, invitation_id, actor.organizations)
        shown = await _with_live_consent(hub, look, [found] if found else [])
        tasks = await _tasks(hub, look, [each for each in shown if each.state not in _HIDDEN])
    if not tasks:
        raise Absent
    return tasks[0]


async def invite(hub: Hub, actor: Actor, invitation_id: str) -> Invitation:
    """Send one surfaced invitation: the rider sees it at once, the message leaves in the next window.

    Consent is read in this very transaction, with the rider's record held. Raises Absent where it is not
    live (or the row not the actor's), Conflict where a cap, the cool-down or the state forbids sending.
    """
    figures = Figures.read()
    async with hub.change(actor, "invitations.send", target=invitation_id) as work:
        found = await _held(hub, work, invitation_id)
        activity = (await activities_by_id(work.connection, [found.activity])).get(found.activity)
        if activity is None:
            raise Absent
        past = await of_rider(work.connection, hub.keys, found.rider_id)
        against = hindrance(found, activity, past, now=work.now, figures=figures)
        if against is not None:
            code, zh, en = against
            raise Conflict(zh, en, code=code)
        sent = await announce(work, hub.keys, moved(found, State.INVITED, work.now), figures)
        await update_invitation(work.connection, hub.keys, sent)
        work.count(invited=1)
    return sent


async def mark_attended(hub: Hub, actor: Actor, invitation_id: str) -> Invitation:
    """Write down that an invited rider came; raises Conflict before the activity has begun."""
    async with hub.change(actor, "invitations.send", target=invitation_id) as work:
        found = await _held(hub, work, invitation_id)
        activity = (await activities_by_id(work.connection, [found.activity])).get(found.activity)
        if activity is None or activity.starts_at > work.now:
            raise Conflict(
                "活动还没有开始，开始后再登记到场。",
                "The activity has not begun: mark attendance afterwards.",
                code="activity_not_begun",
            )
        came = moved(found, State.ATTENDED, work.now)
        await update_invitation(work.connection, hub.keys, came)
        work.count(attended=1)
    return came


async def _held(hub: Hub, work: Change, invitation_id: str) -> Invitation:
    """Return the invitation as it is once the rider's record is held, with its consent live."""
    bodies = work.actor.organizations
    found = await find_for_bodies(work.connection, hub.keys, invitation_id, bodies)
    if found is None:
        raise Absent
    await hold_record(work.connection, hub.keys, found.rider_id)
    found = await find_for_bodies(work.connection, hub.keys, invitation_id, bodies)
    if found is None:
        raise Absent
    consents = await live(work.connection, hub.keys, found.rider_id)
    if not _is_open_to(work.actor, found, consents):
        raise Absent
    return found


async def _with_live_consent(hub: Hub, look: Look, rows: Sequence[Invitation]) -> list[Invitation]:
    consents = await live_by_rider(look.connection, hub.keys, (each.rider_id for each in rows))
    return [each for each in rows if _is_open_to(look.actor, each, consents.get(each.rider_id, ()))]


def _is_open_to(actor: Actor, invitation: Invitation, consents: Iterable[Consent]) -> bool:
    """Say whether the consent an invitation rests on is live, and opens the name to this viewer.

    To be invited as a member tells of a membership, so the one table of those names has the word.
    """
    return any(
        consent.id == invitation.consent
        and (consent.purpose == Purpose.OPEN_ACTIVITIES or opens_name(actor, consent))
        for consent in consents
    )


async def _tasks(hub: Hub, look: Look, rows: Sequence[Invitation]) -> list[Task]:
    activities = await activities_by_id(look.connection, (each.activity for each in rows))
    people = await identities(look, hub.keys, (each.rider_id for each in rows))
    names = await titles(look.connection, {each.body for each in rows})
    look.opened(each.rider_id for each in rows)
    look.count(invitations=len(rows))
    tasks = [
        Task(
            invitation=each,
            activity=activities[each.activity],
            name=(mask_name(people[each.rider_id].name) if each.rider_id in people else None) or "未留姓名",
            body=names.get(each.body, each.body),
            why=reason_words(each, names.get(each.body, each.body)),
            next_step=_next_step(each, activities[each.activity], look.now),
        )
        for each in rows
        if each.activity in activities
    ]
    return sorted(
        tasks,
        key=lambda task: (_RANK.get(task.invitation.state, 9), task.activity.starts_at, task.invitation.id),
    )


_RANK = {State.SURFACED: 0, State.ACCEPTED: 1, State.INVITED: 2, State.NO_ANSWER: 3, State.DECLINED: 4}


def _next_step(invitation: Invitation, activity: Activity, now: datetime) -> str:
    begun = activity.starts_at <= now
    if invitation.state == State.SURFACED:
        return "已过开始时间" if begun else "请决定是否邀请"
    if invitation.state == State.INVITED:
        waits = "等待答复" if invitation.message else "等待答复；短信将在送餐低峰时发出"
        return "请登记是否到场" if begun else waits
    if invitation.state == State.ACCEPTED:
        return "请登记是否到场" if begun else "等待活动开始"
    return "—"
