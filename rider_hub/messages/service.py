"""Writing messages into the outbox; sending them is delivery's, what they say is the caller's."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from rider_hub.access import Change, Keyring
from rider_hub.messages.tables import outbox
from rider_hub.storage import insert_rows, new_id

__all__ = ["cancel", "post"]


async def post(work: Change, keys: Keyring, kind: str, to: str, body: Mapping[str, Any]) -> str:
    """Put a message into the outbox in the caller's transaction and return its id.

    It leaves only if that transaction commits, and then at least once. Receiver and text are sealed.
    """
    message_id = new_id()
    row = {
        "id": message_id,
        "kind": kind,
        "sealed": keys.seal("personal", ("outbox", message_id), {"to": to, "body": dict(body)}),
        "state": "waiting",
        "created_at": work.now,
        "sent_at": None,
    }
    await insert_rows(work.connection, outbox, [row])
    return message_id


async def cancel(work: Change, message_id: str) -> bool:
    """Drop a message that has not left yet; says whether it was still waiting."""
    result = await work.connection.execute(
        update(outbox)
        .where(outbox.c.id == message_id, outbox.c.state == "waiting")
        .values(state="dead", sealed=b"")
    )
    return result.rowcount == 1
