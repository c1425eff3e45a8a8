"""Taking messages from the outbox to a port, at least once each; run by a job."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, and_, case, delete, or_, select, update

from rider_hub.access import Actor, Hub
from rider_hub.logs import logger
from rider_hub.messages.ports import Message, NullPort, Port, PortFault
from rider_hub.messages.service import CANCELLATION
from rider_hub.messages.tables import outbox

__all__ = ["URGENT", "deliver"]

_log = logger("messages")
_BATCH = 200
#: What goes before all that waits: a code is void in minutes, and what ends a consent leaves within one.
URGENT = frozenset({"sign_in_code", CANCELLATION})
#: A sign-in code is of no use once it has expired, a cancellation not for long; the rest is given three days.
_LIFETIME = {"sign_in_code": timedelta(minutes=5), CANCELLATION: timedelta(days=1)}
_LONGEST = timedelta(days=3)
#: A run hands over no more after so long: the next one begins with what has become urgent meanwhile.
_RUN = timedelta(seconds=20)
#: A message that was being handed over for so long belongs to a process that was killed. A run takes less.
_LEASE = timedelta(seconds=30)
_OUTCOMES = ("sent", "failed", "dead")


async def deliver(hub: Hub, port: Port) -> dict[str, int]:
    """Give waiting messages to the port, urgent ones first, then the oldest; returns counts by outcome.

    No transaction is open while the port works. Each message is claimed first, so that two processes don't
    both send it, and is looked at again just before it leaves: what was stopped meanwhile stays. What the
    port took is marked afterwards, so a kill in between sends it again; what failed waits until it is too
    old. Once a message is settled its text and receiver are wiped.
    """
    actor = Actor.job("deliver_messages")
    counts = dict.fromkeys(_OUTCOMES, 0)
    ends_at = hub.clock.now() + _RUN
    failed: set[str] = set()
    while hub.clock.now() < ends_at and len(failed) < _BATCH:
        waiting = await _waiting(hub, actor, failed)
        old = [row["id"] for row in waiting if _too_old(row, hub.clock.now())]
        fresh = [] if isinstance(port, NullPort) else [row["id"] for row in waiting if row["id"] not in old]
        claimed = await _claim(hub, actor, fresh, old) if fresh or old else []
        outcome = await _hand_over(hub, port, claimed, ends_at)
        if claimed:
            await _settle(hub, actor, outcome)
        failed |= {message_id for message_id, found in outcome.items() if found == "failed"}
        counts["sent"] += sum(found == "sent" for found in outcome.values())
        counts["dead"] += len(old)
        counts["failed"] = len(failed) + (len(waiting) - len(old) if isinstance(port, NullPort) else 0)
        if "sent" not in outcome.values():
            break
    return counts


async def _waiting(hub: Hub, actor: Actor, but: set[str]) -> list[RowMapping]:
    later = case((outbox.c.kind.in_(URGENT), 0), else_=1)
    query = select(outbox.c.id, outbox.c.kind, outbox.c.created_at)
    query = query.where(_to_send(hub.clock.now()), outbox.c.id.not_in(sorted(but)))
    query = query.order_by(later, outbox.c.created_at, outbox.c.id).limit(_BATCH)
    async with hub.look(actor, "messages.send") as look:
        return list((await look.connection.execute(query)).mappings())


async def _claim(hub: Hub, actor: Actor, fresh: list[str], old: list[str]) -> list[RowMapping]:
    """Mark messages as being handed over and return those no other process has; drop what is too old."""
    async with hub.change(actor, "messages.send") as work:
        free = _to_send(work.now)
        taken = update(outbox).where(outbox.c.id.in_(fresh), free).values(state="sending", sent_at=work.now)
        rows = (await work.connection.execute(taken.returning(outbox))).mappings().all()
        dead = update(outbox).where(outbox.c.id.in_(old), free).values(state="dead", sealed=b"")
        await work.connection.execute(dead)
        work.count(messages=len(rows), dead=len(old))
    order = {message_id: at for at, message_id in enumerate(fresh)}
    return sorted(rows, key=lambda row: order[row["id"]])


def _to_send(now: datetime) -> ColumnElement[bool]:
    lapsed = and_(outbox.c.state == "sending", outbox.c.sent_at <= now - _LEASE)
    return or_(outbox.c.state == "waiting", lapsed)


async def _hand_over(hub: Hub, port: Port, rows: list[RowMapping], ends_at: datetime) -> dict[str, str]:
    """Give claimed messages to the port and return what became of each: sent, failed, stopped or put off."""
    outcome: dict[str, str] = {}
    for row in rows:
        if hub.clock.now() >= ends_at:
            outcome[row["id"]] = "put_off"
        elif not await _is_claimed(hub, row["id"]):
            outcome[row["id"]] = "stopped"
        else:
            outcome[row["id"]] = "sent" if await _send(hub, port, row) else "failed"
    return outcome


async def _is_claimed(hub: Hub, message_id: str) -> bool:
    async with hub.database.read() as connection:
        query = select(outbox.c.id).where(outbox.c.id == message_id, outbox.c.state == "sending")
        return (await connection.execute(query)).first() is not None


async def _send(hub: Hub, port: Port, row: RowMapping) -> bool:
    content = hub.keys.unseal("personal", ("outbox", "sealed", row["id"]), row["sealed"])
    message = Message(row["id"], row["kind"], content["to"], content["body"], row["created_at"])
    try:
        await port.send(message)
    except PortFault as fault:
        _log.warning("message_not_taken", message_id=row["id"], kind=row["kind"], fault=str(fault))
        return False
    return True


async def _settle(hub: Hub, actor: Actor, outcome: dict[str, str]) -> None:
    """Write down what became of claimed messages.

    A cancellation that has left leaves no row: by its time it could be joined to the withdrawal.
    """
    mine = outbox.c.state == "sending"
    sent = outbox.c.id.in_([each for each, found in outcome.items() if found == "sent"])
    back = outbox.c.id.in_([each for each, found in outcome.items() if found in {"failed", "put_off"}])
    async with hub.change(actor, "messages.send") as work:
        work.count(**{name: sum(found == name for found in outcome.values()) for name in ("sent", "failed")})
        for statement in (
            delete(outbox).where(sent, mine, outbox.c.kind == CANCELLATION),
            update(outbox).where(sent, mine).values(state="sent", sealed=b"", sent_at=work.now),
            update(outbox).where(back, mine).values(state="waiting", sent_at=None),
        ):
            await work.connection.execute(statement)


def _too_old(row: RowMapping, now: datetime) -> bool:
    created: datetime = row["created_at"]
    return now - created > _LIFETIME.get(row["kind"], _LONGEST)
