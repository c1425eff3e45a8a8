"""诉求: the ledger of requests, one request as a conversation, answering, and recording one for a rider."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows, require
from rider_hub.access.purposes import UNMASK_REASONS, Purpose
from rider_hub.divisions.store import children, names
from rider_hub.errors import Invalid
from rider_hub.organizations.pages import street_options
from rider_hub.requests import listing, service, store
from rider_hub.requests.checks import ADDRESS_LIMIT, TEXT_LIMIT
from rider_hub.requests.clock import soon_until
from rider_hub.requests.codes import new_seed
from rider_hub.requests.model import CONFIDENTIAL, WAITING, Category, ServiceRequest
from rider_hub.requests.reach import reach_of
from rider_hub.requests.wording import CATEGORY_CHOICES, STATE_CHOICES, STATES, conversation
from rider_hub.web.forms import Form, PurposeForm, read_form
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query
from rider_hub.web.shell import render

__all__ = ["routes"]

_COMMUNITY_DIGITS = 12
_UNMASK = "requests.unmask"

Text = Annotated[str, msgspec.Meta(title="内容", max_length=TEXT_LIMIT)]
Address = Annotated[str, msgspec.Meta(title="具体位置", max_length=ADDRESS_LIMIT)]


class Answer(msgspec.Struct):
    """What staff answer."""

    text: Annotated[str, msgspec.Meta(title="答复", max_length=TEXT_LIMIT)]


class Recorded(msgspec.Struct):
    """A request that staff record for a rider who called or came by."""

    community: Annotated[str, msgspec.Meta(title="社区")]
    category: Annotated[Category, msgspec.Meta(title="类别")]
    text: Text
    address: Address = ""
    #: Sending the form twice files once.
    seed: str = ""


def routes() -> list[web.RouteDef]:
    """Return the staff pages of requests."""
    shown = [
        *ledger_routes(_LEDGER, "/requests"),
        web.get("/requests/new", _new),
        web.post("/requests/new", _record),
        web.get("/requests/{id}", _request),
    ]
    return [
        *guarded("requests.view", shown),
        *guarded("requests.answer", [web.post("/requests/{id}/answer", _answer)]),
        *guarded(_UNMASK, [web.post("/requests/{id}/unmask", _unmask)]),
    ]


async def _load(request: web.Request, query: Query) -> Page:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, "requests.view") as look:
        soon = soon_until(look.now)
        rows, total = await store.list_requests(
            look.connection,
            reach_of(look.actor),
            filters=query.filters,
            now=look.now,
            soon=soon,
            limit=query.size,
            offset=query.offset,
            sort=query.sort,
            descending=query.descending,
        )
        shown = await listing.request_rows(look, hub.keys, rows, soon=soon, whole=query.is_export)
        return Page(shown, total, look.now)


async def _actions(request: web.Request) -> Sequence[Action]:
    if not allows(request[ACTOR], "requests.file"):
        return []
    return [Action("代骑手登记", "/requests/new")]


async def _request(request: web.Request) -> web.Response:
    return await _shown(request, Form.filled())


@takes(Answer)
async def _answer(request: web.Request) -> web.Response:
    form = await read_form(request, Answer)
    if form.value is None:
        return await _shown(request, form, status=422)
    try:
        await service.answer(request.app[HUB], request[ACTOR], request.match_info["id"], form.value.text)
    except Invalid as error:
        return await _shown(request, _with(form, error), status=422)
    raise web.HTTPSeeOther(f"/requests/{request.match_info['id']}")


@takes(PurposeForm)
async def _unmask(request: web.Request) -> web.Response:
    form = await read_form(request, PurposeForm)
    hub, actor, request_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    try:
        asked = form.checked()
        purpose = Purpose.stated(UNMASK_REASONS, asked.reason, asked.purpose)
    except Invalid as error:
        return await _shown(request, _with(form, error), status=422)
    opened = await listing.open_request(hub, actor, request_id, purpose)
    return await _shown(request, Form.filled(), opened=opened)


async def _shown(
    request: web.Request, form: Form[Any], status: int = 200, opened: ServiceRequest | None = None
) -> web.Response:
    actor = request[ACTOR]
    found = opened or await listing.show_request(request.app[HUB], actor, request.match_info["id"])
    response = await render(
        request,
        "requests/request.html",
        status=status,
        found=found,
        states=STATES,
        entries=conversation(found),
        form=form,
        may_answer=found.state in WAITING and allows(actor, "requests.answer"),
        may_unmask=allows(actor, _UNMASK) and reach_of(actor, _UNMASK).of_kind(found.category),
        opened=opened is not None,
        reasons=list(UNMASK_REASONS.items()),
        limit=TEXT_LIMIT,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _new(request: web.Request) -> web.Response:
    require(request[ACTOR], "requests.file")
    return await _form(request, Form.filled(seed=new_seed()))


@takes(Recorded)
async def _record(request: web.Request) -> web.Response:
    form = await read_form(request, Recorded)
    if form.value is None:
        return await _form(request, form, status=422)
    value = form.value
    try:
        filed = await service.file_request(
            request.app[HUB],
            request[ACTOR],
            category=value.category,
            community_code=value.community,
            text=value.text,
            address=value.address,
            seed=value.seed,
        )
    except Invalid as error:
        return await _form(request, _with(form, error), status=422)
    return await render(request, "requests/recorded.html", filed=filed)


async def _form(request: web.Request, form: Form[Recorded], status: int = 200) -> web.Response:
    communities = await _communities(request, request[ACTOR])
    return await render(
        request,
        "requests/record.html",
        status=status,
        form=form,
        communities=communities,
        categories=[one for one in CATEGORY_CHOICES if one[0] not in CONFIDENTIAL],
        limit=TEXT_LIMIT,
        address_limit=ADDRESS_LIMIT,
    )


async def _communities(request: web.Request, actor: Actor) -> list[tuple[str, str]]:
    """Return the communities inside the viewer's scope as choices, with their streets."""
    found: list[tuple[str, str]] = []
    streets = await street_options(request)
    async with request.app[HUB].look(actor, "divisions.view") as look:
        for street, title in streets:
            inside = await children(look.connection, street)
            found += [(one.code, f"{title} · {one.name}") for one in inside if actor.scope.covers(one.code)]
        known = dict(found)
        alone = [
            code for code in actor.scope.divisions if len(code) == _COMMUNITY_DIGITS and code not in known
        ]
        found += list((await names(look.connection, alone)).items())
    return found


def _with(form: Form[Any], error: Invalid) -> Form[Any]:
    return Form(values=form.values, errors=error.errors)


_LEDGER = Ledger(
    key="requests",
    title="诉求",
    purpose="骑手反映的困难：谁负责、哪天到期、办到哪一步。首接负责，到期未答复自动升级督办。",
    personal=True,
    people=lambda row: [row["rider_id"]] if row["rider_id"] else [],
    columns=[
        Column("place", "地点", sortable=True, width=12),
        Column("category", "类别", sortable=True, width=6),
        Column("text", "诉求内容", width=20),
        Column("status", "状态", "state", states=STATES),
        Column("due_at", "办理期限", "time", sortable=True),
        Column("organization", "责任单位", width=14),
        Column("escalated", "督办单位", width=14, hidden=True),
        Column("filed_at", "提交时间", "time", sortable=True),
        Column("channel", "来源", width=10, hidden=True),
        Column("calendar", "期限说明", width=14, hidden=True),
    ],
    filters=[
        Choice("street", "街道", street_options),
        Choice("state", "状态", STATE_CHOICES),
        Choice("category", "类别", CATEGORY_CHOICES),
    ],
    load=_load,
    row_url=lambda row: f"/requests/{row['id']}",
    actions=_actions,
    empty="还没有诉求。骑手在手机页面提交，或您代骑手登记后，会出现在这里，最急的排在最前。",
)
