"""Taking messages from the outbox to a port, at least once each; run by a job."""

from datetime import datetime, timedelta

from sqlalchemy import RowMapping, case, select, update

from rider_hub.access import Actor, Hub
from rider_hub.logs import logger
from rider_hub.messages.ports import Message, Port, PortFault
from rider_hub.messages.tables import outbox

__all__ = ["URGENT", "deliver"]

_log = logger("messages")
_BATCH = 200
#: What goes before all that waits: a code is void in minutes, and what ends a consent leaves within one.
URGENT = frozenset({"sign_in_code", "cancellation"})
#: A sign-in code is of no use once it has expired; anything else is given three days.
_LIFETIME = {"sign_in_code": timedelta(minutes=5)}
_LONGEST = timedelta(days=3)


async def deliver(hub: Hub, port: Port) -> dict[str, int]:
    """Give waiting messages to the port, urgent ones first, then the oldest; returns counts by outcome.

    No transaction is open while the port works. A message the port took is marked afterwards, so a kill in
    between sends it again; what failed stays waiting until it is too old. Once a message is settled its text
    and receiver are wiped.
    """
    actor = Actor.job("deliver_messages")
    async with hub.look(actor, "messages.send") as look:
        later = case((outbox.c.kind.in_(URGENT), 0), else_=1)
        query = select(outbox).where(outbox.c.state == "waiting")
        query = query.order_by(later, outbox.c.created_at, outbox.c.id)
        rows = list((await look.connection.execute(query.limit(_BATCH))).mappings())
        if rows:
            look.count(messages=len(rows))
    settled: dict[str, str] = {}
    failed = 0
    for row in rows:
        if _too_old(row, hub.clock.now()):
            settled[row["id"]] = "dead"
        elif await _send(hub, port, row):
            settled[row["id"]] = "sent"
        else:
            failed += 1
    counts = {
        "sent": sum(state == "sent" for state in settled.values()),
        "failed": failed,
        "dead": sum(state == "dead" for state in settled.values()),
    }
    if settled:
        await _settle(hub, actor, settled, counts)
    return counts


async def _send(hub: Hub, port: Port, row: RowMapping) -> bool:
    content = hub.keys.unseal("personal", ("outbox", row["id"]), row["sealed"])
    message = Message(row["id"], row["kind"], content["to"], content["body"], row["created_at"])
    try:
        await port.send(message)
    except PortFault as fault:
        _log.warning("message_not_taken", message_id=row["id"], kind=row["kind"], fault=str(fault))
        return False
    return True


async def _settle(hub: Hub, actor: Actor, settled: dict[str, str], counts: dict[str, int]) -> None:
    async with hub.change(actor, "messages.send") as work:
        work.count(**counts)
        for state in ("sent", "dead"):
            ids = [message_id for message_id, found in settled.items() if found == state]
            await work.connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(ids))
                .values(state=state, sealed=b"", sent_at=work.now if state == "sent" else None)
            )


def _too_old(row: RowMapping, now: datetime) -> bool:
    created: datetime = row["created_at"]
    return now - created > _LIFETIME.get(row["kind"], _LONGEST)
