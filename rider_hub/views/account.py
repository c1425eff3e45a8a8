"""我的账号: one's own password, second factor and sessions."""

from typing import Annotated, Any

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.own_account import (
    change_password,
    check_own_password,
    confirm_factor,
    end_sessions,
    own_row,
    renew_recovery_codes,
)
from rider_hub.access.second_factor import factor_since, offer_secret, provisioning_uri, recovery_codes_left
from rider_hub.access.sessions import open_session
from rider_hub.access.sso.links import confirm_identity, refuse_identity, unconfirmed_subject
from rider_hub.access.staff_sessions import live_sessions
from rider_hub.access.visitor import client_of
from rider_hub.errors import HubError
from rider_hub.views.signin import NewPassword, qr_svg, with_faults
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]


class Present(msgspec.Struct):
    """The present password, asked for before the second factor changes."""

    password: Annotated[str, msgspec.Meta(title="当前密码", max_length=128)]


class OwnIdentity(msgspec.Struct):
    """The identity of the provider that was shown, and the present password."""

    subject: Annotated[str, msgspec.Meta(title="身份编号", max_length=255)]
    present: Annotated[str, msgspec.Meta(title="当前密码", max_length=128)]


class OthersIdentity(msgspec.Struct):
    """The identity of the provider that was shown and is not one's own."""

    subject: Annotated[str, msgspec.Meta(title="身份编号", max_length=255)]


class NewFactor(Present, kw_only=True):
    """The present password and a code of the new app."""

    code: Annotated[str, msgspec.Meta(title="验证码", max_length=32)]


def routes() -> list[web.RouteDef]:
    """Return the pages of one's own account."""
    own = [
        web.get("/account", _page),
        web.get("/account/password", _password_page),
        web.post("/account/password", _password),
        web.get("/account/second-factor", _factor_page),
        web.post("/account/second-factor", _factor),
        web.post("/account/recovery-codes", _recovery),
        web.post("/account/identity", _identity),
        web.post("/account/identity/refuse", _not_mine),
        web.post("/account/sessions/end-others", _end_others),
        web.post("/account/sessions/{id}/end", _end),
    ]
    return guarded("account.own", own)


async def _page(request: web.Request, form: Form[Any] | None = None, status: int = 200) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    row = await own_row(hub, actor)
    async with hub.look(actor, "account.own") as look:
        sessions = await live_sessions(look.connection, hub.settings, row["id"], look.now)
        since = await factor_since(look.connection, row["id"])
        left = await recovery_codes_left(look.connection, row["id"])
        subject = await unconfirmed_subject(hub, look.connection, row["id"])
    return await render(
        request,
        "views/account.html",
        status=status,
        form=form or Form.filled(),
        account=row,
        sessions=sessions,
        factor_since=since,
        codes_left=left,
        subject=subject,
        password_days=hub.settings.password_days,
    )


async def _password_page(request: web.Request) -> web.Response:
    return await render(request, "views/account_own_password.html", form=Form.filled())


@takes(NewPassword)
async def _password(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    row = await own_row(hub, request[ACTOR])
    form = await read_form(request, NewPassword)
    if form.value is not None and form.value.new != form.value.again:
        form = form.failed("again", "not_the_same", "两次输入的新密码不一样。", "The two passwords differ.")
    if form.value is None:
        return await render(request, "views/account_own_password.html", status=422, form=form)
    try:
        client = await client_of(request, row["username"])
        epoch = await change_password(hub, row, form.value.old, form.value.new, client)
    except HubError as error:
        wrong = with_faults(form, error, "old")
        return await render(request, "views/account_own_password.html", status=error.status, form=wrong)
    response = web.Response(status=303, headers={"Location": "/account"})
    # All sessions ended with the old password; this browser goes on under a new one.
    await open_session(request, response, user_id=row["id"], epoch=epoch)
    return response


async def _factor_page(
    request: web.Request, form: Form[Any] | None = None, status: int = 200
) -> web.Response:
    hub = request.app[HUB]
    row = await own_row(hub, request[ACTOR])
    async with hub.database.write() as connection:
        secret = await offer_secret(connection, hub.keys, row["id"])
    picture = qr_svg(provisioning_uri(secret, row["username"]))
    context = {"form": form or Form.filled(), "secret": secret, "picture": picture}
    return await render(request, "views/account_factor.html", status=status, **context)


@takes(NewFactor)
async def _factor(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    row = await own_row(hub, request[ACTOR])
    form = await read_form(request, NewFactor)
    if form.value is None:
        return await _factor_page(request, form, 422)
    try:
        await check_own_password(hub, row, form.value.password, await client_of(request, row["username"]))
        codes = await confirm_factor(hub, row, form.value.code)
    except HubError as error:
        return await _factor_page(request, with_faults(form, error, "code"), error.status)
    return await render(request, "views/recovery_codes.html", codes=codes, next="/account")


@takes(Present)
async def _recovery(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    row = await own_row(hub, request[ACTOR])
    form = await read_form(request, Present)
    if form.value is None:
        return await _page(request, form, 422)
    try:
        client = await client_of(request, row["username"])
        codes = await renew_recovery_codes(hub, row, form.value.password, client)
    except HubError as error:
        return await _page(request, with_faults(form, error, "password"), error.status)
    return await render(request, "views/recovery_codes.html", codes=codes, next="/account")


@takes(OwnIdentity)
async def _identity(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    row = await own_row(hub, actor)
    form = await read_form(request, OwnIdentity)
    if form.value is None:
        return await _page(request, form, 422)
    try:
        await check_own_password(hub, row, form.value.present, await client_of(request, row["username"]))
        await confirm_identity(hub, actor, row["id"], form.value.subject)
    except HubError as error:
        return await _page(request, with_faults(form, error, "present"), error.status)
    return web.Response(status=303, headers={"Location": "/account"})


@takes(OthersIdentity)
async def _not_mine(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    row = await own_row(hub, actor)
    await refuse_identity(hub, actor, row["id"], (await read_form(request, OthersIdentity)).checked().subject)
    return web.Response(status=303, headers={"Location": "/account"})


@takes()
async def _end(request: web.Request) -> web.Response:
    await end_sessions(request.app[HUB], request[ACTOR], only=request.match_info["id"])
    return web.Response(status=303, headers={"Location": "/account"})


@takes()
async def _end_others(request: web.Request) -> web.Response:
    await end_sessions(request.app[HUB], request[ACTOR])
    return web.Response(status=303, headers={"Location": "/account"})
