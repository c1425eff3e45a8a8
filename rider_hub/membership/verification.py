"""Verification: a rider names the home organization, and its secretary says yes or no to it once.

Both sides work under the rider's separate consent, read at the moment of use. The trail keeps these acts
without the rider's id and without a target, or a copied database would tell who declared.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Keyring, Look
from rider_hub.access.persons import person_indexes
from rider_hub.clock import local_date
from rider_hub.consent.model import Purpose
from rider_hub.consent.service import check_agreed
from rider_hub.errors import Absent, Conflict
from rider_hub.membership.bodies import Body, check_body, search_bodies
from rider_hub.membership.homes import entries_of, entry_of, lock_home, replace_entries
from rider_hub.membership.ledger import give, live, withdraw_entries
from rider_hub.membership.model import Declaration, HomeEntry, Kind
from rider_hub.membership.records import declared_record, own_rider_id
from rider_hub.membership.store import all_records, hold_record, read_record, write_record
from rider_hub.membership.visibility import sees_name
from rider_hub.organizations.store import titles
from rider_hub.organizations.tables import party_organization
from rider_hub.riders.display import mask_phone
from rider_hub.riders.own_phone import check_own_phone
from rider_hub.riders.persons import same_person, standing_for
from rider_hub.riders.store import identities
from rider_hub.riders.tables import registration

__all__ = [
    "Waiting",
    "answer_verification",
    "ask_verification",
    "count_unanswered",
    "find_homes",
    "find_waiting",
    "gather_homes",
    "unlist",
    "verified_of",
    "waiting_list",
]

_OPERATION = "membership.verify"


@dataclass(frozen=True)
class Waiting:
    """One declaration as its home organization sees it; `id` says nothing without the key."""

    id: str
    name: str
    phone: str
    kind: Kind
    body: str
    #: None while nobody answered.
    verified: bool | None
    verified_at: datetime | None


async def find_homes(hub: Hub, actor: Actor, words: str) -> Sequence[Body]:
    """Return the organizations of a rider's own county whose name holds these words."""
    async with hub.look(actor, "membership.own") as look:
        await check_own_phone(look.connection, hub.keys, actor)
        return await search_bodies(look.connection, own_rider_id(actor), words, local_date(look.now))


async def ask_verification(hub: Hub, actor: Actor, *, body: str, notice_version: int | None) -> None:
    """Have one organization the hub knows verify a rider's declaration, under consent given for this alone.

    An earlier answer goes, and so does the consent to another organization: only one is home. Raises Conflict
    without a declaration.
    """
    rider_id = own_rider_id(actor)
    async with hub.change(actor, "rider.own") as work:
        await check_own_phone(work.connection, hub.keys, actor)
        await hold_record(work.connection, hub.keys, rider_id)
        notice = await check_agreed(work.connection, Purpose.VERIFICATION, notice_version)
        await check_body(work.connection, rider_id, body, local_date(work.now))
        record = await declared_record(work.connection, hub.keys, rider_id)
        if record.kind is None:
            raise Conflict("请先完成申报，再请党组织核验。", "Declare first, then ask for verification.")
        await hold_record(work.connection, hub.keys, record.rider_id)
        for each in await same_person(work.connection, rider_id):
            await withdraw_entries(work, hub.keys, each, {Purpose.VERIFICATION})
        await give(work, hub.keys, rider_id, purpose=Purpose.VERIFICATION, body=body, version=notice.version)
        value = msgspec.structs.replace(record, home_body=body, asked_at=work.now)
        await write_record(work.connection, hub.keys, value)


async def gather_homes(hub: Hub, actor: Actor) -> None:
    """Bring every organization's list up to date: who asked it stands there, who no longer does is gone."""
    async with hub.change(actor, "membership.gather") as work:
        asked: dict[str, list[HomeEntry]] = defaultdict(list)
        async for record in all_records(work.connection, hub.keys):
            value = record.declaration
            if value.kind is not None and value.home_body is not None and value.asked_at is not None:
                asked[value.home_body].append(HomeEntry(value.rider_id, value.asked_at))
        before = await entries_of(work.connection, hub.keys, await _bodies(work.connection))
        for body in sorted({*asked, *before}):
            await lock_home(work.connection, hub.keys, body)
            now = (await entries_of(work.connection, hub.keys, [body])).get(body, [])
            known = {(one.rider_id, one.asked_at): one for one in now}
            entries = [known.get((one.rider_id, one.asked_at), one) for one in asked[body]]
            # Those without an answer first: the list has an end.
            entries.sort(key=lambda one: (one.verified is not None, one.asked_at, one.rider_id))
            await replace_entries(work.connection, hub.keys, body, entries)


async def waiting_list(hub: Hub, actor: Actor) -> list[Waiting]:
    """Return the declarations that name a body the actor works for, those without an answer first."""
    async with hub.look(actor, _OPERATION) as look:
        found = await _waiting(hub, look)
        look.count(declarations=len(found))
    return sorted(found, key=lambda each: (each.verified is not None, each.name, each.id))


async def count_unanswered(hub: Hub, look: Look) -> int:
    """Count what waits for the viewer's own answer, as `waiting_list` would show it; opens no name.

    The figure is for the page alone: the caller's row of the trail keeps no count of it.
    """
    bodies = await entries_of(look.connection, hub.keys, (look.actor.own or look.actor).organizations)
    waiting = [(body, one) for body, entries in bodies.items() for one in entries if one.verified is None]
    seen = [await _seen(hub, look, body, entry) for body, entry in waiting]
    return sum(each is not None for each in seen)


async def find_waiting(hub: Hub, actor: Actor, entry_id: str) -> Waiting:
    """Return one of them; raises Absent unless it names a body of the actor's and its consent is live."""
    async with hub.look(actor, _OPERATION) as look:
        found = [each for each in await _waiting(hub, look, entry_id) if each.id == entry_id]
    if not found:
        raise Absent
    return found[0]


async def answer_verification(hub: Hub, actor: Actor, entry_id: str, *, yes: bool) -> None:
    """Say yes or no to one declaration, once.

    Raises Absent where it is not the actor's to answer, the actor's own among them, Conflict where it was
    answered already: only the rider starts it anew.
    """
    async with hub.change(actor, _OPERATION) as work:
        for body in sorted((actor.own or actor).organizations):
            await lock_home(work.connection, hub.keys, body)
            entries = (await entries_of(work.connection, hub.keys, [body])).get(body, [])
            for number, entry in enumerate(entries):
                if _id(hub.keys, body, entry) != entry_id:
                    continue
                if await _shown(hub, work, body, entry) is None:
                    raise Absent
                if entry.verified is not None:
                    raise Conflict(
                        "这条申报已经核验过。如有变化，由骑手本人重新提出。",
                        "This declaration was verified already; only the rider can ask again.",
                        code="already_verified",
                    )
                entries[number] = msgspec.structs.replace(entry, verified=yes, verified_at=work.now)
                await replace_entries(work.connection, hub.keys, body, entries)
                return
        raise Absent


async def verified_of(connection: AsyncConnection, keys: Keyring, record: Declaration) -> HomeEntry | None:
    """Return what the home organization answered to a rider's newest asking, None while it has not."""
    if record.home_body is None:
        return None
    entries = (await entries_of(connection, keys, [record.home_body])).get(record.home_body, [])
    entry = entry_of(entries, record.rider_id, record.asked_at)
    return entry if entry is not None and entry.verified is not None else None


async def unlist(connection: AsyncConnection, keys: Keyring, rider_id: str) -> int:
    """Take an erased rider off the home organization's list; returns how many entries went."""
    body = (await read_record(connection, keys, rider_id)).home_body
    if body is None:
        return 0
    await lock_home(connection, keys, body)
    entries = (await entries_of(connection, keys, [body])).get(body, [])
    kept = [entry for entry in entries if entry.rider_id != rider_id]
    if len(kept) != len(entries):
        await replace_entries(connection, keys, body, kept)
    return len(entries) - len(kept)


async def _bodies(connection: AsyncConnection) -> Sequence[str]:
    return (await connection.execute(select(party_organization.c.code))).scalars().all()


def _id(keys: Keyring, body: str, entry: HomeEntry) -> str:
    stamp = entry.asked_at.isoformat()
    # Under a key that stays: a form opened before a rotation is sent after it.
    return keys.derive("lasting", f"home.entry\x00{body}\x00{entry.rider_id}\x00{stamp}".encode()).hex()[:32]


async def _waiting(hub: Hub, look: Look, only: str | None = None) -> list[Waiting]:
    bodies = await entries_of(look.connection, hub.keys, (look.actor.own or look.actor).organizations)
    wanted = [
        (body, entry)
        for body, entries in bodies.items()
        for entry in entries
        if only in {None, _id(hub.keys, body, entry)}
    ]
    shown = [await _shown(hub, look, body, entry) for body, entry in wanted]
    return [each for each in shown if each is not None]


async def _seen(hub: Hub, look: Look, body: str, entry: HomeEntry) -> tuple[str, Kind] | None:
    """Return a declaration's rider and kind; None where it is not to be seen by this viewer now."""
    record = await read_record(look.connection, hub.keys, entry.rider_id)
    if (record.home_body, record.asked_at) != (body, entry.asked_at) or record.kind is None:
        return None
    now = await standing_for(look.connection, record.rider_id)
    persons = await same_person(look.connection, now)
    consents = [one for each in persons for one in await live(look.connection, hub.keys, each)]
    naming = [one for one in consents if one.purpose != Purpose.VERIFICATION or one.body == body]
    purpose = Purpose.VERIFICATION
    if not sees_name(look.actor, persons=persons, live=naming, purpose=purpose):
        return None
    if await _is_oneself(look.connection, hub.keys, look.actor, persons):
        return None
    return now, record.kind


async def _shown(hub: Hub, look: Look, body: str, entry: HomeEntry) -> Waiting | None:
    """Open one declaration for its home organization; None where it is not to be seen by this viewer now."""
    seen = await _seen(hub, look, body, entry)
    if seen is None:
        return None
    now, kind = seen
    person = (await identities(look, hub.keys, [now])).get(now)
    look.opened([now])
    names = await titles(look.connection, [body])
    return Waiting(
        id=_id(hub.keys, body, entry),
        name=(person.name if person else None) or "未留姓名",
        phone=(mask_phone(person.phone) if person else None) or "",
        kind=kind,
        body=names.get(body, body),
        verified=entry.verified,
        verified_at=entry.verified_at,
    )


async def _is_oneself(
    connection: AsyncConnection, keys: Keyring, actor: Actor, persons: Sequence[str]
) -> bool:
    """Say whether the person behind a staff account is the rider: nobody verifies themselves."""
    own = await person_indexes(connection, keys, actor)
    mine = exists().where(registration.c.rider_id.in_(persons), registration.c.phone_index.in_(own))
    return bool(own) and bool((await connection.execute(select(mine))).scalar_one())
