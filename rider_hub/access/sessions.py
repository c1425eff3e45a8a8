"""Sessions in the database, the middleware that finds the actor of a request, and CSRF tokens."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from aiohttp import web
from sqlalchemy import RowMapping, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import ACTOR, PUBLIC, Actor
from rider_hub.access.addresses import cookies_are_secure
from rider_hub.access.guard import is_signed
from rider_hub.access.hub import HUB, Hub
from rider_hub.access.parks import with_parks
from rider_hub.access.tables import session, user
from rider_hub.access.users import actor_of
from rider_hub.errors import HubError
from rider_hub.storage import insert_rows

__all__ = ["CSRF", "close_session", "forget_sessions", "identify", "open_session", "protect"]

_COOKIE = "rider_hub_session"
_CSRF_COOKIE = "rider_hub_csrf"
_IDLE = timedelta(minutes=30)
_ABSOLUTE = timedelta(hours=12)
#: A session's last use is written at most this often, so that reading a page is not a write.
_TOUCH = timedelta(minutes=1)
#: No form of the hub has more; reading a body for its token must not be a way to keep the hub busy.
_MAX_FIELDS = 200

#: The token every changing form of this visitor must carry.
CSRF = web.RequestKey("csrf", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def open_session(
    request: web.Request,
    response: web.StreamResponse,
    *,
    user_id: str | None = None,
    rider_id: str | None = None,
    phone: bytes | None = None,
) -> None:
    """Start a session for an account or a rider and set its cookie; the visitor's old one ends."""
    hub = request.app[HUB]
    token = secrets.token_urlsafe(32)
    now = hub.clock.now()
    async with hub.database.write() as connection:
        await connection.execute(
            delete(session).where(session.c.token_hash == _hash(request.cookies.get(_COOKIE, "")))
        )
        row = {
            "user_id": user_id,
            "rider_id": rider_id,
            "phone": phone,
            "csrf": secrets.token_urlsafe(24),
            "created_at": now,
            "seen_at": now,
        }
        await insert_rows(connection, session, [{"token_hash": _hash(token), **row}])
    _set_cookie(request, response, _COOKIE, token)


async def close_session(request: web.Request, response: web.StreamResponse) -> None:
    """End the visitor's session, at once and in every process."""
    hub = request.app[HUB]
    async with hub.database.write() as connection:
        await connection.execute(
            delete(session).where(session.c.token_hash == _hash(request.cookies.get(_COOKIE, "")))
        )
    response.del_cookie(_COOKIE, path="/")


async def forget_sessions(connection: AsyncConnection, now: datetime) -> int:
    """Delete sessions that are over: kept, they would be a record of when each rider came; says how many."""
    over = or_(session.c.seen_at <= now - _IDLE, session.c.created_at <= now - _ABSOLUTE)
    result = await connection.execute(delete(session).where(over))
    return int(result.rowcount)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the actor and the CSRF token of the visitor on the request."""
    hub = request.app[HUB]
    token = "" if is_signed(request) else request.cookies.get(_COOKIE, "")
    row = await _find(hub, token) if token else None
    actor, csrf = PUBLIC, request.cookies.get(_CSRF_COOKIE, "")
    csrf = csrf if csrf.isascii() else ""
    if row is not None:
        csrf = row["csrf"]
        actor = await _actor(hub, row) or PUBLIC
    fresh = "" if csrf else secrets.token_urlsafe(24)
    request[ACTOR] = actor
    request[CSRF] = csrf or fresh
    response = await handler(request)
    if fresh and not response.prepared and not is_signed(request):
        _set_cookie(request, response, _CSRF_COOKIE, fresh)
    return response


@web.middleware
async def protect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a changing request from a page without the visitor's token; signed API calls carry no cookie."""
    if request.method in {"POST", "PUT", "PATCH", "DELETE"} and not is_signed(request):
        sent = request.headers.get("X-CSRF-Token", "")
        if not sent and request.content_type == "application/x-www-form-urlencoded":
            sent = _token_in(await request.read())
        if not hmac.compare_digest(_bytes(sent), _bytes(request[CSRF])):
            raise HubError(
                "页面已过期，请刷新后再提交。",
                "The page has expired: reload it and send again.",
                code="csrf",
                status=403,
            )
    return await handler(request)


def _token_in(body: bytes) -> str:
    """Return the token in an urlencoded form, nothing where it has too many fields to be one of ours."""
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS)
    except ValueError:
        return ""
    return form.get("csrf", [""])[0]


async def _find(hub: Hub, token: str) -> RowMapping | None:
    now = hub.clock.now()
    hashed = _hash(token)
    query = select(session).where(
        session.c.token_hash == hashed,
        session.c.seen_at > now - _IDLE,
        session.c.created_at > now - _ABSOLUTE,
    )
    async with hub.database.read() as connection:
        row = (await connection.execute(query)).mappings().first()
    if row is not None and row["seen_at"] < now - _TOUCH:
        async with hub.database.write() as connection:
            await connection.execute(
                update(session).where(session.c.token_hash == hashed).values(seen_at=now)
            )
    return row


async def _actor(hub: Hub, row: RowMapping) -> Actor | None:
    if row["rider_id"]:
        return Actor.rider(row["rider_id"], session=row["token_hash"], phone=row["phone"])
    async with hub.database.read() as connection:
        query = select(user).where(user.c.id == row["user_id"], user.c.disabled_at.is_(None))
        account = (await connection.execute(query)).mappings().first()
        if account is None:
            return None
        actor = actor_of(account, session=row["token_hash"])
        return await with_parks(connection, actor, account["parks"])


def _set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, httponly=True, samesite="Lax", secure=cookies_are_secure(request), path="/"
    )


def _hash(token: str) -> str:
    return hashlib.sha256(_bytes(token)).hexdigest()


def _bytes(text: str) -> bytes:
    """Encode what a visitor sent; bytes that are no text stay what they were instead of being an error."""
    return text.encode("utf-8", "surrogateescape")
