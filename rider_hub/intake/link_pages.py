"""站点报送: each station's form and links; links are made here, looked after, and revoked."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.access.policy import allows
from rider_hub.clock import local_date
from rider_hub.intake import store
from rider_hub.intake.links import TERMS, find_link, list_links, make_link, revoke_link
from rider_hub.intake.listing import platform_names
from rider_hub.intake.messages import count_try
from rider_hub.intake.station_feeds import find_station, list_station_feeds, template_of
from rider_hub.intake.station_template import Template, write_template
from rider_hub.intake.tables import receipt
from rider_hub.intake.within import sending_for
from rider_hub.parameters import parameter
from rider_hub.web.export import attachment
from rider_hub.web.forms import Form, read_form
from rider_hub.web.ledger import Action, Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["LINK_STATES", "routes", "template_answer"]

LINK_STATES: Final = {
    "open": State("可用", Tone.DONE),
    "expired": State("已到期", Tone.WITHDRAWN),
    "used_up": State("次数已用完", Tone.WITHDRAWN),
    "revoked": State("已撤销", Tone.WITHDRAWN),
}
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHOWN: Final = 50
_MAX_NAME: Final = 60


class NewLink(msgspec.Struct):
    """For how many days a new link opens."""

    days: Annotated[Literal["3", "7", "14", "30"], msgspec.Meta(title="有效期")]


def routes() -> list[web.RouteDef]:
    """Return the pages of stations' forms and links."""
    shown = [
        *ledger_routes(_STATIONS, "/feeds/stations"),
        *ledger_routes(_LINKS, "/feeds/links"),
        web.get("/feeds/stations/{id}", _station),
        web.get("/feeds/stations/{id}/template.xlsx", _template),
        web.get("/feeds/links/{id}", _link),
    ]
    changing = [web.post("/feeds/stations/{id}/links", _make), web.post("/feeds/links/{id}/revoke", _revoke)]
    return [*guarded("links.view", shown), *guarded("links.change", changing)]


async def template_answer(it: Template) -> web.Response:
    """Return a station's form as a download."""
    body = await asyncio.to_thread(write_template, it)
    # A station's name may be longer than a file's, or a header's, may be.
    name = f"{it.station_name[:_MAX_NAME]}-骑手名单-{local_date(it.as_of)}.xlsx"
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "no-store"}
    return web.Response(body=body, content_type=_XLSX, headers=headers)


async def _load_stations(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "links.view") as look:
        rows, total = await list_station_feeds(look, query.filters, limit=query.size, offset=query.offset)
        return Page([{**row, "platform": row["platform_name"]} for row in rows], total, look.now)


async def _load_links(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], "links.view") as look:
        rows, total = await list_links(look, query.filters, limit=query.size, offset=query.offset)
        return Page(rows, total, look.now)


async def _platforms(request: web.Request) -> Sequence[tuple[str, str]]:
    async with request.app[HUB].look(request[ACTOR], "links.view") as look:
        return sorted((await platform_names(look)).items())


async def _station(request: web.Request) -> web.Response:
    return await _shown_station(request, Form.filled(days=int(parameter("intake.link_days").value)))


async def _shown_station(request: web.Request, form: Form[NewLink], status: int = 200) -> web.Response:
    station_id = request.match_info["id"]
    async with request.app[HUB].look(request[ACTOR], "links.view", target=f"station:{station_id}") as look:
        it = await find_station(look, station_id)
        links, _ = await list_links(look, {"station": station_id}, limit=_SHOWN, offset=0)
        sends = await sending_for(look.connection, look.actor, it["platform"]) is not None
    return await render(
        request,
        "intake/station.html",
        status=status,
        it=it,
        links=links,
        states=LINK_STATES,
        form=form,
        terms=[(str(days), f"{days} 天") for days in TERMS],
        uses=int(parameter("intake.link_uses").value),
        sends=sends,
    )


async def _template(request: web.Request) -> web.Response:
    hub, station_id = request.app[HUB], request.match_info["id"]
    async with hub.look(request[ACTOR], "links.view", target=f"station:{station_id}") as look:
        it = await find_station(look, station_id)
        form = await template_of(hub, look, it["platform"], it["station_ref"], it["name"])
    await count_try(hub, f"template:{request[ACTOR].id}", parameter("intake.link_tries").value)
    return await template_answer(form)


@takes(NewLink)
async def _make(request: web.Request) -> web.Response:
    """Make a link and show it, this once: it is kept nowhere."""
    form = await read_form(request, NewLink)
    hub, station_id = request.app[HUB], request.match_info["id"]
    if form.value is None:
        return await _shown_station(request, form, status=422)
    token = await make_link(hub, request[ACTOR], station_id, int(form.value.days))
    async with hub.look(request[ACTOR], "links.view", target=f"station:{station_id}") as look:
        it = await find_station(look, station_id)
    response = await render(
        request,
        "intake/link_made.html",
        it=it,
        url=f"{hub.settings.public_url}/hand-in#{token}",
        days=form.value.days,
        uses=int(parameter("intake.link_uses").value),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _link(request: web.Request) -> web.Response:
    link_id = request.match_info["id"]
    async with request.app[HUB].look(request[ACTOR], "links.view", target=f"link:{link_id}") as look:
        it = await find_link(look, link_id)
        query = store.receipts(look.scope, receipt.c.link == link_id).limit(_SHOWN)
        receipts = (await look.connection.execute(query)).mappings().all()
    return await render(
        request,
        "intake/link.html",
        it=it,
        receipts=receipts,
        states=LINK_STATES,
        may_revoke=it["state"] == "open" and allows(request[ACTOR], "links.change"),
    )


@takes()
async def _revoke(request: web.Request) -> web.Response:
    link_id = request.match_info["id"]
    await revoke_link(request.app[HUB], request[ACTOR], link_id)
    raise web.HTTPSeeOther(f"/feeds/links/{link_id}")


async def _actions(_: web.Request) -> Sequence[Action]:
    others = [Action("报送文件", "/feeds/upload"), Action("检查文件", "/feeds/check")]
    others.append(Action("接收回执", "/feeds/receipts"))
    others.append(Action("待修正数据", "/feeds/quarantine?state=waiting"))
    return [*others, Action("站点链接", "/feeds/links")]


_STATIONS = Ledger(
    key="station-feeds",
    title="站点报送",
    purpose="一个站点一份名单：下载已填好的模板，报送文件，或给站点的人一条上报链接。",
    personal=False,
    columns=[
        Column("name", "站点", width=16),
        Column("platform", "平台企业", width=10),
        Column("station_ref", "站点编号", "code", width=10),
        Column("partner", "合作企业", width=12),
        Column("links", "可用的链接", "number"),
        Column("last_used", "链接最近使用", "time"),
    ],
    filters=[
        Text("q", "查找", hint="站点名称或编号"),
        Choice("platform", "平台企业", _platforms),
    ],
    empty="还没有站点。平台报送站点数据后，会出现在这里；合作企业的站点，由平台在“合作企业”一栏写明。",
    load=_load_stations,
    row_url=lambda row: f"/feeds/stations/{row['id']}",
    actions=_actions,
)
_LINKS = Ledger(
    key="station-links",
    title="站点链接",
    purpose="谁给哪个站点建了上报链接、到什么时候、用过几次。链接不用登录，不再需要就撤销。",
    personal=False,
    columns=[
        Column("station_name", "站点", width=12),
        Column("platform", "平台企业", width=8),
        Column("station_ref", "站点编号", "code", width=8),
        Column("state", "状态", kind="state", states=LINK_STATES),
        Column("made_by", "建立人", width=8),
        Column("made_at", "建立时间", kind="time", hidden=True),
        Column("expires_at", "有效期至", kind="time"),
        Column("uses", "已报文件"),
        Column("last_used_at", "最近使用", kind="time"),
    ],
    filters=[
        Choice("state", "状态", [("open", "可用"), ("over", "不再可用")]),
    ],
    empty="还没有站点链接。在“站点报送”里点开一个站点，就可以建一条。",
    load=_load_links,
    row_url=lambda row: f"/feeds/links/{row['id']}",
    actions=[Action("站点报送", "/feeds/stations"), Action("接收回执", "/feeds/receipts")],
)
