"""Use cases on riders: opening one person, deciding on a link; taking in registrations is in `taking`."""

from typing import Any

from sqlalchemy import RowMapping, select, update

from rider_hub.access import Actor, Change, Hub
from rider_hub.access.purposes import Purpose
from rider_hub.access.unmasking import take_turn
from rider_hub.errors import Absent, Conflict
from rider_hub.riders import store
from rider_hub.riders.indexes import no_phone_yet, phone_confirmed
from rider_hub.riders.linking import homes_of, regroup
from rider_hub.riders.model import Identity, LinkState, may_become
from rider_hub.riders.persons import same_person
from rider_hub.riders.tables import identity_link, registration, rider

__all__ = ["confirm_new_phone", "decide_link", "unmask_rider"]


async def confirm_new_phone(hub: Hub, actor: Actor, rider_id: str) -> None:
    """Let a rider's next sign-in count as the first, once the person was confirmed face to face."""
    async with hub.change(actor, "riders.review", target=f"rider:{rider_id} phone") as work:
        mine = update(rider).where(rider.c.id == rider_id, work.scope.where(rider.c.division))
        changed = await work.connection.execute(mine.values(first_phone=phone_confirmed(hub.keys, rider_id)))
        if not changed.rowcount:
            raise Absent
        for each in await same_person(work.connection, rider_id):
            # Another's mark is set back alone: were a link undone, its phone was not the one confirmed.
            other = update(rider).where(rider.c.id == each, rider.c.id != rider_id)
            await work.connection.execute(other.values(first_phone=no_phone_yet(hub.keys, each)))
        work.opened([rider_id])


async def unmask_rider(hub: Hub, actor: Actor, rider_id: str, purpose: Purpose) -> Identity:
    """Open the name and phone of one rider for a stated purpose; the trail keeps who, whom and why.

    Raises LimitReached where the account opened as many people as it may, Absent where the rider is not in
    the viewer's scope.
    """
    target = f"rider:{rider_id}"
    async with hub.change(actor, "riders.unmask", target=target, purpose=purpose.text) as work:
        query = select(rider.c.id).where(rider.c.id == rider_id, work.scope.where(rider.c.division))
        if (await work.connection.execute(query)).first() is None:
            raise Absent
        await take_turn(work)
        work.opened([rider_id])
        work.count(riders=1)
        return (await store.identities(work, hub.keys, [rider_id])).get(rider_id, Identity())


async def decide_link(hub: Hub, actor: Actor, link_id: str, decision: LinkState) -> None:
    """Confirm, reject or undo a link between two registrations; undoing gives each rider their own back.

    Raises Absent where one of the riders is out of the viewer's scope, Conflict where the link is not in a
    state that allows the decision.
    """
    async with hub.change(actor, "riders.review", target=f"link:{link_id}") as work:
        row = await _link_in_scope(work, link_id)
        if not may_become(LinkState(row["state"]), decision):
            raise Conflict(
                "这条关联已处理过，请刷新页面。", "This link was decided meanwhile: reload the page."
            )
        before = await _riders_now(work, row) if decision is LinkState.CONFIRMED else {}
        values = {"state": decision, "decided_at": work.now, "decided_by": actor.id, **before}
        await work.connection.execute(
            update(identity_link).where(identity_link.c.id == link_id).values(values)
        )
        pair = {row["registration_a"], row["registration_b"]}
        homes = homes_of(row) if decision is LinkState.UNDONE else {}
        if decision is not LinkState.REJECTED:
            await regroup(work.connection, hub.keys, pair, homes, work.now)
        work.count(links=1)


async def _link_in_scope(work: Change, link_id: str) -> RowMapping:
    row = (
        (await work.connection.execute(select(identity_link).where(identity_link.c.id == link_id)))
        .mappings()
        .first()
    )
    if row is None:
        raise Absent
    ids = (row["registration_a"], row["registration_b"])
    query = (
        select(registration.c.id)
        .join(rider, rider.c.id == registration.c.rider_id)
        .where(registration.c.id.in_(ids), work.scope.where(rider.c.division))
    )
    if len((await work.connection.execute(query)).all()) != len(ids):
        raise Absent
    return row


async def _riders_now(work: Change, row: RowMapping) -> dict[str, Any]:
    """Return what undoing will need: the riders of both sides before they become one."""
    a, b = row["registration_a"], row["registration_b"]
    query = select(registration.c.id, registration.c.rider_id).where(registration.c.id.in_([a, b]))
    now = {found.id: found.rider_id for found in await work.connection.execute(query)}
    return {"rider_before_b": now[b], "evidence": {**row["evidence"], "rider_before_a": now[a]}}
