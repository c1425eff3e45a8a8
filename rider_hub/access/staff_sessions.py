"""Sessions of staff accounts: read from the database at each request, so that an end is an end everywhere."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_tables import session, user
from rider_hub.access.hub import Hub
from rider_hub.access.rider_sessions import token_hash
from rider_hub.access.row_macs import RowAltered, vouched
from rider_hub.settings import Settings
from rider_hub.storage import insert_rows, new_id

__all__ = [
    "ShownSession",
    "browser_named",
    "end_all",
    "find_session",
    "live_sessions",
    "live_since",
    "open_staff_session",
]

_TOUCH = timedelta(minutes=1)
#: In this order: Edge and the 360 browsers also call themselves Chrome, and Chrome calls itself Safari.
_BROWSERS = (
    ("MicroMessenger/", "微信"),
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class ShownSession:
    """A session as its owner sees it."""

    id: str
    address: str
    browser: str
    created_at: datetime
    seen_at: datetime


async def open_staff_session(
    connection: AsyncConnection,
    token: str,
    user_id: str,
    epoch: int,
    *,
    address: str,
    browser: str,
    now: datetime,
) -> None:
    """Keep a new session of an account under the token that the cookie will hold."""
    row = {
        "token_hash": token_hash(token),
        "id": new_id(),
        "user_id": user_id,
        "epoch": epoch,
        "csrf": secrets.token_urlsafe(24),
        "address": address[:64],
        "browser": browser,
        "created_at": now,
        "seen_at": now,
    }
    await insert_rows(connection, session, [row])


async def find_session(hub: Hub, token: str) -> RowMapping | None:
    """Return the live session of a token with its account's row, None where there is none or it is over.

    Over is also one of an account that was disabled, or changed in password, roles or scope since, or changed
    past the hub: then all its sessions end, and the trail says why.
    """
    now, hashed = hub.clock.now(), token_hash(token)
    query = (
        select(user, session.c.id.label("session_id"), session.c.csrf, session.c.seen_at)
        .join(session, and_(session.c.user_id == user.c.id, session.c.epoch == user.c.epoch))
        .where(session.c.token_hash == hashed, user.c.disabled_at.is_(None), live_since(hub.settings, now))
    )
    async with hub.database.read() as connection:
        row = (await connection.execute(query)).mappings().first()
    if row is not None and not await _is_vouched(hub, row):
        return None
    if row is not None and row["seen_at"] < now - _TOUCH:
        async with hub.database.write() as connection:
            await connection.execute(
                update(session).where(session.c.token_hash == hashed).values(seen_at=now)
            )
    return row


async def _is_vouched(hub: Hub, row: RowMapping) -> bool:
    try:
        await vouched(hub, row)
    except RowAltered:
        async with hub.database.write() as connection:
            await end_all(connection, row["id"])
        return False
    return True


def live_since(settings: Settings, now: datetime) -> ColumnElement[bool]:
    """Return the condition for sessions that are neither idle nor too old."""
    idle = timedelta(minutes=settings.session_idle_minutes)
    return and_(
        session.c.seen_at > now - idle, session.c.created_at > now - timedelta(hours=settings.session_hours)
    )


async def live_sessions(
    connection: AsyncConnection, settings: Settings, user_id: str, now: datetime
) -> list[ShownSession]:
    """Return an account's live sessions, the last used first."""
    query = (
        select(session)
        .join(user, and_(session.c.user_id == user.c.id, session.c.epoch == user.c.epoch))
        .where(session.c.user_id == user_id, live_since(settings, now))
        .order_by(session.c.seen_at.desc(), session.c.id)
    )
    return [
        ShownSession(row["id"], row["address"], row["browser"], row["created_at"], row["seen_at"])
        for row in (await connection.execute(query)).mappings()
    ]


async def end_all(
    connection: AsyncConnection, user_id: str, *, only: str | None = None, but: str | None = None
) -> int:
    """End an account's sessions: all, the one with id `only`, or all but one; returns how many."""
    ended = delete(session).where(session.c.user_id == user_id)
    ended = ended if only is None else ended.where(session.c.id == only)
    ended = ended if but is None else ended.where(session.c.id != but)
    return int((await connection.execute(ended)).rowcount)


def browser_named(user_agent: str) -> str:
    """Return what a browser calls itself in two words, for its owner to tell sessions apart."""
    browser = next((word for mark, word in _BROWSERS if mark in user_agent), "其他浏览器")
    system = next((word for mark, word in _SYSTEMS if mark in user_agent), "")
    return f"{browser} · {system}" if system else browser
