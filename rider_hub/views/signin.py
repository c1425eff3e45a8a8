"""Signing in and out for staff."""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.sessions import close_session, open_session
from rider_hub.access.users import authenticate, find_user
from rider_hub.errors import Unauthenticated
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]


class SignIn(msgspec.Struct):
    """What the sign-in form holds."""

    username: Annotated[str, msgspec.Meta(title="账号", max_length=64)]
    password: Annotated[str, msgspec.Meta(title="密码", max_length=128)]
    next: str = "/"


def routes() -> list[web.RouteDef]:
    """Return the routes of signing in and out."""
    return [
        *guarded("session.open", [web.get("/login", _page), web.post("/login", _sign_in)]),
        *guarded("session.close", [web.post("/logout", _sign_out)]),
    ]


async def _page(request: web.Request) -> web.Response:
    return await render(request, "login.html", form=Form.filled(), next=_own(request.query.get("next", "/")))


async def _sign_in(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    form = await read_form(request, SignIn)
    target = _own(form.text("next") or "/")
    if form.value is None:
        return await render(request, "login.html", status=422, form=form, next=target)
    try:
        await authenticate(hub, form.value.username, form.value.password)
    except Unauthenticated as error:
        wrong = form.failed("username", error.code, error.zh, error.en)
        return await render(request, "login.html", status=401, form=wrong, next=target)
    account = await find_user(hub, form.value.username)
    response = web.Response(status=303, headers={"Location": target})
    if account is not None:
        await open_session(request, response, user_id=account["id"])
    return response


async def _sign_out(request: web.Request) -> web.Response:
    response = web.Response(status=303, headers={"Location": "/login"})
    if request[ACTOR].session is not None:
        await close_session(request, response)
    return response


def _own(target: str) -> str:
    """Return a path of this hub, whatever was asked for: never a way out to another site."""
    parts = urlsplit(target)
    own = (
        target.startswith("/")
        and not target.startswith(("//", "/\\"))
        and not parts.netloc
        and target.isprintable()
    )
    return target if own else "/"
