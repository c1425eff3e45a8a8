"""Writing messages into the outbox; sending them is delivery's, what they say is the caller's."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change, Keyring
from rider_hub.messages.tables import outbox
from rider_hub.storage import insert_rows, new_id

__all__ = ["CANCELLATION", "cancel", "forget_messages", "forget_settled", "post", "post_once", "waiting_for"]

#: Calls off a message that has left; it outlives the erasure of its receiver until it is sent.
CANCELLATION = "cancellation"
#: The receiver and the text are still there.
_UNSENT = outbox.c.state.in_(("waiting", "sending"))


async def post(work: Change, keys: Keyring, kind: str, to: str, body: Mapping[str, Any]) -> str:
    """Put a message into the outbox in the caller's transaction and return its id.

    It leaves only if that transaction commits, and then at least once. Receiver and text are sealed.
    """
    message_id = new_id()
    row = {
        "id": message_id,
        "kind": kind,
        "sealed": keys.seal("personal", ("outbox", "sealed", message_id), {"to": to, "body": dict(body)}),
        "state": "waiting",
        "created_at": work.now,
        "sent_at": None,
    }
    await insert_rows(work.connection, outbox, [row])
    return message_id


async def post_once(work: Change, keys: Keyring, kind: str, to: str, body: Mapping[str, Any]) -> None:
    """Put a message into the outbox unless one of its kind waits for the receiver already."""
    query = select(outbox.c.id, outbox.c.sealed).where(outbox.c.state == "waiting", outbox.c.kind == kind)
    rows = (await work.connection.execute(query)).mappings().all()
    if all(_to(keys, row["id"], row["sealed"]) != to for row in rows):
        await post(work, keys, kind, to, body)


async def cancel(work: Change, message_id: str) -> bool:
    """Stop a message; says whether it may have left already, or is just being handed over."""
    dead = update(outbox).where(outbox.c.id == message_id).values(state="dead", sealed=b"")
    if (await work.connection.execute(dead.where(outbox.c.state == "waiting"))).rowcount:
        return False
    if (await work.connection.execute(dead.where(outbox.c.state == "sending"))).rowcount:
        return True
    state = await work.connection.execute(select(outbox.c.state).where(outbox.c.id == message_id))
    return state.scalar_one_or_none() != "dead"


async def forget_messages(work: Change, keys: Keyring, receivers: Collection[str]) -> int:
    """Delete what waits for these receivers and return how many; what has left is wiped already.

    Cancellations stay: they call off what these receivers were sent, and leave with the next run.
    """
    if not receivers:
        return 0
    query = select(outbox).where(_UNSENT, outbox.c.kind != CANCELLATION)
    rows = (await work.connection.execute(query)).mappings()
    ids = [row["id"] for row in rows if _to(keys, row["id"], row["sealed"]) in receivers]
    await work.connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))
    return len(ids)


async def forget_settled(connection: AsyncConnection, before: datetime) -> int:
    """Delete what is left of messages that were settled long ago: kind and times; returns how many."""
    old = outbox.c.state.in_(("sent", "dead")) & (outbox.c.created_at < before)
    return int((await connection.execute(delete(outbox).where(old))).rowcount)


async def waiting_for(
    connection: AsyncConnection, keys: Keyring, receivers: Collection[str]
) -> list[dict[str, Any]]:
    """Return what waits for these receivers: kind, time and text; a code is for the phone alone."""
    rows = (await connection.execute(select(outbox).where(_UNSENT))).mappings()
    opened = [(row, _content(keys, row["id"], row["sealed"])) for row in rows if receivers]
    return [
        {
            "kind": row["kind"],
            "created_at": row["created_at"],
            "text": None if "code" in content["body"] else content["body"].get("text"),
        }
        for row, content in opened
        if content["to"] in receivers
    ]


def _to(keys: Keyring, message_id: str, sealed: bytes) -> str:
    return str(_content(keys, message_id, sealed)["to"])


def _content(keys: Keyring, message_id: str, sealed: bytes) -> dict[str, Any]:
    content: dict[str, Any] = keys.unseal("personal", ("outbox", "sealed", message_id), sealed)
    return content
