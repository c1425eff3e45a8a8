"""The riders' page: home and sign-in; every page works without scripts and asks one thing."""

import sys
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.addresses import address_group, client_address
from rider_hub.access.inputs import takes
from rider_hub.access.sessions import close_session, open_session
from rider_hub.errors import Conflict, Invalid, Unauthenticated
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import port_for
from rider_hub.riders.signin import phone_mark, request_code, verify_code
from rider_hub.views import phone_invitations, phone_membership, phone_own, phone_rights, phone_stations
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]

_HOME = "/r/"


class Phone(msgspec.Struct):
    """The first screen of signing in."""

    phone: Annotated[str, msgspec.Meta(title="手机号", max_length=32)]
    next: str = _HOME


class Code(msgspec.Struct):
    """The second screen of signing in; the phone is carried in the form, never in an address."""

    phone: Annotated[str, msgspec.Meta(title="手机号", max_length=32)]
    code: Annotated[str, msgspec.Meta(title="验证码", max_length=12)]
    next: str = _HOME


def routes() -> list[web.RouteDef]:
    """Return the routes of the riders' pages, but those of service requests."""
    return [
        *guarded("public", [web.get("/r", _to_home), web.get(_HOME, _home)]),
        *guarded(
            "session.open",
            [web.get("/r/login", _ask_phone), web.post("/r/login", _send), web.post("/r/code", _verify)],
        ),
        *guarded("session.close", [web.post("/r/logout", _sign_out)]),
        *phone_stations.routes(),
        *phone_own.routes(),
        *phone_rights.routes(),
        *phone_membership.routes(),
        *phone_invitations.routes(),
    ]


async def _to_home(_: web.Request) -> web.Response:
    return web.Response(status=303, headers={"Location": _HOME})


async def _home(request: web.Request) -> web.Response:
    return await render(request, "views/phone/home.html", is_rider=request[ACTOR].rider_id is not None)


async def _ask_phone(request: web.Request) -> web.Response:
    came_from = _own(request.query.get("next", _HOME))
    return await render(request, "views/phone/login.html", form=Form.filled(), next=came_from)


@takes(Phone)
async def _send(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    form = await read_form(request, Phone)
    target = _own(form.text("next") or _HOME)
    if form.value is None:
        return await render(request, "views/phone/login.html", status=422, form=form, next=target)
    try:
        await request_code(hub, form.value.phone, address_group(client_address(request)))
    except (Invalid, Conflict) as error:
        wrong = form.failed("phone", error.code, error.zh, error.en)
        return await render(request, "views/phone/login.html", status=error.status, form=wrong, next=target)
    if hub.settings.demo:
        # No gateway and no wait for the job: whoever runs the demo reads the code on the console.
        await deliver(hub, port_for(hub.settings, sys.stderr))
    return await _ask_code(request, Form.filled(phone=form.value.phone), target)


async def _ask_code(request: web.Request, form: Form[Code], target: str, status: int = 200) -> web.Response:
    demo = request.app[HUB].settings.demo
    return await render(request, "views/phone/code.html", status=status, form=form, next=target, demo=demo)


@takes(Code)
async def _verify(request: web.Request) -> web.Response:
    form = await read_form(request, Code)
    target = _own(form.text("next") or _HOME)
    if form.value is None:
        return await _ask_code(request, form, target, status=422)
    try:
        address = address_group(client_address(request))
        rider_id = await verify_code(request.app[HUB], form.value.phone, form.value.code, address)
    except (Conflict, Invalid, Unauthenticated) as error:
        wrong = form.failed("code", error.code, error.zh, error.en)
        return await _ask_code(request, wrong, target, status=error.status)
    response = web.Response(status=303, headers={"Location": target})
    mark = phone_mark(request.app[HUB].keys, form.value.phone)
    await open_session(request, response, rider_id=rider_id, phone=mark)
    return response


@takes()
async def _sign_out(request: web.Request) -> web.Response:
    response = web.Response(status=303, headers={"Location": _HOME})
    if request[ACTOR].session is not None:
        await close_session(request, response)
    return response


def _own(target: str) -> str:
    """Return a path of the riders' pages, whatever was asked for: never a way out to another site."""
    inside = target.startswith(_HOME) and target.isprintable() and "\\" not in target
    return target if inside and not urlsplit(target).netloc else _HOME
