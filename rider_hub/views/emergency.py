"""紧急访问: asking for another role or place for some hours; the list of it for those who watch over it."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, approvals, guarded
from rider_hub.access.approval_model import Kind
from rider_hub.access.emergency import LENDABLE, MINUTES, ask_access
from rider_hub.access.inputs import takes
from rider_hub.access.purposes import EMERGENCY_REASONS, Purpose
from rider_hub.access.users import shown_names
from rider_hub.divisions.store import children, names
from rider_hub.errors import Invalid
from rider_hub.views.approvals import ASK_COLUMNS, STATES, approval_row
from rider_hub.web.expectations import CHOICE
from rider_hub.web.exporting import approval_url
from rider_hub.web.forms import Form, read_form
from rider_hub.web.ledger import Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render

__all__ = ["routes"]

_COUNTY_DIGITS = 6


class Asked(msgspec.Struct):
    """What the form of emergency access holds."""

    division: Annotated[str, msgspec.Meta(title="地方", max_length=12, extra=CHOICE)]
    role: Annotated[str, msgspec.Meta(title="角色", max_length=32, extra=CHOICE)]
    minutes: Annotated[int, msgspec.Meta(title="时长", extra=CHOICE)]
    reason: Annotated[str, msgspec.Meta(title="原因", max_length=16, extra=CHOICE)]
    purpose: Annotated[str, msgspec.Meta(title="具体说明", min_length=4, max_length=80)]


def routes() -> list[web.RouteDef]:
    """Return the pages of emergency access."""
    asking = [web.get("/emergency/new", _new), web.post("/emergency/new", _ask)]
    return [
        *guarded("emergency.view", ledger_routes(_LEDGER, "/emergency")),
        *guarded("emergency.ask", asking),
    ]


async def _new(request: web.Request) -> web.Response:
    return await _form(request, Form.filled())


@takes(Asked)
async def _ask(request: web.Request) -> web.Response:
    form = await read_form(request, Asked)
    places = dict(await _places(request))
    try:
        given = form.checked()
        purpose = Purpose.stated(EMERGENCY_REASONS, given.reason, given.purpose)
        asked = await ask_access(
            request.app[HUB],
            request[ACTOR],
            role=given.role,
            division=given.division if given.division in places else "",
            title=places.get(given.division, ""),
            minutes=given.minutes,
            purpose=purpose,
        )
    except Invalid as error:
        return await _form(request, Form(values=form.values, errors=error.errors), status=422)
    raise web.HTTPSeeOther(approval_url(asked.id))


async def _form(request: web.Request, form: Form[Any], status: int = 200) -> web.Response:
    return await render(
        request,
        "views/emergency_new.html",
        status=status,
        menu_key="approvals",
        form=form,
        roles=[(role.value, role.title_zh) for role in LENDABLE],
        places=await _places(request),
        spans=[(str(m), f"{m // 60} 小时" if m % 60 == 0 else f"{m} 分钟") for m in MINUTES],
        reasons=list(EMERGENCY_REASONS.items()),
    )


async def _places(request: web.Request) -> Sequence[tuple[str, str]]:
    """Return the counties of the viewer and all their streets: what lies farther is not asked for here."""
    hub, actor = request.app[HUB], request[ACTOR]
    counties = sorted(
        {code[:_COUNTY_DIGITS] for code in actor.scope.divisions if len(code) >= _COUNTY_DIGITS}
    )
    found: list[tuple[str, str]] = []
    async with hub.look(actor, "divisions.view") as look:
        named = await names(look.connection, counties)
        for county in counties:
            title = named.get(county, county)
            found.append((county, f"{title}（全区）"))
            found += [(one.code, f"{title} {one.name}") for one in await children(look.connection, county)]
    return found


async def _load(request: web.Request, query: Query) -> Page:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, "emergency.view") as look:
        found = await approvals.listed(look, hub.keys, Kind.EMERGENCY, duty=True)
        if state := query.get("state"):
            found = [one for one in found if one.state == state]
        people = await shown_names(
            look.connection, [name for one in found for name in (one.asked_by, one.decided_by)]
        )
    end = None if query.size is None else query.offset + query.size
    return Page([approval_row(one, people) for one in found[query.offset : end]], len(found), look.now)


_LEDGER = Ledger(
    key="emergency",
    title="紧急访问",
    purpose="谁在什么时候临时得到了哪里的什么权限、为什么、谁批的。期间的操作在审计记录里都带有编号。",
    personal=False,
    columns=[
        Column("number", "编号", "code", width=8),
        *ASK_COLUMNS,
        Column("decided_at", "批准时间", "time", hidden=True),
        Column("ended_at", "提前结束", "time", hidden=True),
    ],
    filters=[Choice("state", "状态", [(key, state.word) for key, state in STATES.items()])],
    load=_load,
    empty="还没有紧急访问。有人申请后会出现在这里。",
)
