"""A signed message serves once: its id is bound to the content, the feed and the key it first came with."""

import hashlib
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.errors import FeedError
from connectors.transport.signatures import TOLERANCE_SECONDS
from rider_hub.access import Hub
from rider_hub.errors import LimitReached
from rider_hub.intake.faults import whole
from rider_hub.intake.model import Sender
from rider_hub.intake.tables import push_message
from rider_hub.parameters import parameter
from rider_hub.storage import insert_ignoring
from rider_hub.storage.writing import one_at_a_time

__all__ = ["once", "pace_of"]

#: Longer than any signed time is taken, either way.
_KEPT = timedelta(seconds=3 * TOLERANCE_SECONDS)
_MINUTE = timedelta(minutes=1)


def pace_of(sender: Sender) -> int:
    """Return how many pushes a minute a sender may make: by its agreement, else the parameter."""
    return int(sender.settings.get("pushes_a_minute", parameter("intake.pushes_a_minute").value))


@asynccontextmanager
async def once(
    hub: Hub, platform: str, message_id: str, bound: bytes, *, a_minute: int
) -> AsyncIterator[None]:
    """Take one message; raises Conflict where its id came with something else before.

    Raises LimitReached where `a_minute` other messages of the sender came within a minute, in all processes;
    the same message sent again costs nothing new and always passes.

    The signature covers neither the address nor any header, so whoever caught a push or a check could send it
    again as something else: `bound` is a keyed digest over all of them. What can't be read leaves no trace,
    so that the mended body may use the same id.
    """
    mine = push_message.c.platform == platform, push_message.c.message_id == message_id
    now = hub.clock.now()
    row = {"platform": platform, "message_id": message_id, "bound": bound, "seen_at": now}
    async with hub.database.write() as connection:
        await connection.execute(delete(push_message).where(push_message.c.seen_at < now - _KEPT))
        if (await connection.execute(select(push_message.c.bound).where(*mine))).first() is None:
            await one_at_a_time(connection, hashlib.sha256(platform.encode()).digest())
            await _check_pace(connection, platform, a_minute, now)
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


async def _check_pace(connection: AsyncConnection, platform: str, a_minute: int, now: datetime) -> None:
    c = push_message.c
    query = select(c.seen_at).where(c.platform == platform, c.seen_at > now - _MINUTE)
    times = list((await connection.execute(query.order_by(c.seen_at.desc()).limit(a_minute))).scalars())
    if len(times) < a_minute:
        return
    free = times[-1] + _MINUTE - now
    raise LimitReached(
        f"每分钟最多报送 {a_minute} 次。请把多行合并成一批，稍后用同一内容和幂等键重试。",
        f"At most {a_minute} pushes a minute: put more rows into one, and try this one again later.",
        retry_after=max(1, math.ceil(free.total_seconds())),
    )
