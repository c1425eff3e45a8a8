"""权利请求: what riders ask for about their own data, with the clock; each answered on a page of its own."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, Hub, guarded
from rider_hub.access.inputs import takes
from rider_hub.assignments.service import rematch
from rider_hub.consent.correcting import WISHES, Asked, answer_request, find_request
from rider_hub.consent.erasing import erase_for_staff
from rider_hub.consent.ports import PORTS
from rider_hub.consent.queue import decided_request, list_requests
from rider_hub.divisions.store import names
from rider_hub.errors import Absent, Invalid
from rider_hub.riders.own import own_titles
from rider_hub.riders.pages import STATES
from rider_hub.web.forms import Form, read_form
from rider_hub.web.ledger import Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["match_anew", "routes"]

_OPERATION = "rights.handle"
_CLOCK = {
    "open": State("待办理", Tone.TODO),
    "late": State("已超期", Tone.OVERDUE),
    "done": State("已办结", Tone.DONE),
    "refused": State("不能办理", Tone.WITHDRAWN),
}
_ANSWERABLE = ("open", "done", "refused")


class Answer(msgspec.Struct):
    """What staff answer; `value` is what they found right."""

    decision: Annotated[Literal["done", "refused"], msgspec.Meta(title="办理结果")]
    answer: Annotated[str, msgspec.Meta(title="告诉骑手的话", max_length=200)]
    value: Annotated[str, msgspec.Meta(title="核对后的内容", max_length=60)] = ""


def routes() -> list[web.RouteDef]:
    """Return the queue and the page of one request."""
    return [
        *guarded(_OPERATION, ledger_routes(_LEDGER, "/rights")),
        *guarded(_OPERATION, [web.get("/rights/{id}", _one), web.post("/rights/{id}", _answer)]),
    ]


async def match_anew(hub: Hub, county: str | None) -> None:
    """Match a county anew after a correction, so that it reaches who is responsible; small changes apply."""
    if county:
        try:
            await rematch(hub, Actor.job("match_counties"), county)
        except Absent:
            return  # a county without boundaries yet: nothing was matched, so nothing is to be matched anew


async def _load(request: web.Request, query: Query) -> Page:
    hub = request.app[HUB]
    async with hub.look(request[ACTOR], _OPERATION) as look:
        asked = await list_requests(look, hub, query.get("state"))
        places = await names(look.connection, {each.division for each in asked})
        rows = [_row(each, places, _state(each, look.now)) for each in asked]
        look.count(requests=len(rows))
        end = None if query.size is None else query.offset + query.size
        return Page(rows[query.offset : end], len(rows), look.now)


def _state(asked: Asked, now: datetime) -> str:
    return "late" if asked.state == "open" and asked.due_at < now else asked.state


def _row(asked: Asked, places: dict[str, str], state: str) -> dict[str, object]:
    return {
        "id": asked.id,
        "what": asked.title,
        "state": state,
        "due": asked.due_at,
        "place": places.get(asked.division, asked.division),
        "filed": asked.filed_at,
        "decided": asked.decided_at,
    }


async def _one(request: web.Request) -> web.Response:
    hub, request_id = request.app[HUB], request.match_info["id"]
    async with hub.look(request[ACTOR], _OPERATION, target=f"rights:{request_id}") as look:
        decided = await decided_request(look, hub, request_id)
    if decided is None:
        return await _shown(request, Form.filled())
    response = await render(request, "views/rights_decided.html", it=decided, states=_CLOCK)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _shown(request: web.Request, form: Form[Answer], status: int = 200) -> web.Response:
    hub, request_id = request.app[HUB], request.match_info["id"]
    async with hub.look(request[ACTOR], _OPERATION, target=f"rights:{request_id}") as look:
        asked, registrations = await find_request(look, hub, request_id)
        state = _state(asked, look.now)
        named = await own_titles(look.connection, registrations)
    response = await render(
        request,
        "views/rights_request.html",
        status=status,
        it=asked,
        registrations=registrations,
        state=state,
        named=named,
        states=_CLOCK,
        registration_states=STATES,
        form=form,
        changes=WISHES.get(asked.what, ("", None))[1] in ("name", "phone", "station_ref")
        and asked.what != "not_me",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@takes(Answer)
async def _answer(request: web.Request) -> web.Response:
    hub, actor, request_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    form = await read_form(request, Answer)
    if form.value is None:
        return await _shown(request, form, status=422)
    given = form.value
    try:
        async with hub.look(actor, _OPERATION, target=f"rights:{request_id}") as look:
            asked, _ = await find_request(look, hub, request_id)
        if asked.kind == "erase" and given.decision == "done":
            ports = request.app[PORTS]
            done = await erase_for_staff(hub, actor, ports, asked.rider_id or "", given.answer)
            return await render(request, "views/rights_erased.html", done=done)
        accept = given.decision == "done"
        county = await answer_request(
            hub, actor, request_id, accept=accept, answer=given.answer, value=given.value
        )
    except Invalid as error:
        return await _shown(request, Form(values=form.values, errors=error.errors), status=422)
    await match_anew(hub, county)
    return web.Response(status=303, headers={"Location": "/rights"})


_LEDGER = Ledger(
    key="rights",
    personal=True,
    exported=False,
    title="权利请求",
    purpose="骑手对自己的信息提出的更正和删除请求。请在时限内核对、办理并答复；骑手在自己的页面上能看到结果。",
    columns=[
        Column("what", "事项", width=14),
        Column("state", "状态", kind="state", states=_CLOCK),
        Column("due", "办理时限", kind="time"),
        Column("place", "所在街道、社区", width=16),
        Column("filed", "提出时间", kind="time"),
        Column("decided", "办结时间", kind="time", hidden=True),
    ],
    filters=[Choice("state", "状态", [(key, _CLOCK[key].word) for key in _ANSWERABLE])],
    empty="还没有权利请求。骑手在“我的权利”页面提出后，会按所在辖区出现在这里。",
    load=_load,
    row_url=lambda row: f"/rights/{row['id']}",
)
