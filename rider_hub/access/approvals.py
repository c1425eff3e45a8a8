"""A second person's yes: asked for, given or refused, used up, ended; nobody ever says it to themselves.

Each move locks the row in the state it comes from and within its time, so of two at once one is refused;
a row that was changed past the hub (access.row_macs) is worth nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, select

from rider_hub.access.account_tables import user
from rider_hub.access.actor import Actor
from rider_hub.access.approval_model import DECIDES, Approval, Kind, State
from rider_hub.access.hub import Change, Look
from rider_hub.access.keys import Keyring
from rider_hub.access.persons import person_indexes, same_person
from rider_hub.access.policy import allows
from rider_hub.access.purposes import Purpose
from rider_hub.access.row_macs import change_row, check_row, is_whole, signed
from rider_hub.access.scope import Scope
from rider_hub.access.tables import approval
from rider_hub.errors import Absent, Conflict, Refused
from rider_hub.storage import insert_rows, new_id

__all__ = [
    "ask",
    "decide",
    "end",
    "find",
    "listed",
    "may_decide",
    "may_end",
    "read",
    "use",
    "waiting_for",
    "whole",
]

#: An account with more unanswered asks only buries them.
_MOST_OPEN = 20
_LISTED = 1000
_OPEN = (State.ASKED, State.APPROVED)


async def ask(
    work: Change,
    keys: Keyring,
    kind: Kind,
    *,
    scope: Scope,
    purpose: Purpose,
    details: Mapping[str, Any],
    lapses: timedelta,
) -> Approval:
    """Write down what the actor asks a second person for; `scope` is where the thing asked for lies.

    Raises Conflict for a scope without a place or company, which nobody could approve, and where too many
    asks of this account wait already.
    """
    if scope.everything or not (scope.divisions or scope.of_company):
        raise Conflict(
            "您的账号没有辖区范围，无法确定由谁审批。请联系安全管理员为账号设置辖区。",
            "Your account has no region, so nobody could approve: have the security administrator set one.",
            code="no_approver",
        )
    actor = work.actor
    waiting = await _count(work, approval.c.asked_by == actor.id, approval.c.state == State.ASKED)
    if waiting >= _MOST_OPEN:
        raise Conflict(
            f"您有 {waiting} 份申请还没有答复，请等审批或撤回后再申请。",
            f"{waiting} of your asks wait for an answer: wait, or withdraw some.",
            code="too_many_asks",
        )
    approval_id = new_id()
    content = {"purpose": purpose.text, "details": dict(details)}
    row = {
        "id": approval_id,
        "kind": kind,
        "state": State.ASKED,
        "asked_by": actor.id,
        "asked_person": actor.person,
        "asked_at": work.now,
        "divisions": sorted(scope.divisions),
        "platforms": sorted(scope.platforms),
        "partners": sorted(scope.partners),
        "sealed": keys.seal("personal", ("approval", "sealed", approval_id), content),
        "lapses_at": work.now + lapses,
        "note": "",
        "uses": 0,
        "max_uses": 0,
    }
    await insert_rows(work.connection, approval, [signed(keys, approval, row)])
    work.target = Approval.number_of(kind, approval_id)
    return await _find(work, keys, approval_id)


async def decide(
    work: Change,
    keys: Keyring,
    approval_id: str,
    *,
    approve: bool,
    lasts: timedelta = timedelta(),
    max_uses: int = 0,
    note: str = "",
) -> Approval:
    """Say yes or no; a yes holds for `lasts` and so many uses (0 where uses are not counted).

    Raises Refused for the asker (also by a second account of the same person), for whoever lacks the
    operation of the kind, and out of scope; Conflict where it was decided, withdrawn or expired meanwhile.
    """
    found = await _find(work, keys, approval_id)
    work.target = found.number
    own = await person_indexes(work.connection, keys, work.actor)
    if not may_decide(work.actor, found) or await _person_now(work, found) in own:
        raise Refused
    values: dict[str, Any] = {
        "state": State.APPROVED if approve else State.REJECTED,
        "decided_by": work.actor.id,
        "decided_at": work.now,
        "note": note,
        "max_uses": max_uses,
    }
    if approve:
        values["lapses_at"] = work.now + lasts
    await _move(work, keys, approval_id, approval.c.state == State.ASKED, values)
    return await _find(work, keys, approval_id)


async def use(work: Change, keys: Keyring, approval_id: str) -> Approval:
    """Take one use of the actor's approved ask; the last one closes it.

    Raises Absent unless it is the actor's own, Conflict where it is not approved or used up or expired.
    """
    found = await _find(work, keys, approval_id, locked=True)
    work.target = found.number
    if found.asked_by != work.actor.id:
        raise Absent
    uses = found.uses + 1
    values = {"uses": uses, "state": State.USED if uses >= found.max_uses else State.APPROVED}
    left = and_(approval.c.state == State.APPROVED, approval.c.uses < approval.c.max_uses)
    await _move(work, keys, approval_id, left, values)
    return await _find(work, keys, approval_id)


async def end(work: Change, keys: Keyring, approval_id: str) -> Approval:
    """End it at once: the asker's withdrawal, or the approver's (or another approver's) second thought.

    Raises Absent for anybody else, Conflict where it is over already.
    """
    found = await _find(work, keys, approval_id)
    work.target = found.number
    if not may_end(work.actor, found):
        raise Absent
    values = {"state": State.ENDED, "ended_by": work.actor.id, "ended_at": work.now}
    await _move(work, keys, approval_id, approval.c.state.in_(_OPEN), values)
    return await _find(work, keys, approval_id)


async def find(look: Look, keys: Keyring, approval_id: str) -> Approval:
    """Return one ask that the viewer made, decided, or may decide; raises Absent otherwise."""
    found = await _find(look, keys, approval_id)
    if not _concerns(look.actor, found):
        raise Absent
    return found


async def listed(
    look: Look, keys: Keyring, kind: Kind | None = None, *, duty: bool = False
) -> list[Approval]:
    """Return the asks that concern the viewer, the newest first (the last thousand of the hub).

    With `duty` those of the viewer's region, whoever asked: for administrators who watch over them.
    """
    query = select(approval).order_by(approval.c.asked_at.desc(), approval.c.id).limit(_LISTED)
    if kind is not None:
        query = query.where(approval.c.kind == kind)
    rows = (await look.connection.execute(query)).mappings().all()
    found = whole(keys, rows, look.now)
    if duty:
        return [one for one in found if look.scope.holds(one.scope)]
    return [one for one in found if _concerns(look.actor, one)]


async def waiting_for(look: Look, keys: Keyring) -> int:
    """Return how many asks the viewer may answer now."""
    query = select(approval).where(approval.c.state == State.ASKED, approval.c.lapses_at > look.now)
    rows = (await look.connection.execute(query.limit(_LISTED))).mappings().all()
    return sum(may_decide(look.actor, one) for one in whole(keys, rows, look.now))


def may_decide(actor: Actor, asked: Approval) -> bool:
    """Say whether this is a second person who holds the operation of the kind and all of the place.

    Powers lent in an emergency say yes to nothing. An export is answered by those who may open its ledger.
    """
    own = actor.own or actor
    same = own.id == asked.asked_by or same_person(own, asked.asked_person)
    needed = [DECIDES[asked.kind], *filter(None, [asked.details.get("operation")])]
    bare = not own.grants and all(allows(own, operation) for operation in needed)
    return not same and bare and own.scope.holds(asked.scope)


def may_end(actor: Actor, asked: Approval) -> bool:
    """Say whether the actor may end it: the asker, who approved it, or who could."""
    own = actor.own or actor
    return own.id in {asked.asked_by, asked.decided_by} or may_decide(own, asked)


def _concerns(actor: Actor, asked: Approval) -> bool:
    return (actor.own or actor).id in {asked.asked_by, asked.decided_by} or may_decide(actor, asked)


async def _person_now(work: Look, asked: Approval) -> bytes | None:
    """Return the person behind the asker's account as it is now: what was copied at the asking grows old."""
    query = select(user.c.phone_index).where(user.c.username == asked.asked_by.removeprefix("user:"))
    person: bytes | None = (await work.connection.execute(query)).scalar_one_or_none()
    return person


async def _find(work: Look, keys: Keyring, approval_id: str, *, locked: bool = False) -> Approval:
    query = select(approval).where(approval.c.id == approval_id)
    query = query.with_for_update() if locked else query
    row = (await work.connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    return read(keys, row, work.now)


async def _move(
    work: Change, keys: Keyring, approval_id: str, state: ColumnElement[bool], values: Mapping[str, Any]
) -> None:
    """Write a move, provided that the row is still where it comes from and its time is not over."""
    still = and_(approval.c.id == approval_id, state, approval.c.lapses_at > work.now)
    if await change_row(work.connection, keys, approval, still, values) is None:
        raise Conflict(
            "这份申请已经处理、撤回、用完或到期，请刷新页面。",
            "This ask was decided, withdrawn, used up or has expired: reload the page.",
            code="approval_moved_on",
        )


async def _count(work: Look, *conditions: ColumnElement[bool]) -> int:
    query = select(func.count()).where(*conditions, approval.c.lapses_at > work.now)
    return int((await work.connection.execute(query)).scalar_one())


def whole(keys: Keyring, rows: Iterable[RowMapping], now: datetime) -> list[Approval]:
    """Return those of the rows that are as the hub wrote them; the others are not there."""
    return [read(keys, row, now) for row in rows if is_whole(keys, approval, row)]


def read(keys: Keyring, row: RowMapping, now: datetime) -> Approval:
    """Return a row as it stands at a moment; raises RowAltered where it was changed past the hub."""
    check_row(keys, approval, row)
    content = keys.unseal("personal", ("approval", "sealed", row["id"]), row["sealed"])
    scope = Scope(tuple(row["divisions"]), tuple(row["platforms"]), tuple(row["partners"]))
    kept = ("id", "asked_by", "asked_person", "asked_at", "lapses_at", "decided_by", "decided_at")
    return Approval(
        **{name: row[name] for name in (*kept, "note", "uses", "max_uses", "ended_by", "ended_at")},
        kind=Kind(row["kind"]),
        state=Approval.state_of(row["state"], row["lapses_at"], now),
        scope=scope,
        purpose=content["purpose"],
        details=content["details"],
    )
