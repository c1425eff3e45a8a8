"""A signed message serves once: its id is bound to the content, the feed and the key it first came with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import delete, select

from connectors.errors import FeedError
from connectors.transport.signatures import TOLERANCE_SECONDS
from rider_hub.access import Hub
from rider_hub.intake.faults import whole
from rider_hub.intake.tables import push_message
from rider_hub.storage import insert_ignoring

__all__ = ["once"]

#: Longer than any signed time is taken, either way.
_KEPT = timedelta(seconds=3 * TOLERANCE_SECONDS)


@asynccontextmanager
async def once(hub: Hub, platform: str, message_id: str, bound: bytes) -> AsyncIterator[None]:
    """Take one message; raises Conflict where its id came with something else before.

    The signature covers neither the address nor Idempotency-Key, so whoever caught a push could send it again
    under another: `bound` is a keyed digest over all of them. What can't be read leaves no trace, so that the
    mended body may use the same id.
    """
    mine = push_message.c.platform == platform, push_message.c.message_id == message_id
    now = hub.clock.now()
    row = {"platform": platform, "message_id": message_id, "bound": bound, "seen_at": now}
    async with hub.database.write() as connection:
        await connection.execute(delete(push_message).where(push_message.c.seen_at < now - _KEPT))
        await insert_ignoring(connection, push_message, row, key=["platform", "message_id"])
        known = (await connection.execute(select(push_message.c.bound).where(*mine))).scalar_one()
    if bytes(known) != bound:
        raise whole("message_id_reused")
    try:
        yield
    except FeedError:
        async with hub.database.write() as connection:
            await connection.execute(delete(push_message).where(*mine))
        raise
