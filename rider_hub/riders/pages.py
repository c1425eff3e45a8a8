"""骑手台账 and 同一人核对: masked people, one opened with a purpose, links decided on by a person."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import RowMapping

from rider_hub.access import ACTOR, HUB, Look, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows
from rider_hub.access.purposes import UNMASK_REASONS, Purpose
from rider_hub.errors import Invalid
from rider_hub.organizations.pages import street_options
from rider_hub.riders import listing, service
from rider_hub.riders.area_reviews import release_work_area
from rider_hub.riders.model import EMPLOYMENT_TITLES, Identity, LinkState, may_become
from rider_hub.web.forms import Form, PurposeForm, read_form
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["SECTIONS", "Section", "routes"]


@dataclass(frozen=True)
class Section:
    """What another capability adds to a rider's page: a timeline of entries (at, title, text, by, tone)."""

    title: str
    entries: Sequence[Mapping[str, Any]]
    empty: str = ""


#: Where capabilities above register their part of a rider's page, once at start.
SECTIONS: web.AppKey[list[Callable[[Look, str], Awaitable[Section]]]] = web.AppKey("rider_sections", list)

STATES = {
    "active": State("在册", Tone.DONE),
    "left": State("已离开", Tone.WITHDRAWN),
    "retracted": State("已撤销", Tone.WITHDRAWN),
}
LINK_STATES = {
    "proposed": State("待核对", Tone.TODO),
    "linked": State("自动关联", Tone.DOING),
    "confirmed": State("已确认", Tone.DONE),
    "rejected": State("不是同一人", Tone.WITHDRAWN),
    "undone": State("已解除", Tone.WITHDRAWN),
}


_EVENTS = {"active": "登记", "left": "离开", "retracted": "撤销登记"}


class Decision(msgspec.Struct):
    """What a person decided of a link."""

    decision: Annotated[Literal["confirmed", "rejected", "undone"], msgspec.Meta(title="核对结果")]


def routes() -> list[web.RouteDef]:
    """Return the staff pages of riders."""
    return [
        *guarded("riders.view", ledger_routes(_LEDGER, "/riders")),
        *guarded("riders.review", ledger_routes(_LINKS, "/riders/links")),
        *guarded("riders.review", _link_routes()),
        *guarded("riders.view", [web.get("/riders/{id}", _rider)]),
        *guarded("riders.unmask", [web.post("/riders/{id}/unmask", _unmask)]),
        *guarded("riders.review", [web.post("/riders/{id}/new-phone", _new_phone)]),
        *guarded("riders.review", [web.post("/riders/{id}/work-area", _work_area)]),
    ]


def _link_routes() -> list[web.RouteDef]:
    return [web.get("/riders/links/{id}", _link), web.post("/riders/links/{id}", _decide)]


async def _load(request: web.Request, query: Query) -> Page:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, "riders.view") as look:
        rows, total = await listing.list_riders(
            look, hub, query.filters, limit=query.size, offset=query.offset
        )
        look.count(riders=len(rows))
    shown = [row | {"employment": [EMPLOYMENT_TITLES[e] for e in row["employment"]]} for row in rows]
    return Page(shown, total, look.now)


async def _platforms(request: web.Request) -> Sequence[tuple[str, str]]:
    async with request.app[HUB].look(request[ACTOR], "riders.view") as look:
        names = await listing.platform_names(look.connection)
        platforms = look.scope.platforms
        # A company learns of no other company from a filter's choices.
        if look.scope.of_company:
            names = {code: name for code, name in names.items() if code in platforms}
        return sorted(names.items())


async def _actions(request: web.Request) -> Sequence[Action]:
    return (
        [
            Action("同一人核对", "/riders/links?state=proposed"),
            Action("片区核对", "/riders?review=work_area"),
        ]
        if allows(request[ACTOR], "riders.review")
        else []
    )


@takes()
async def _new_phone(request: web.Request) -> web.Response:
    rider_id = request.match_info["id"]
    await service.confirm_new_phone(request.app[HUB], request[ACTOR], rider_id)
    raise web.HTTPSeeOther(f"/riders/{rider_id}")


@takes()
async def _work_area(request: web.Request) -> web.Response:
    rider_id = request.match_info["id"]
    await release_work_area(request.app[HUB], request[ACTOR], rider_id)
    raise web.HTTPSeeOther(f"/riders/{rider_id}")


async def _rider(request: web.Request) -> web.Response:
    return await _shown(request, Form.filled())


@takes(PurposeForm)
async def _unmask(request: web.Request) -> web.Response:
    form = await read_form(request, PurposeForm)
    hub, actor, rider_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    try:
        asked = form.checked()
        purpose = Purpose.stated(UNMASK_REASONS, asked.reason, asked.purpose)
    except Invalid as error:
        return await _shown(request, Form(values=form.values, errors=error.errors), status=422)
    opened = await service.unmask_rider(hub, actor, rider_id, purpose)
    return await _shown(request, Form.filled(), opened=opened)


async def _shown(
    request: web.Request, form: Form[PurposeForm], *, status: int = 200, opened: Identity | None = None
) -> web.Response:
    hub, actor, rider_id = request.app[HUB], request[ACTOR], request.match_info["id"]
    async with hub.look(actor, "riders.view", target=f"rider:{rider_id}") as look:
        found = await listing.find_rider(look, hub, rider_id)
        look.opened([rider_id])
        ids = [one["id"] for one in found["registrations"]]
        history = _entries(await listing.histories(look, ids), await listing.platform_names(look.connection))
        links = await listing.links_of(look, hub, rider_id, ids)
        # What the hub finds for a rider is told to whoever is responsible for the place, not to a company.
        adding = [] if look.scope.of_company else request.app.get(SECTIONS, [])
        sections = [await section(look, rider_id) for section in adding]
    response = await render(
        request,
        "riders/rider.html",
        status=status,
        it=found,
        opened=opened,
        history=history,
        links=links,
        sections=sections,
        states=STATES,
        link_states=LINK_STATES,
        employment=EMPLOYMENT_TITLES,
        form=form,
        may_unmask=allows(actor, "riders.unmask"),
        reasons=list(UNMASK_REASONS.items()),
        may_review=allows(actor, "riders.review"),
    )
    if opened:
        response.headers["Cache-Control"] = "no-store"
    return response


def _entries(history: Sequence[RowMapping], platforms: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "at": row["version_at"],
            "title": f"{platforms.get(row['platform'], row['platform'])}：{_EVENTS[row['state']]}",
            "text": "，".join(
                part
                for part in (
                    EMPLOYMENT_TITLES.get(row["employment"] or ""),
                    f"站点 {row['station_ref']}" if row["station_ref"] else None,
                )
                if part
            ),
        }
        for row in history
    ]


async def _load_links(request: web.Request, query: Query) -> Page:
    hub = request.app[HUB]
    async with hub.look(request[ACTOR], "riders.review") as look:
        rows, total = await listing.list_links(
            look, hub, query.get("state"), limit=query.size, offset=query.offset
        )
        look.count(links=len(rows))
        return Page(rows, total, look.now)


async def _link(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    link_id = request.match_info["id"]
    async with hub.look(request[ACTOR], "riders.review", target=f"link:{link_id}") as look:
        found = await listing.find_link(look, hub, link_id)
        look.opened([found["rider_a"], found["rider_b"]])
    state = LinkState(found["state"])
    choices = [one for one in LinkState if may_become(state, one)]
    return await render(request, "riders/link.html", it=found, states=LINK_STATES, choices=choices)


@takes(Decision)
async def _decide(request: web.Request) -> web.Response:
    value = (await read_form(request, Decision)).checked()
    link_id = request.match_info["id"]
    await service.decide_link(request.app[HUB], request[ACTOR], link_id, LinkState(value.decision))
    raise web.HTTPSeeOther(f"/riders/links/{link_id}")


_LEDGER = Ledger(
    key="riders",
    title="骑手台账",
    purpose="查看本辖区登记的骑手。姓名和手机号已遮盖，只能按完整手机号、后四位或完整姓名查找。",
    personal=True,
    people=lambda row: [row["id"]],
    columns=[
        Column("name", "骑手", width=8),
        Column("phone", "手机号", kind="phone"),
        Column("state", "状态", kind="state", states=STATES),
        Column("platforms", "平台", kind="tags"),
        Column("employment", "配送方式", kind="tags"),
        Column("station", "配送站点", width=16),
        Column("place", "所在街道、社区", width=16),
        Column("seen", "最近报送", kind="time"),
    ],
    filters=[
        Text("q", "查找", hint="手机号、后四位或全名"),
        Choice("platform", "平台", _platforms),
        Choice("employment", "配送方式", list(EMPLOYMENT_TITLES.items())),
        Choice("street", "街道", street_options),
        Choice("state", "状态", [(key, state.word) for key, state in STATES.items()]),
        Choice("review", "待核对", [("work_area", "常跑片区变动频繁")]),
    ],
    empty="没有符合条件的骑手。各平台报送骑手登记后，会按所在辖区出现在这里；姓名和手机号要填完整才能查到。",
    load=_load,
    row_url=lambda row: f"/riders/{row['id']}",
    actions=_actions,
)
_LINKS = Ledger(
    key="rider-links",
    title="同一人核对",
    purpose="手机号相同的两条登记可能是同一名骑手。请核对后确认；系统不会自行合并，确认后也可以解除。",
    personal=True,
    people=lambda row: [row["rider_a"], row["rider_b"]],
    columns=[
        Column("name_a", "登记一", width=12),
        Column("state", "状态", kind="state", states=LINK_STATES),
        Column("phone_a", "手机号", kind="phone"),
        Column("name_b", "登记二", width=12),
        Column("phone_b", "手机号", kind="phone"),
        Column("why", "依据", kind="reason", width=24),
        Column("created", "发现时间", kind="time"),
    ],
    filters=[Choice("state", "状态", [(key, state.word) for key, state in LINK_STATES.items()])],
    empty="现在没有需要核对的登记。两条登记的手机号相同时，会出现在这里。",
    load=_load_links,
    row_url=lambda row: f"/riders/links/{row['id']}",
)
