"""Sessions in the database, the middleware that finds the actor of a request, and CSRF tokens."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from urllib.parse import parse_qs

from aiohttp import web
from sqlalchemy import delete, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_tables import rider_session, session, user
from rider_hub.access.actor import ACTOR, PUBLIC, Actor
from rider_hub.access.addresses import client_address, cookies_are_secure
from rider_hub.access.emergency import with_grants
from rider_hub.access.guard import is_signed
from rider_hub.access.hub import HUB
from rider_hub.access.rider_sessions import (
    KNOWN,
    close_rider_session,
    find_rider_session,
    open_rider_session,
    token_hash,
)
from rider_hub.access.staff_sessions import browser_named, find_session, live_since, open_staff_session
from rider_hub.access.successions import in_scope_now
from rider_hub.access.users import actor_of
from rider_hub.errors import HubError
from rider_hub.settings import Settings

__all__ = ["CSRF", "close_session", "forget_sessions", "identify", "open_session", "protect", "set_cookie"]

_COOKIE = "rider_hub_session"
_CSRF_COOKIE = "rider_hub_csrf"
#: What a token begins with, so that one look-up finds the session.
_RIDER, _STAFF = "r-", "s-"
#: No form of the hub has more (a mapping of 300 columns has some 1,000); reading a body for its token must
#: not be a way to keep the hub busy.
_MAX_FIELDS = 1_500

#: The token every changing form of this visitor must carry.
CSRF = web.RequestKey("csrf", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def open_session(
    request: web.Request,
    response: web.StreamResponse,
    *,
    user_id: str | None = None,
    epoch: int | None = None,
    rider_id: str | None = None,
    phone: bytes | None = None,
) -> None:
    """Start a session for an account or a rider and set its cookie; the visitor's old one ends.

    `epoch` is the account's when it proved itself: after a change in between the session is over at once.
    """
    hub = request.app[HUB]
    await _forget(request)
    if rider_id is not None:
        token = _RIDER + secrets.token_urlsafe(32)
        await open_rider_session(hub, token, rider_id, phone)
    else:
        token = _STAFF + secrets.token_urlsafe(32)
        async with hub.database.write() as connection:
            query = select(user.c.epoch).where(user.c.id == user_id)
            await open_staff_session(
                connection,
                token,
                str(user_id),
                (await connection.execute(query)).scalar_one() if epoch is None else epoch,
                address=client_address(request),
                browser=browser_named(request.headers.get("User-Agent", "")),
                now=hub.clock.now(),
            )
    set_cookie(request, response, _COOKIE, token)


async def close_session(request: web.Request, response: web.StreamResponse) -> None:
    """End the visitor's session, at once and in every process."""
    await _forget(request)
    response.del_cookie(_COOKIE, path="/")


async def forget_sessions(connection: AsyncConnection, settings: Settings, now: datetime) -> int:
    """Delete sessions that are over: kept, they would be a record of who came when; says how many."""
    over = [
        delete(session).where(not_(live_since(settings, now))),
        delete(rider_session).where(rider_session.c.keep_until <= now),
    ]
    return sum([int((await connection.execute(each)).rowcount) for each in over])


async def _forget(request: web.Request) -> None:
    token = request.cookies.get(_COOKIE, "")
    if not token:
        return
    async with request.app[HUB].database.write() as connection:
        await connection.execute(delete(session).where(session.c.token_hash == token_hash(token)))
        await close_rider_session(connection, token)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the actor and the CSRF token of the visitor on the request."""
    actor, csrf = await _who(request.app, "" if is_signed(request) else request.cookies.get(_COOKIE, ""))
    if not csrf:
        csrf = request.cookies.get(_CSRF_COOKIE, "")
        csrf = csrf if csrf.isascii() else ""
    fresh = "" if csrf else secrets.token_urlsafe(24)
    request[ACTOR] = actor
    request[CSRF] = csrf or fresh
    response = await handler(request)
    if fresh and not response.prepared and not is_signed(request):
        set_cookie(request, response, _CSRF_COOKIE, fresh)
    return response


async def _who(app: web.Application, token: str) -> tuple[Actor, str]:
    """Return the actor a session's token stands for and the token its forms carry."""
    hub = app[HUB]
    if token.startswith(_RIDER):
        ridden = await find_rider_session(hub, token)
        if ridden is None or not await _is_there(app, ridden.rider_id):
            return PUBLIC, ""
        return Actor.rider(ridden.rider_id, session=token_hash(token), phone=ridden.phone), ridden.csrf
    row = await find_session(hub, token) if token else None
    if row is None:
        return PUBLIC, ""
    actor = actor_of(row, session=row["session_id"])
    async with hub.database.read() as connection:
        actor = await in_scope_now(connection, hub, actor, row["parks"])
        actor = await with_grants(connection, hub.keys, actor, hub.clock.now())
    return actor, row["csrf"]


async def _is_there(app: web.Application, rider_id: str) -> bool:
    if (known := app.get(KNOWN)) is None:
        return True
    async with app[HUB].database.read() as connection:
        return await known(connection, rider_id)


@web.middleware
async def protect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a changing request from a page without the visitor's token; signed API calls carry no cookie."""
    # Where no route takes the method there is nothing to protect, and 405 says more than an expired page.
    taken = request.match_info.http_exception is None and not is_signed(request)
    if taken and request.method in {"POST", "PUT", "PATCH", "DELETE"}:
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


def set_cookie(
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: str,
    *,
    path: str = "/",
    max_age: int | None = None,
) -> None:
    """Set a cookie that no script reads and no other site's form sends; Secure wherever it can be."""
    response.set_cookie(
        name,
        value,
        httponly=True,
        samesite="Lax",
        secure=cookies_are_secure(request),
        path=path,
        max_age=max_age,
    )


def _bytes(text: str) -> bytes:
    """Encode what a visitor sent; bytes that are no text stay what they were instead of being an error."""
    return text.encode("utf-8", "surrogateescape")
