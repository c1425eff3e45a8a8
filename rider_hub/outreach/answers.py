"""What a rider does with invitations: see them, answer them; and what ends when consent does."""

from collections.abc import Sequence
from dataclasses import dataclass

from rider_hub.access import Actor, Change, Hub, Keyring, Look
from rider_hub.consent.ports import Section, Withdrawal
from rider_hub.errors import Absent, Conflict, Refused
from rider_hub.membership.ledger import live
from rider_hub.membership.store import hold_record
from rider_hub.organizations.store import titles
from rider_hub.outreach.announcing import call_off
from rider_hub.outreach.model import OPEN_STATES, Activity, Invitation, State, moved
from rider_hub.outreach.rules import reason_words
from rider_hub.outreach.store import (
    activities_by_id,
    erase_invitations,
    find_for_rider,
    of_rider,
    update_invitation,
)
from rider_hub.riders.own_phone import check_own_phone
from rider_hub.riders.persons import same_person

__all__ = ["OwnInvitation", "answer_invitation", "cancel_withdrawn", "erase", "export", "own_invitations"]

#: A rider is shown what was sent, not what staff have yet to decide on.
_UNSENT = frozenset({State.SURFACED, State.LAPSED, State.CANCELLED})


@dataclass(frozen=True)
class OwnInvitation:
    """An invitation as its rider sees it."""

    invitation: Invitation
    activity: Activity
    body: str
    why: str
    answerable: bool


async def own_invitations(hub: Hub, actor: Actor) -> list[OwnInvitation]:
    """Return the invitations sent to a rider whose consent is live, the next activity first."""
    rider_id = _rider(actor)
    async with hub.look(actor, "rider.own") as look:
        await check_own_phone(look.connection, hub.keys, actor)
        sent: list[Invitation] = []
        for person in await same_person(look.connection, rider_id):
            consents = {each.id for each in await live(look.connection, hub.keys, person)}
            rows = await of_rider(look.connection, hub.keys, person)
            sent += [each for each in rows if each.state not in _UNSENT and each.consent in consents]
        activities = await activities_by_id(look.connection, (each.activity for each in sent))
        names = await titles(look.connection, {each.body for each in sent})
        found = [
            OwnInvitation(
                invitation=each,
                activity=activities[each.activity],
                body=names.get(each.body, each.body),
                why=reason_words(each, names.get(each.body, each.body), who="您"),
                answerable=activities[each.activity].starts_at > look.now,
            )
            for each in sent
            if each.activity in activities
        ]
    return sorted(found, key=lambda each: (not each.answerable, each.activity.starts_at))


async def answer_invitation(hub: Hub, actor: Actor, invitation_id: str, *, accept: bool) -> Invitation:
    """Write down a rider's answer, which may change until the activity begins."""
    rider_id = _rider(actor)
    # Audited by the same word as every act of a rider on their own data.
    async with hub.change(actor, "rider.own") as work:
        await check_own_phone(work.connection, hub.keys, actor)
        found = None
        for person in await same_person(work.connection, rider_id):
            await hold_record(work.connection, hub.keys, person)
            found = found or await find_for_rider(work.connection, hub.keys, invitation_id, person)
        if found is None or found.state in _UNSENT:
            raise Absent
        activity = (await activities_by_id(work.connection, [found.activity])).get(found.activity)
        if activity is None or activity.starts_at <= work.now:
            raise Conflict("活动已经开始，不能再答复。", "The activity has begun.", code="activity_begun")
        wanted = State.ACCEPTED if accept else State.DECLINED
        if found.state == wanted:
            return found
        answered = moved(found, wanted, work.now)
        await update_invitation(work.connection, hub.keys, answered)
    return answered


async def cancel_withdrawn(work: Change, keys: Keyring, withdrawal: Withdrawal) -> None:
    """Cancel everything open that rested on a consent, and call it off, in the same transaction."""
    rows = await of_rider(work.connection, keys, withdrawal.rider_id)
    ended = [each for each in rows if each.consent == withdrawal.consent_id and each.state in OPEN_STATES]
    await call_off(work, keys, withdrawal.rider_id, ended)
    for each in ended:
        await update_invitation(work.connection, keys, moved(each, State.CANCELLED, work.now))


async def erase(work: Change, keys: Keyring, rider_id: str) -> int:
    """Delete a rider's invitations in the caller's transaction; returns how many went.

    Goes before the archive: what has left is called off by the phone that stands there.
    """
    await hold_record(work.connection, keys, rider_id)
    rows = await of_rider(work.connection, keys, rider_id)
    await call_off(work, keys, rider_id, [each for each in rows if each.state in OPEN_STATES])
    return await erase_invitations(work.connection, keys, rider_id)


async def export(look: Look, keys: Keyring, rider_id: str) -> Sequence[Section]:
    """Return a rider's invitations as the rider reads them."""
    rows = [each for each in await of_rider(look.connection, keys, rider_id) if each.state not in _UNSENT]
    activities = await activities_by_id(look.connection, (each.activity for each in rows))
    records = [
        {
            "activity": activities[each.activity].title,
            "state": each.state.title_zh,
            "invited_at": each.invited_at,
            "answered_at": each.answered_at,
        }
        for each in rows
        if each.activity in activities
    ]
    titles_zh = {"activity": "活动", "state": "进展", "invited_at": "邀请时间", "answered_at": "答复时间"}
    return [Section("invitations", "活动邀请", ("invitation",), titles_zh, records)] if records else []


def _rider(actor: Actor) -> str:
    if actor.rider_id is None:
        raise Refused
    return actor.rider_id
