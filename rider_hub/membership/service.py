"""A rider declares, consents and withdraws; nothing here takes a list of people or compares with one."""

from collections.abc import Sequence

import msgspec

from rider_hub.access import Actor, Hub
from rider_hub.clock import local_date
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports, Withdrawal, withdrawn
from rider_hub.consent.service import check_agreed
from rider_hub.errors import Conflict, Failure, Invalid
from rider_hub.membership.bodies import Body, check_body, nearby_bodies
from rider_hub.membership.ledger import give, history, live, withdraw_entries
from rider_hub.membership.model import Declaration, Kind, Own
from rider_hub.membership.records import declared_record, own_rider_id
from rider_hub.membership.store import hold_record, read_record, write_record
from rider_hub.membership.verification import verified_of
from rider_hub.riders.own_phone import check_own_phone
from rider_hub.riders.persons import same_person

__all__ = ["bodies_for", "declare", "opt_in", "own_membership", "withdraw"]

_HOME_LENGTH = range(2, 61)
#: What ends together: without a declaration nobody is invited on the strength of it.
_ENDS = {Purpose.DECLARATION: (Purpose.DECLARATION, Purpose.PARTY_ACTIVITIES, Purpose.VERIFICATION)}

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
    rider_id = own_rider_id(actor)
    home = _checked_home(home_organization)
    async with hub.change(actor, _OPERATION) as work:
        await check_own_phone(work.connection, hub.keys, actor)
        await hold_record(work.connection, hub.keys, rider_id)
        notice = await check_agreed(work.connection, Purpose.DECLARATION, notice_version)
        await check_body(work.connection, rider_id, body, local_date(work.now))
        if (await declared_record(work.connection, hub.keys, rider_id)).kind is not None:
            raise Conflict(
                "您已经申报过。如需更改，请先撤回同意，再重新申报。",
                "You have declared already; to change it, withdraw first and declare again.",
                code="already_declared",
            )
        value = Declaration(rider_id, kind, home, body, work.now)
        await write_record(work.connection, hub.keys, value)
        await give(work, hub.keys, rider_id, purpose=Purpose.DECLARATION, body=body, version=notice.version)
        if invitations_version is not None:
            invited = await check_agreed(work.connection, Purpose.PARTY_ACTIVITIES, invitations_version)
            await give(
                work, hub.keys, rider_id, purpose=Purpose.PARTY_ACTIVITIES, body=body, version=invited.version
            )


async def opt_in(hub: Hub, actor: Actor, *, purpose: str, body: str, notice_version: int | None) -> None:
    """Record a rider's consent to invitations: to open activities, or as a declared member to a body's own.

    Raises Invalid without an agreed notice, Conflict where party activities are asked for without a
    declaration to that body.
    """
    rider_id = own_rider_id(actor)
    async with hub.change(actor, _OPERATION) as work:
        await check_own_phone(work.connection, hub.keys, actor)
        await hold_record(work.connection, hub.keys, rider_id)
        notice = await check_agreed(work.connection, purpose, notice_version)
        await check_body(work.connection, rider_id, body, local_date(work.now))
        if purpose != Purpose.OPEN_ACTIVITIES:
            declared = await declared_record(work.connection, hub.keys, rider_id)
            if purpose != Purpose.PARTY_ACTIVITIES or declared.body != body:
                raise Conflict(
                    "请先完成申报，再选择是否接收邀请。", "Declare first, then choose about invitations."
                )
        await give(work, hub.keys, rider_id, purpose=purpose, body=body, version=notice.version)


async def withdraw(hub: Hub, actor: Actor, ports: Ports, *, purpose: str) -> int:
    """End a rider's consent to a purpose at once, and what rests on it; returns how many consents ended.

    Withdrawing the declaration wipes its content. Whatever other capabilities must end, ends in the same
    transaction through the ports. It takes the phone of the first sign-in, as consenting did: whoever sends
    registrations could otherwise wipe the declarations of its riders by numbers of its own.
    """
    rider_id = own_rider_id(actor)
    async with hub.change(actor, _OPERATION) as work:
        await check_own_phone(work.connection, hub.keys, actor)
        count = 0
        for each in await same_person(work.connection, rider_id):
            await hold_record(work.connection, hub.keys, each)
            if purpose == Purpose.DECLARATION:
                await write_record(work.connection, hub.keys, Declaration(each))
            elif purpose == Purpose.VERIFICATION:
                kept = await read_record(work.connection, hub.keys, each)
                asked_none = msgspec.structs.replace(kept, home_body=None, asked_at=None)
                await write_record(work.connection, hub.keys, asked_none)
            ends = _ENDS.get(purpose, (purpose,))
            for consent in await withdraw_entries(work, hub.keys, each, ends):
                ended = Withdrawal(each, consent.id, consent.purpose, consent.body)
                await withdrawn(ports, work, hub.keys, ended)
                count += 1
    return count


async def own_membership(hub: Hub, actor: Actor) -> Own:
    """Return what a rider has declared and consented to; for that rider's eyes only."""
    rider_id = own_rider_id(actor)
    async with hub.look(actor, "membership.own") as look:
        await check_own_phone(look.connection, hub.keys, actor)
        record = await declared_record(look.connection, hub.keys, rider_id)
        persons = await same_person(look.connection, rider_id)
        lines = [line for each in persons for line in await history(look.connection, hub.keys, each)]
        consents = [consent for each in persons for consent in await live(look.connection, hub.keys, each)]
        answer = await verified_of(look.connection, hub.keys, record)
    return Own(
        declaration=record if record.kind is not None else None,
        consents=tuple(consents),
        ledger=tuple(entry for _, entry in lines),
        answer=answer,
    )


async def bodies_for(hub: Hub, actor: Actor) -> Sequence[Body]:
    """Return the organizations a rider is offered, the nearest first."""
    async with hub.look(actor, "membership.own") as look:
        await check_own_phone(look.connection, hub.keys, actor)
        return await nearby_bodies(look.connection, own_rider_id(actor), local_date(look.now))


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


def _invalid(path: str, code: str, zh: str, en: str) -> Invalid:
    return Invalid(zh, en, errors=[Failure(row=0, path=path, code=code, zh=zh, en=en)])
