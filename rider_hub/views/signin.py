"""Signing in and out for staff: password, second factor, whatever is due; see access.signing_in."""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import segno
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.first_start import is_first_start
from rider_hub.access.inputs import takes
from rider_hub.access.own_account import change_password, confirm_factor
from rider_hub.access.second_factor import offer_secret, provisioning_uri
from rider_hub.access.sessions import close_session, open_session, set_cookie
from rider_hub.access.signing_in import (
    Account,
    Stage,
    check_code,
    check_password,
    end_step,
    find_step,
    note_signed_in,
    open_step,
    stage_of,
)
from rider_hub.access.visitor import client_of, remember_device
from rider_hub.errors import HubError
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render
from rider_hub.web.values import path_or_home

__all__ = ["NewPassword", "go_on", "qr_svg", "routes", "with_faults"]

_STEP = "rider_hub_step"
_STEP_S = 600
_PATHS = {
    Stage.CODE: "/login/code",
    Stage.PASSWORD: "/login/password",
    Stage.ENROL: "/login/second-factor",
}


class SignIn(msgspec.Struct):
    """What the sign-in form holds."""

    username: Annotated[str, msgspec.Meta(title="账号", max_length=64)]
    password: Annotated[str, msgspec.Meta(title="密码", max_length=128)]
    next: str = "/"


class Code(msgspec.Struct):
    """A code of the authenticator app, or a recovery code."""

    code: Annotated[str, msgspec.Meta(title="验证码", max_length=32)]
    next: str = "/"


class NewPassword(msgspec.Struct):
    """A change of password."""

    old: Annotated[str, msgspec.Meta(title="当前密码", max_length=128)]
    new: Annotated[str, msgspec.Meta(title="新密码", max_length=128)]
    again: Annotated[str, msgspec.Meta(title="再输一次新密码", max_length=128)]
    next: str = "/"


def routes() -> list[web.RouteDef]:
    """Return the routes of signing in and out."""
    opened = [
        web.get("/login", _page),
        web.post("/login", _sign_in),
        web.get("/login/code", _code_page),
        web.post("/login/code", _code),
        web.get("/login/password", _password_page),
        web.post("/login/password", _password),
        web.get("/login/second-factor", _enrol_page),
        web.post("/login/second-factor", _enrol),
    ]
    return [
        *guarded("session.open", opened),
        *guarded("session.close", [web.post("/logout", _sign_out)]),
    ]


async def _page(request: web.Request) -> web.Response:
    first = await is_first_start(request.app[HUB])
    made = request.query.get("made") == "1" and not first
    return await _show(request, "login.html", Form.filled(), first_start=first, made=made)


@takes(SignIn)
async def _sign_in(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    form = await read_form(request, SignIn)
    shown: dict[str, Any] = {"first_start": False}
    if form.value is None:
        return await _show(request, "login.html", form, status=422, **shown)
    username = form.value.username
    try:
        account = await check_password(hub, username, form.value.password, await client_of(request, username))
    except HubError as error:
        return await _show(
            request, "login.html", with_faults(form, error, "username"), status=error.status, **shown
        )
    return await go_on(request, account, form.text("next"))


async def _code_page(request: web.Request) -> web.Response:
    return await _stage_page(request, Stage.CODE, "views/login_code.html")


@takes(Code)
async def _code(request: web.Request) -> web.Response:
    hub, token = request.app[HUB], request.cookies.get(_STEP, "")
    account = await _at_stage(request, Stage.CODE)
    form = await read_form(request, Code)
    if form.value is None:
        return await _show(request, "views/login_code.html", form, status=422)
    try:
        account = await check_code(hub, token, form.value.code, await client_of(request, account.username))
    except HubError as error:
        wrong = with_faults(form, error, "code")
        return await _show(request, "views/login_code.html", wrong, status=error.status)
    return await go_on(request, account, form.text("next"))


async def _password_page(request: web.Request) -> web.Response:
    return await _stage_page(request, Stage.PASSWORD, "views/login_password.html")


@takes(NewPassword)
async def _password(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    account = await _at_stage(request, Stage.PASSWORD)
    form = await read_form(request, NewPassword)
    if form.value is not None and form.value.new != form.value.again:
        form = form.failed("again", "not_the_same", "两次输入的新密码不一样。", "The two passwords differ.")
    if form.value is None:
        return await _show(request, "views/login_password.html", form, status=422, account=account)
    try:
        client = await client_of(request, account.username)
        epoch = await change_password(hub, account.row, form.value.old, form.value.new, client)
    except HubError as error:
        wrong = with_faults(form, error, "old")
        return await _show(request, "views/login_password.html", wrong, status=error.status, account=account)
    fresh = {
        **account.row,
        "epoch": epoch,
        "password_temporary": False,
        "password_changed_at": hub.clock.now(),
    }
    return await go_on(request, replace(account, row=fresh), form.text("next"))


async def _enrol_page(request: web.Request) -> web.Response:
    account = await _find(request)
    if (
        account is None
        or stage_of(request.app[HUB].settings, account, request.app[HUB].clock.now()) != Stage.ENROL
    ):
        return _to_login()
    return await _show_enrol(request, account, Form.filled())


@takes(Code)
async def _enrol(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    account = await _at_stage(request, Stage.ENROL)
    form = await read_form(request, Code)
    if form.value is None:
        return await _show_enrol(request, account, form, status=422)
    try:
        codes = await confirm_factor(hub, account.row, form.value.code)
    except HubError as error:
        return await _show_enrol(request, account, with_faults(form, error, "code"), status=error.status)
    answer = await _show(request, "views/recovery_codes.html", form, codes=codes)
    await _finish(request, answer, replace(account, factor_shown=True, has_factor=True))
    return answer


async def _show_enrol(
    request: web.Request, account: Account, form: Form[Any], status: int = 200
) -> web.Response:
    hub = request.app[HUB]
    async with hub.database.write() as connection:
        secret = await offer_secret(connection, hub.keys, account.id)
    picture = qr_svg(provisioning_uri(secret, account.username))
    return await _show(request, "views/login_enrol.html", form, status=status, secret=secret, picture=picture)


async def go_on(request: web.Request, account: Account, target: str) -> web.Response:
    """Lead to what the sign-in asks for next, or open the session and lead to the target."""
    hub = request.app[HUB]
    target = path_or_home(target or "/")
    stage = stage_of(hub.settings, account, hub.clock.now())
    if stage is Stage.DONE:
        response = web.Response(status=303, headers={"Location": target})
        await _finish(request, response, account)
        return response
    query = urlencode({"next": target}) if target != "/" else ""
    response = web.Response(status=303, headers={"Location": _PATHS[stage] + (f"?{query}" if query else "")})
    # Each stage has a token of its own: what was shown before it opens nothing more.
    await end_step(hub, request.cookies.get(_STEP, ""))
    set_cookie(request, response, _STEP, await open_step(hub, account), path="/login", max_age=_STEP_S)
    return response


async def _finish(request: web.Request, response: web.StreamResponse, account: Account) -> None:
    await note_signed_in(request.app[HUB], account)
    await end_step(request.app[HUB], request.cookies.get(_STEP, ""))
    response.del_cookie(_STEP, path="/login")
    await remember_device(request, response, account.username)
    await open_session(request, response, user_id=account.id, epoch=account.epoch)


async def _find(request: web.Request) -> Account | None:
    return await find_step(request.app[HUB], request.cookies.get(_STEP, ""))


async def _at_stage(request: web.Request, stage: Stage) -> Account:
    hub, account = request.app[HUB], await _find(request)
    if account is None or stage_of(hub.settings, account, hub.clock.now()) is not stage:
        raise web.HTTPSeeOther("/login")
    return account


async def _stage_page(request: web.Request, stage: Stage, template: str) -> web.Response:
    hub, account = request.app[HUB], await _find(request)
    if account is None or stage_of(hub.settings, account, hub.clock.now()) is not stage:
        return _to_login()
    return await _show(request, template, Form.filled(), account=account)


@takes()
async def _sign_out(request: web.Request) -> web.Response:
    response = _to_login()
    if request[ACTOR].session is not None:
        await close_session(request, response)
    return response


async def _show(
    request: web.Request, template: str, form: Form[Any], status: int = 200, **context: Any
) -> web.Response:
    target = path_or_home(form.text("next") or request.query.get("next", "/"))
    return await render(request, template, status=status, form=form, next=target, **context)


def with_faults(form: Form[Any], error: HubError, field: str) -> Form[Any]:
    """Return the form with an error's faults beside their fields, or beside `field` where it names none."""
    for fault in error.errors:
        form = form.failed(fault.path, fault.code, fault.zh, fault.en)
    return form if error.errors else form.failed(field, error.code, error.zh, error.en)


def qr_svg(text: str) -> str:
    """Return the address of a picture of a QR code, which a page shows under the strict policy."""
    return str(segno.make(text, error="m").svg_data_uri(scale=5, border=2))


def _to_login() -> web.Response:
    return web.Response(status=303, headers={"Location": "/login"})
