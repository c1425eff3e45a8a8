"""签名密钥: a platform's keys as its own engineers and the county see them; made, shown once, removed."""

from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.own_account import check_own_password, own_row
from rider_hub.access.users import shown_names
from rider_hub.access.visitor import client_of
from rider_hub.errors import Absent, HubError
from rider_hub.intake import store
from rider_hub.intake.listing import platform_names
from rider_hub.intake.sender_keys import (
    LIVE_KEYS,
    TEST_KEYS,
    changed_lately,
    live_keys,
    make_key,
    remove_key,
)
from rider_hub.parameters import parameter
from rider_hub.web.expectations import CHOICE
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]

#: Beside which field an error is told; a second confirmation is asked for where pushes would stop.
_FIELDS: Final = {"keys_full": "kind", "key_last": "sure", "key_unproved": "sure"}


class NewKey(msgspec.Struct):
    """Which kind of key is made, and the present password of who makes it."""

    kind: Annotated[Literal["live", "test"], msgspec.Meta(title="用途", extra=CHOICE)]
    password: Annotated[str, msgspec.Meta(title="当前密码", max_length=128)]


class GoneKey(msgspec.Struct):
    """Which key is removed, the present password, and that it is known what stops."""

    kid: Annotated[str, msgspec.Meta(title="密钥", max_length=16, extra=CHOICE)]
    present: Annotated[str, msgspec.Meta(title="当前密码", max_length=128)]
    sure: Annotated[bool, msgspec.Meta(title="确认停用")] = False


def routes() -> list[web.RouteDef]:
    """Return the page of a sender's keys and what is done there."""
    return guarded(
        "senders.keys",
        [
            web.get("/feeds/senders/{platform}/keys", _page),
            web.post("/feeds/senders/{platform}/keys/new", _make),
            web.post("/feeds/senders/{platform}/keys/remove", _remove),
        ],
    )


async def _page(request: web.Request) -> web.Response:
    return await _shown(request, Form.filled())


async def _shown(request: web.Request, form: Form[Any], status: int = 200) -> web.Response:
    hub, platform = request.app[HUB], request.match_info["platform"]
    async with hub.look(request[ACTOR], "senders.keys", target=f"sender:{platform}") as look:
        if await store.find_sender(look.connection, platform, look.scope) is None:
            raise Absent
        named = await platform_names(look)
        keys = await live_keys(look, hub.keys, platform)
        changes = await changed_lately(look.connection, platform, look.now)
        people = await shown_names(
            look.connection, [*(one.made_by for one in keys), *(one["by"] for one in changes)]
        )
    return await render(
        request,
        "intake/keys.html",
        status=status,
        form=form,
        platform=platform,
        name=named[platform],
        signing=[one for one in keys if not one.test],
        tests=[one for one in keys if one.test],
        changes=changes,
        people=people,
        most=LIVE_KEYS,
        most_tests=TEST_KEYS,
        key_days=int(parameter("intake.key_days").value),
        test_days=int(parameter("intake.test_key_days").value),
    )


@takes(NewKey)
async def _make(request: web.Request) -> web.Response:
    await _in_scope(request)
    form = await read_form(request, NewKey)
    if form.value is None:
        return await _shown(request, form, 422)
    hub, actor, platform = request.app[HUB], request[ACTOR], request.match_info["platform"]
    test = form.value.kind == "test"
    try:
        await _check_password(request, form.value.password)
        shown, kid = await make_key(hub, actor, platform, test=test)
    except HubError as error:
        return await _again(request, form, error, "password")
    response = await render(
        request,
        "intake/key_shown.html",
        platform=platform,
        shown=shown,
        kid=kid,
        test=test,
        test_days=int(parameter("intake.test_key_days").value),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@takes(GoneKey)
async def _remove(request: web.Request) -> web.Response:
    await _in_scope(request)
    form = await read_form(request, GoneKey)
    if form.value is None:
        return await _shown(request, form, 422)
    hub, actor, platform = request.app[HUB], request[ACTOR], request.match_info["platform"]
    try:
        await _check_password(request, form.value.present)
        await remove_key(hub, actor, platform, form.value.kid, sure=form.value.sure)
    except HubError as error:
        return await _again(request, form, error, "present")
    raise web.HTTPSeeOther(f"/feeds/senders/{platform}/keys")


async def _in_scope(request: web.Request) -> None:
    """Raise Absent for a sender out of scope, before anything else is said."""
    platform = request.match_info["platform"]
    look = request.app[HUB].look(request[ACTOR], "senders.keys", target=f"sender:{platform}")
    async with look as work:
        if await store.find_sender(work.connection, platform, work.scope) is None:
            raise Absent


async def _check_password(request: web.Request, password: str) -> None:
    """Raise Invalid unless it is the visitor's own: a stolen session gets no key and stops no feed."""
    hub = request.app[HUB]
    row = await own_row(hub, request[ACTOR])
    await check_own_password(hub, row, password, await client_of(request, row["username"]))


async def _again(request: web.Request, form: Form[Any], error: HubError, password: str) -> web.Response:
    """Show the page again with what was wrong beside its field; `password` names the one of this form."""
    if isinstance(error, Absent):
        raise error
    field = _FIELDS.get(error.code, password)
    told = error.errors[0] if error.errors else error
    return await _shown(request, form.failed(field, error.code, told.zh, told.en), error.status)
