"""A rider declares, consents and withdraws; nothing here takes a list of people or compares with one."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Change, Hub, Keyring
from rider_hub.clock import local_date
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports, Withdrawal, withdrawn
from rider_hub.consent.service import check_agreed
from rider_hub.errors import Conflict, Failure, Invalid, Refused
from rider_hub.membership.bodies import Body, is_choice, nearby_bodies
from rider_hub.membership.ledger import append, history, live
from rider_hub.membership.model import Consent, Declaration, Entry, Kind, Own
from rider_hub.membership.persons import check_own_phone, same_person
from rider_hub.membership.store import hold_record, read_record, write_record

__all__ = ["bodies_for", "declare", "opt_in", "own_membership", "withdraw"]

_HOME_LENGTH = range(2, 61)
#: What ends together: without a declaration nobody is invited on the strength of it.
_ENDS = {Purpose.DECLARATION: (Purpose.DECLARATION, Purpose.PARTY_ACTIVITIES)}

# Changes here are audited as "rider.own", the same word as a rider's choice of community: a row of the trail
# that said "declare" would tell who declared.
_OPERATION = "rider.own"


async def declare(
    hub: Hub,
    actor: Actor,
    *,
    kind: Kind,
    home_organization: str,
    body: str,
    notice_version: int | None,
    invitations_version: int | None = None,
) -> None:
    """Record a rider's own declaration under the consent given in this request.

    `notice_version` is the notice just agreed to; without it Invalid is raised and nothing is kept.
    `invitations_version` is the separate consent to be invited by the same body, None where not given.
    """
    rider_id = _rider(actor)
    home = _checked_home(home_organization)
    async with hub.change(actor, _OPERATION) as work:
        await check_own_phone(work.connection, hub.keys, actor)
        await hold_record(work.connection, hub.keys, rider_id)
        notice = await check_agreed(work.connection, Purpose.DECLARATION, notice_version)
        await _check_body(work, rider_id, body)
        if (await _declared(work.connection, hub.keys, rider_id)).kind is not None:
            raise Conflict(
                "您已经申报过。如需更改，请先撤回同意，再重新申报。",
                "You have declared already; to change it, withdraw first and declare again.",
                code="already_declared",
            )
        value = Declaration(rider_id, kind, home, body, work.now)
        await write_record(work.connection, hub.keys, value)
        await _give(work, hub.keys, Purpose.DECLARATION, body, notice.version)
        if invitations_version is not None:
            invited = await check_agreed(work.connection, Purpose.PARTY_ACTIVITIES, invitations_version)
            await _give(work, hub.keys, Purpose.PARTY_ACTIVITIES, body, invited.version)


async def opt_in(hub: Hub, actor: Actor, *, purpose: str, body: str, notice_version: int | None) -> None:
    """Record a rider's consent to invitations: to open activities, or as a declared member to a body's own.

    Raises Invalid without an agreed notice, Conflict where party activities are asked for without a
    declaration to that body.
    """
    rider_id = _rider(actor)
    async with hub.change(actor, _OPERATION) as work:
        await check_own_phone(work.connection, hub.keys, actor)
        await hold_record(work.connection, hub.keys, rider_id)
        notice = await check_agreed(work.connection, purpose, notice_version)
        await _check_body(work, rider_id, body)
        if purpose != Purpose.OPEN_ACTIVITIES:
            declared = await _declared(work.connection, hub.keys, rider_id)
            if purpose != Purpose.PARTY_ACTIVITIES or declared.body != body:
                raise Conflict(
                    "请先完成申报，再选择是否接收邀请。", "Declare first, then choose about invitations."
                )
        await _give(work, hub.keys, purpose, body, notice.version)


async def withdraw(hub: Hub, actor: Actor, ports: Ports, *, purpose: str) -> int:
    """End a rider's consent to a purpose at once, and what rests on it; returns how many consents ended.

    Withdrawing the declaration wipes its content. Whatever other capabilities must end, ends in the same
    transaction through the ports.
    """
    rider_id = _rider(actor)
    async with hub.change(actor, _OPERATION) as work:
        count = 0
        for each in await same_person(work.connection, rider_id):
            await hold_record(work.connection, hub.keys, each)
            if purpose == Purpose.DECLARATION:
                await write_record(work.connection, hub.keys, Declaration(each))
            for consent in await live(work.connection, hub.keys, each):
                if consent.purpose in _ENDS.get(purpose, (purpose,)):
                    await _end(work, hub.keys, consent)
                    ended = Withdrawal(each, consent.id, consent.purpose, consent.body)
                    await withdrawn(ports, work, hub.keys, ended)
                    count += 1
    return count


async def own_membership(hub: Hub, actor: Actor) -> Own:
    """Return what a rider has declared and consented to; for that rider's eyes only."""
    rider_id = _rider(actor)
    async with hub.look(actor, "membership.own") as look:
        await check_own_phone(look.connection, hub.keys, actor)
        record = await _declared(look.connection, hub.keys, rider_id)
        persons = await same_person(look.connection, rider_id)
        lines = [line for each in persons for line in await history(look.connection, hub.keys, each)]
        consents = [consent for each in persons for consent in await live(look.connection, hub.keys, each)]
    return Own(
        declaration=record if record.kind is not None else None,
        consents=tuple(consents),
        ledger=tuple(entry for _, entry in lines),
    )


async def bodies_for(hub: Hub, actor: Actor) -> Sequence[Body]:
    """Return the organizations a rider is offered, the nearest first."""
    async with hub.look(actor, "membership.own") as look:
        await check_own_phone(look.connection, hub.keys, actor)
        return await nearby_bodies(look.connection, _rider(actor), local_date(look.now))


async def _declared(connection: AsyncConnection, keys: Keyring, rider_id: str) -> Declaration:
    """Return the declaration of the person, under whichever pseudonym; an empty one where there is none."""
    records = [await read_record(connection, keys, each) for each in await same_person(connection, rider_id)]
    return next((record for record in records if record.kind is not None), records[0])


async def _give(work: Change, keys: Keyring, purpose: str, body: str, version: int) -> None:
    rider_id = _rider(work.actor)
    same = [c for c in await live(work.connection, keys, rider_id) if (c.purpose, c.body) == (purpose, body)]
    if not same:
        await append(work.connection, keys, Entry(rider_id, "given", purpose, body, version, work.now))


async def _end(work: Change, keys: Keyring, consent: Consent) -> None:
    entry = Entry(
        consent.rider_id,
        "withdrawn",
        consent.purpose,
        consent.body,
        consent.notice_version,
        work.now,
        ends=consent.id,
    )
    await append(work.connection, keys, entry)


async def _check_body(work: Change, rider_id: str, body: str) -> None:
    if not await is_choice(work.connection, rider_id, body, local_date(work.now)):
        raise _invalid(
            "body", "body_unknown", "请从列出的党组织中选择一个。", "Choose one of the organizations listed."
        )


def _checked_home(text: str) -> str:
    home = " ".join(text.split())
    if len(home) not in _HOME_LENGTH or not home.isprintable():
        raise _invalid(
            "home_organization",
            "home_organization_length",
            "请填写组织关系所在党组织的名称，2 到 60 个字。",
            "Give the name of your home organization in 2 to 60 characters.",
        )
    return home


def _rider(actor: Actor) -> str:
    if actor.rider_id is None:
        raise Refused
    return actor.rider_id


def _invalid(path: str, code: str, zh: str, en: str) -> Invalid:
    return Invalid(zh, en, errors=[Failure(row=0, path=path, code=code, zh=zh, en=en)])
