"""The job that proposes whom to invite, under live consent only; it sends nothing by itself."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select

from rider_hub.access import Actor, Change, Hub
from rider_hub.consent.model import Purpose
from rider_hub.membership.ledger import live, live_consents
from rider_hub.membership.model import Consent
from rider_hub.membership.store import hold_record, lock_order
from rider_hub.outreach.announcing import announce
from rider_hub.outreach.model import Activity, Invitation, State, moved
from rider_hub.outreach.rules import Figures, choose
from rider_hub.outreach.store import (
    activities_by_id,
    coming_activities,
    insert_invitation,
    of_rider,
    update_invitation,
)
from rider_hub.riders.tables import rider
from rider_hub.storage import in_batches, new_id

__all__ = ["surface"]

_OPERATION = "membership.surface"
_PURPOSES = frozenset({Purpose.PARTY_ACTIVITIES, Purpose.OPEN_ACTIVITIES})
_RIDERS_A_TRANSACTION = 50


async def surface(hub: Hub, actor: Actor) -> dict[str, int]:
    """Bring the invitations of every consenting rider up to date and propose new ones; returns counts.

    Closes those whose activity began, announces those sent outside the message window, and surfaces what
    staff may now send. Consent is read again in the transaction that writes, rider by rider, so a kill or a
    withdrawal in between changes nothing that stands.
    """
    async with hub.look(actor, _OPERATION) as look:
        consenting = {
            consent.rider_id
            for purpose in sorted(_PURPOSES)
            async for consent in live_consents(look, hub.keys, purpose)
        }
    totals: dict[str, int] = defaultdict(int)
    # In the order of their locks, so that two passes at once never wait for each other in a ring.
    ordered = sorted(consenting, key=lambda rider_id: lock_order(hub.keys, rider_id))
    figures = Figures.read()
    for batch in in_batches(ordered, _RIDERS_A_TRANSACTION):
        async with hub.change(actor, _OPERATION) as work:
            coming = await coming_activities(work.connection, work.now, work.now + figures.horizon)
            for rider_id in batch:
                await _tend(hub, work, rider_id, coming, figures)
            work.count(riders=len(batch))
        for name, value in work.counts.items():
            totals[name] += value
    return dict(totals)


async def _tend(hub: Hub, work: Change, rider_id: str, coming: Sequence[Activity], figures: Figures) -> None:
    await hold_record(work.connection, hub.keys, rider_id)
    consents = [each for each in await live(work.connection, hub.keys, rider_id) if each.purpose in _PURPOSES]
    past = await of_rider(work.connection, hub.keys, rider_id)
    past = await _close_begun(hub, work, past)
    past = await _announce_waiting(hub, work, past, consents, figures)
    division = (
        await work.connection.execute(select(rider.c.division).where(rider.c.id == rider_id))
    ).scalar_one_or_none()
    for proposal in choose(consents, coming, past, division=division or "", now=work.now, figures=figures):
        value = Invitation(
            id=new_id(),
            rider_id=rider_id,
            activity=proposal.activity.id,
            body=proposal.consent.body,
            purpose=proposal.consent.purpose,
            consent=proposal.consent.id,
            reasons=proposal.reasons,
            state=State.SURFACED,
            surfaced_at=work.now,
        )
        await insert_invitation(work.connection, hub.keys, value)
        work.count(surfaced=1)


async def _close_begun(hub: Hub, work: Change, past: Sequence[Invitation]) -> list[Invitation]:
    """Close what waits although its activity began: unsent it lapsed, sent it was not answered."""
    ends = {State.SURFACED: State.LAPSED, State.INVITED: State.NO_ANSWER}
    waiting = [each for each in past if each.state in ends]
    activities = await activities_by_id(work.connection, (each.activity for each in waiting))
    found = []
    for each in past:
        activity = activities.get(each.activity)
        if each.state in ends and (activity is None or activity.starts_at <= work.now):
            closed = moved(each, ends[each.state], work.now)
            await update_invitation(work.connection, hub.keys, closed)
            work.count(**{closed.state.value: 1})
            found.append(closed)
        else:
            found.append(each)
    return found


async def _announce_waiting(
    hub: Hub, work: Change, past: Sequence[Invitation], consents: Sequence[Consent], figures: Figures
) -> list[Invitation]:
    """Send the message of invitations made outside the window, if their consent is live now."""
    live_ids = {consent.id for consent in consents}
    found = []
    for each in past:
        if each.state == State.INVITED and each.message is None and each.consent in live_ids:
            announced = await announce(work, hub.keys, each, figures)
            if announced is not each:
                await update_invitation(work.connection, hub.keys, announced)
                work.count(announced=1)
            found.append(announced)
        else:
            found.append(each)
    return found
