"""站点 and 党组织: the ledgers and the drawers behind them."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import select

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.divisions.store import children, names
from rider_hub.organizations.listing import (
    Listing,
    list_organizations,
    list_stations,
    show_organization,
    show_station,
)
from rider_hub.organizations.model import OrganizationKind
from rider_hub.organizations.store import stations_in
from rider_hub.organizations.tables import platform, station
from rider_hub.web.ledger import Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render
from rider_hub.web.values import Link

__all__ = ["listing_of", "organization_url", "routes", "street_options"]

_OPERATION, _STATIONS_OPERATION = "organizations.view", "stations.view"
_COUNTY_DIGITS, _STREET_DIGITS = 6, 9


def routes() -> list[web.RouteDef]:
    """Return the pages of stations and organizations."""
    stations = [*ledger_routes(_STATIONS, "/stations"), web.get("/stations/{id}", _station)]
    organizations = [
        *ledger_routes(_ORGANIZATIONS, "/organizations"),
        web.get("/organizations/{code}", _organization),
    ]
    return [*guarded(_STATIONS_OPERATION, stations), *guarded(_OPERATION, organizations)]


def organization_url(code: str) -> str:
    """Return where an organization's details are."""
    return f"/organizations/{quote(code, safe='')}"


def listing_of(query: Query) -> Listing:
    """Return what a ledger's query asks of a list."""
    return Listing(
        query.filters,
        sort=query.sort,
        descending=query.descending,
        limit=query.size,
        offset=query.offset,
    )


async def street_options(request: web.Request) -> Sequence[tuple[str, str]]:
    """Return the streets inside the viewer's scope as choices."""
    hub, actor = request.app[HUB], request[ACTOR]
    options: dict[str, str] = {}
    async with hub.look(actor, "divisions.view") as look:
        for code in actor.scope.divisions:
            if len(code) == _COUNTY_DIGITS:
                options |= {one.code: one.name for one in await children(look.connection, code)}
            elif len(code) >= _STREET_DIGITS:
                options |= await names(look.connection, [code[:_STREET_DIGITS]])
    return sorted(options.items())


async def _platform_options(request: web.Request) -> Sequence[tuple[str, str]]:
    async with request.app[HUB].look(request[ACTOR], _STATIONS_OPERATION) as look:
        query = select(platform.c.code, platform.c.name).order_by(platform.c.code)
        if look.scope.of_company:
            # A company learns of no other company from a filter's choices.
            mine = select(station.c.platform).where(stations_in(look.scope))
            query = query.where(platform.c.code.in_(mine))
        return [(row.code, row.name) for row in await look.connection.execute(query)]


async def _load_stations(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], _STATIONS_OPERATION) as look:
        rows, total = await list_stations(look, listing_of(query))
        return Page([_station_row(row) for row in rows], total, look.now)


async def _load_organizations(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        rows, total = await list_organizations(look, listing_of(query))
        return Page([_organization_row(row) for row in rows], total, look.now)


def _station_row(row: Mapping[str, Any]) -> dict[str, Any]:
    one = row["organization"]
    shown = Link(one.name, organization_url(one.code)) if row["organization_shown"] else None
    return {**row, "organization_link": shown or (one.name if one else None)}


def _organization_row(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = Link(row["parent_name"], organization_url(row["parent"])) if row["parent_shown"] else None
    return {**row, "parent_link": shown or row["parent_name"]}


async def _station(request: web.Request) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], _STATIONS_OPERATION) as look:
        found = await show_station(look, request.match_info["id"])
    return await render(request, "organizations/station.html", it=found, url_of=organization_url)


async def _organization(request: web.Request) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        found = await show_organization(look, request.match_info["code"])
    return await render(request, "organizations/organization.html", it=found, url_of=organization_url)


_STREET = Choice("street", "街道", street_options)

_STATIONS = Ledger(
    key="stations",
    title="站点",
    purpose="看各平台的配送站点在哪里、由哪个党组织覆盖。",
    personal=False,
    columns=[
        Column("name", "站点", sortable=True, width=16),
        Column("platform_name", "平台企业", width=10),
        Column("station_ref", "站点编号", "code", width=10, sortable=True),
        Column("street", "街道", width=8),
        Column("community", "社区(村)", width=12),
        Column("organization_link", "覆盖的党组织", "link", width=16),
        Column("headcount", "骑手人数", "number", sortable=True),
        Column("partner", "合作企业", width=12, hidden=True),
        Column("address", "地址", width=20),
        Column("active_from", "启用日期", "date", sortable=True, hidden=True),
    ],
    load=_load_stations,
    empty="还没有站点。平台报送站点数据，或用 rider-hub import stations 导入后，会出现在这里。",
    filters=[
        Text("q", "查找", hint="站点名称或编号"),
        Choice("platform", "平台企业", _platform_options),
        _STREET,
        Choice("covered", "党组织覆盖", [("yes", "已覆盖"), ("no", "未覆盖")]),
    ],
    row_url=lambda row: f"/stations/{row['id']}",
)

_ORGANIZATIONS = Ledger(
    key="organizations",
    title="党组织",
    purpose="看辖区内的党组织、依托单位和覆盖范围。",
    personal=False,
    columns=[
        Column("name", "党组织", sortable=True, width=20),
        Column("kind_zh", "类别", width=8),
        Column("host_zh", "依托单位", width=8),
        Column("parent_link", "上级党组织", "link", width=16),
        Column("street", "街道", width=8),
        Column("community", "社区(村)", width=12),
        Column("stations", "覆盖站点", "number"),
        Column("code", "编号", "code", sortable=True, width=12),
        Column("valid_from", "登记日期", "date", sortable=True, hidden=True),
    ],
    load=_load_organizations,
    empty="还没有党组织。用 rider-hub import organizations 导入名册后，会出现在这里。",
    filters=[
        Text("q", "查找", hint="党组织名称或编号"),
        Choice("kind", "类别", [(kind.value, kind.title_zh) for kind in OrganizationKind]),
        _STREET,
    ],
    row_url=lambda row: organization_url(row["code"]),
)
