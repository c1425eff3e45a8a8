"""The first start: a page that makes the first system administrator; absent once there is an account."""

from typing import Annotated

import msgspec
from aiohttp import web

from rider_hub.access import HUB, Hub, guarded
from rider_hub.access.first_start import first_administrator, first_faults, is_first_start
from rider_hub.access.inputs import takes
from rider_hub.errors import Absent, Invalid
from rider_hub.views.signin import with_faults
from rider_hub.web.forms import Form, read_form
from rider_hub.web.shell import render

__all__ = ["routes"]


class First(msgspec.Struct):
    """What the first administrator fills in."""

    token: Annotated[str, msgspec.Meta(title="一次性口令", max_length=64)]
    username: Annotated[str, msgspec.Meta(title="用户名", max_length=32)]
    display_name: Annotated[str, msgspec.Meta(title="姓名", max_length=64)]
    new: Annotated[str, msgspec.Meta(title="密码", max_length=128)]
    again: Annotated[str, msgspec.Meta(title="再输一次密码", max_length=128)]


def routes() -> list[web.RouteDef]:
    """Return the routes of the first start."""
    return guarded("hub.set_up", [web.get("/setup", _page), web.post("/setup", _make)])


async def _page(request: web.Request) -> web.Response:
    if not await is_first_start(request.app[HUB]):
        raise Absent
    return await render(request, "views/setup.html", form=Form.filled())


@takes(First)
async def _make(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    if not await is_first_start(hub):
        raise Absent
    form = await _checked(hub, await read_form(request, First))
    if form.value is None:
        return await render(request, "views/setup.html", status=422, form=form)
    given = form.value
    try:
        await first_administrator(
            hub, given.token, username=given.username, display_name=given.display_name, password=given.new
        )
    except Invalid as error:
        return await render(request, "views/setup.html", status=422, form=with_faults(form, error, "token"))
    return web.Response(status=303, headers={"Location": "/login?next=/accounts&made=1"})


async def _checked(hub: Hub, form: Form[First]) -> Form[First]:
    """Return the form with every fault at once; what is missing is not also found wrong."""
    if form.text("new") != form.text("again") and form.error("again") is None:
        form = form.failed("again", "not_the_same", "两次输入的密码不一样。", "The two passwords differ.")
    given = {"username": form.text("username"), "password": form.text("new")}
    for fault in await first_faults(hub, form.text("token"), **given):
        if form.error(fault.path) is None:
            form = form.failed(fault.path, fault.code, fault.zh, fault.en)
    return form
