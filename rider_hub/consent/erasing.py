"""Erasure at a rider's wish (PIPL 47), and the clearing of the pages where the deleted rows stood."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Change, Hub
from rider_hub.clock import SHANGHAI, check_aware, local_date
from rider_hub.consent.copying import stated
from rider_hub.consent.holdings import erasable_tables
from rider_hub.consent.ports import Ports, erase
from rider_hub.consent.tables import rights_request
from rider_hub.errors import Absent, Invalid, Refused
from rider_hub.parameters import parameter
from rider_hub.riders.model import RegistrationState
from rider_hub.riders.own_phone import check_own_phone
from rider_hub.riders.persons import same_person
from rider_hub.riders.ports import registrations_of, remove_registrations
from rider_hub.riders.tables import registration, rider
from rider_hub.riders.tombstones import again_code, lift, lift_by_code, mark_of
from rider_hub.storage import insert_rows, new_id

__all__ = [
    "KEPT",
    "Erased",
    "clear_erased",
    "erase_for_staff",
    "erase_own",
    "forget_handled",
    "forget_left",
    "store_again",
    "store_again_by_code",
]

_COUNTY = 6
_PAGE = 200
_MONTHS = parameter("audit.kept").value
#: What stays, and why, in the rider's words; docs/rights.md says the same to staff.
KEPT: Final = (
    "您提过的诉求只留下类别、社区和时间，用于统计；内容、地点和您是谁都已删除。还没办完的诉求不再办理。",
    "您提过的更正、删除请求只留下区县、事项、结果和月份，用于统计；内容、经办人和您是谁都已删除。",
    "别人反映的同一件事照常办理，与您无关。",
    "给您发过还没到时间的活动通知的，会再发一条短信说已取消（不写活动和组织），发完就把号码删掉，最多一天。",
    f"“谁看过您的信息”的操作日志保存 {_MONTHS:.0f} 个月（依法不少于六个月）；里面只有一个查不到您的编号。",
    "每条平台登记留下一个加密标记，用来在平台再次报送时不再保存；从标记推不出姓名和编号。",
    "平台企业自己保存的登记不归本系统管，请向平台提出。",
)


@dataclass(frozen=True)
class Erased:
    """What an erasure did: rows deleted or emptied, codes to be stored again by, and what stays."""

    rows: int
    again: tuple[str, ...]
    kept: tuple[str, ...] = KEPT


async def erase_own(hub: Hub, actor: Actor, ports: Ports) -> Erased:
    """Erase the signed-in rider; the caller has confirmed the wish by a code to the phone.

    Raises PhoneNotConfirmed for another phone than the first, asked in the transaction that erases.
    """
    if actor.rider_id is None:
        raise Refused
    # "rider.own", like every act of a rider: the trail does not say that this one was an erasure.
    async with hub.change(actor, "rider.own") as work:
        persons = await check_own_phone(work.connection, hub.keys, actor)
        return await _erase(hub, work, ports, persons)


async def erase_for_staff(hub: Hub, actor: Actor, ports: Ports, rider_id: str, purpose: str) -> Erased:
    """Erase a rider who asked at the counter; raises Invalid without a purpose, Absent out of scope."""
    async with hub.change(
        actor, "rights.handle", target=f"rider:{rider_id} erase", purpose=stated(purpose)
    ) as work:
        query = select(rider.c.id).where(rider.c.id == rider_id, work.scope.where(rider.c.division))
        if (await work.connection.execute(query)).first() is None:
            raise Absent
        work.opened([rider_id])
        return await _erase(hub, work, ports, await same_person(work.connection, rider_id))


async def _erase(hub: Hub, work: Change, ports: Ports, persons: list[str]) -> Erased:
    """Erase every pseudonym of the person, the present one first, and leave a line that names nobody."""
    query = select(rider.c.division).where(rider.c.id == persons[0])
    division = (await work.connection.execute(query)).scalar_one_or_none()
    if division is None:
        raise Absent
    gone, codes = 0, list[str]()
    for each in persons:
        rows = await registrations_of(work.connection, each)
        codes += [again_code(mark_of(hub.keys, row["platform"], row["platform_rider_ref"])) for row in rows]
        await _forget_requests(work, each)
        gone += await erase(ports, work, hub.keys, each)
    line = {
        "id": new_id(),
        "kind": "erase",
        "rider_id": None,
        "division": division[:_COUNTY],
        "state": "done",
    }
    times = {"filed_at": work.now, "due_at": work.now, "decided_at": work.now, "cleared_at": None}
    who = None if work.actor.rider_id else work.actor.id
    row_ = {**line, **times, "sealed": None, "decided_by": who}
    await insert_rows(work.connection, rights_request, [row_])
    work.count(rows=gone)
    return Erased(gone, tuple(codes))


async def _forget_requests(work: Change, rider_id: str) -> None:
    """Leave of the rider's own rights requests that there were some, and nothing of whom or what.

    County and month alone: by a street, a member of staff or the minute a row could be joined to the erasure.
    """
    c = rights_request.c
    query = select(c.id, c.division, c.state, c.filed_at, c.due_at, c.decided_at).where(
        c.rider_id == rider_id
    )
    for row in (await work.connection.execute(query)).mappings().all():
        left = {
            "rider_id": None,
            "sealed": None,
            "division": row["division"][:_COUNTY],
            "state": "done" if row["state"] == "open" else row["state"],
            "filed_at": _month(row["filed_at"]),
            "due_at": _month(row["due_at"]),
            "decided_at": _month(row["decided_at"] or work.now),
            "decided_by": None,
        }
        await work.connection.execute(update(rights_request).where(c.id == row["id"]).values(left))


def _month(at: datetime) -> datetime:
    """Return when the month of an instant began in China."""
    first = datetime.combine(local_date(at).replace(day=1), time(), tzinfo=SHANGHAI)
    return check_aware(first)


async def clear_erased(hub: Hub, actor: Actor, *, always: bool = False) -> int:
    """Write the tables anew from which a rider was erased since the last time; returns how many erasures.

    Deleted rows stay in pages until then (on SQLite zeroed at once, but the WAL holds them).
    """
    query = select(rights_request.c.id).where(
        rights_request.c.kind == "erase",
        rights_request.c.state == "done",
        rights_request.c.cleared_at.is_(None),
    )
    async with hub.look(actor, "rights.clear") as look:
        ids = (await look.connection.execute(query)).scalars().all()
    if not ids and not always:
        return 0
    await hub.database.compact(erasable_tables())
    async with hub.change(actor, "rights.clear") as work:
        for request_id in ids:
            done = update(rights_request).where(rights_request.c.id == request_id)
            await work.connection.execute(done.values(cleared_at=work.now))
        work.count(cleared=len(ids))
    return len(ids)


async def store_again_by_code(hub: Hub, actor: Actor, code: str) -> None:
    """Let a registration be stored again by the code its rider was given; raises Invalid for any other."""
    async with hub.change(actor, "rights.again") as work:
        if not await lift_by_code(work.connection, code):
            raise Invalid(
                "没有这个代码。请核对后重输，或带证件到街道办理。",
                "There is no such code: check it, or ask at the street office.",
                code="again_code_unknown",
            )


async def store_again(hub: Hub, actor: Actor, platform: str, ref: str, purpose: str) -> bool:
    """Let a registration be stored again for a rider who asked in person; says whether there was a mark."""
    async with hub.change(
        actor, "rights.handle", target=f"{platform} again", purpose=stated(purpose)
    ) as work:
        return await lift(work.connection, hub.keys, platform, ref)


async def forget_left(hub: Hub, actor: Actor, ports: Ports, before: datetime) -> int:
    """Delete registrations that ended and were last seen before a time, and riders who have no other left.

    Returns how many registrations went. Their tombstones let only a newer version in: who comes back is new.
    """
    ended = select(registration).where(
        registration.c.state != RegistrationState.ACTIVE, registration.c.seen_at < before
    )
    gone = 0
    while True:
        async with hub.change(actor, "rights.clear", target="left riders") as work:
            query = ended.order_by(registration.c.rider_id, registration.c.id).limit(_PAGE)
            rows = (await work.connection.execute(query)).mappings().all()
            for rider_id in dict.fromkeys(row["rider_id"] for row in rows):
                mine = await registrations_of(work.connection, rider_id)
                old = [row for row in rows if row["rider_id"] == rider_id]
                if len(old) == len(mine):
                    for each in await same_person(work.connection, rider_id):
                        await _forget_requests(work, each)
                        await erase(ports, work, hub.keys, each)
                else:
                    await remove_registrations(work.connection, hub.keys, old)
            work.count(registrations=len(rows))
        gone += len(rows)
        if not rows:
            return gone


async def forget_handled(connection: AsyncConnection, before: datetime) -> int:
    """Delete rights requests that were decided before a time; returns how many."""
    old = rights_request.c.decided_at < before
    return int((await connection.execute(delete(rights_request).where(old))).rowcount)
