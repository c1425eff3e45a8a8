"""A signed message serves once: its id is bound to the content, the feed and the key it first came with."""

import hashlib
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.errors import FeedError
from connectors.transport.signatures import TOLERANCE_SECONDS
from rider_hub.access import Hub
from rider_hub.errors import LimitReached
from rider_hub.intake.faults import whole
from rider_hub.intake.model import Sender
from rider_hub.intake.tables import push_message
from rider_hub.parameters import parameter
from rider_hub.storage import insert_rows, new_id
from rider_hub.storage.writing import one_at_a_time

__all__ = ["count_try", "counted_as", "once", "pace_of"]

#: Longer than any signed time is taken, either way.
_KEPT = timedelta(seconds=3 * TOLERANCE_SECONDS)
_MINUTE = timedelta(minutes=1)


def pace_of(sender: Sender) -> int:
    """Return how many pushes a minute a sender may make: by its agreement, else the parameter."""
    return int(sender.settings.get("pushes_a_minute", parameter("intake.pushes_a_minute").value))


def counted_as(who: str) -> str:
    """Return the name under which something is counted apart from a platform's pushes."""
    return f"~{hashlib.sha256(who.encode()).hexdigest()[:30]}"


@asynccontextmanager
async def once(
    hub: Hub, platform: str, message_id: str, bound: bytes, *, a_minute: int, again_is_cheap: bool = True
) -> AsyncIterator[None]:
    """Take one message; raises Conflict where its id came with something else before.

    Each try counts, also of what is refused or can't be read, over all processes. Raises LimitReached where
    `a_minute` came within a minute; where a message sent again is only answered again, there is as much room
    once more for retries, so that a sender at its limit still learns what became of its pushes.

    The signature covers neither the address nor any header, so whoever caught a push or a check could send it
    again as something else: `bound` is a keyed digest over all of them. What can't be read gives its id free,
    so that the mended body may use it.
    """
    mine = push_message.c.platform == platform, push_message.c.message_id == message_id
    now = hub.clock.now()
    row = {"platform": platform, "message_id": message_id, "bound": bound, "seen_at": now}
    async with hub.database.write() as connection:
        await _begin(connection, platform, now)
        known = (await connection.execute(select(push_message.c.bound).where(*mine))).scalar()
        room = 2 if known is not None and again_is_cheap else 1
        await _check_pace(connection, platform, a_minute, now, room=room)
        # A try beyond the first gets a row that binds nothing.
        await insert_rows(connection, push_message, [row if known is None else row | _unbound()])
    if known is not None and bytes(known) != bound:
        raise whole("message_id_reused")
    try:
        yield
    except FeedError:
        async with hub.database.write() as connection:
            await connection.execute(update(push_message).where(*mine).values(_unbound()))
        raise


async def count_try(hub: Hub, who: str, a_minute: float) -> None:
    """Count something that has no message of its own, under a pace of its own; raises LimitReached."""
    now = hub.clock.now()
    name = counted_as(who)
    bound = hub.keys.blind("lasting", "message", name)
    async with hub.database.write() as connection:
        await _begin(connection, name, now)
        await _check_pace(connection, name, int(a_minute), now)
        row = {"platform": name, "bound": bound, "seen_at": now, **_unbound()}
        await insert_rows(connection, push_message, [row])


def _unbound() -> dict[str, str]:
    return {"message_id": f"~{new_id()}"}


async def _begin(connection: AsyncConnection, name: str, now: datetime) -> None:
    """Forget what is old, and let no other try of this name go on meanwhile."""
    await connection.execute(delete(push_message).where(push_message.c.seen_at < now - _KEPT))
    await one_at_a_time(connection, hashlib.sha256(name.encode()).digest())


async def _check_pace(
    connection: AsyncConnection, name: str, a_minute: int, now: datetime, *, room: int = 1
) -> None:
    c, most = push_message.c, a_minute * room
    query = select(c.seen_at).where(c.platform == name, c.seen_at > now - _MINUTE)
    times = list((await connection.execute(query.order_by(c.seen_at.desc()).limit(most))).scalars())
    if len(times) < most:
        return
    free = times[-1] + _MINUTE - now
    raise LimitReached(
        f"每分钟最多 {a_minute} 次，不能读取的也计入。请把多行合并成一批，稍后用同一内容和幂等键重试。",
        f"At most {a_minute} a minute, unreadable ones too: put more rows into one, and try again later.",
        retry_after=max(1, math.ceil(free.total_seconds())),
    )
