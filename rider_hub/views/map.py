"""一张图: streets, communities, stations, organizations and love stations on one map, and as lists."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from sqlalchemy import func, select

from rider_hub.access import ACTOR, HUB, Look, guarded
from rider_hub.clock import local_date
from rider_hub.divisions.areas import AreaSet
from rider_hub.divisions.model import AreaLevel, ancestors, level_of
from rider_hub.divisions.store import names
from rider_hub.errors import Absent, Invalid
from rider_hub.lovestations.model import OpenState
from rider_hub.lovestations.store import valid_on as love_stations_on
from rider_hub.lovestations.tables import love_station
from rider_hub.organizations.store import active_on, valid_on
from rider_hub.organizations.tables import party_organization, station
from rider_hub.views.map_layers import (
    area_features,
    love_station_features,
    organization_features,
    scoped_areas,
    station_features,
    to_geojson,
)
from rider_hub.web.ledger import Column, Ledger, ledger_routes
from rider_hub.web.maps import Layer, Map
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render

__all__ = ["routes"]

_OPERATION = "map.view"
_HOURS = 24
_FEW_STREETS = 3
_NOT_OPEN = (OpenState.CLOSED, OpenState.UNKNOWN, OpenState.UNVERIFIED)
_LEVELS: dict[str, str] = {"street": "街道(乡镇)", "community": "社区(村)"}

Features = Callable[[Look, int | None], Awaitable[list[dict[str, Any]]]]

_LAYERS: dict[str, Features] = {
    "streets": lambda look, _: area_features(look, "street"),
    "communities": lambda look, _: area_features(look, "community"),
    "stations": lambda look, _: station_features(look),
    "organizations": lambda look, _: organization_features(look),
    "open": lambda look, hour: love_station_features(look, hour, [OpenState.OPEN]),
    "closed": lambda look, hour: love_station_features(look, hour, _NOT_OPEN),
}


def routes() -> list[web.RouteDef]:
    """Return the map, its layers, the details of an area, and the areas as a list."""
    shown = [
        web.get("/map", _page),
        web.get("/map/layers/{key}.geojson", _layer),
        *ledger_routes(_AREAS, "/map/areas"),
        web.get("/map/areas/{code}", _area),
    ]
    return guarded(_OPERATION, shown)


async def _page(request: web.Request) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        communities = await scoped_areas(look, "community")
        streets = await scoped_areas(look, "street")
        own = sum(look.scope.covers(code) for areas in streets for code in areas.frame["code"])
    shown = _map(streets, communities, near=own <= _FEW_STREETS)
    return await render(request, "views/map.html", map=shown)


def _map(streets: list[AreaSet], communities: list[AreaSet], *, near: bool) -> Map:
    """Describe the map; communities hide the streets' borders, so they are drawn at once only near by."""
    sketch = any(areas.sketch for areas in communities)
    notes = []
    if not streets:
        notes.append("还没有街道边界，请先导入。")
    if sketch:
        notes.append("社区边界为示意边界，不作划界依据。")
    notes.append("党组织画在所依托的站点上；没有站点的，画在所在区划中间。")
    layers = [
        Layer("streets", "街道", "/map/layers/streets.geojson", "polygon", "indigo"),
        Layer(
            "communities",
            "社区（示意边界）" if sketch else "社区",
            "/map/layers/communities.geojson",
            "polygon",
            "grey",
            visible=near,
            labelled=near,
        ),
        Layer("stations", "站点", "/map/layers/stations.geojson", "cluster", "blue", labelled=False),
        Layer(
            "organizations",
            "党组织",
            "/map/layers/organizations.geojson",
            "cluster",
            "red",
            visible=False,
            labelled=False,
        ),
        Layer(
            "open", "驿站：开放中", "/map/layers/open.geojson", "point", "green", hourly=True, labelled=False
        ),
        Layer(
            "closed",
            "驿站：已关门或待核实",
            "/map/layers/closed.geojson",
            "point",
            "amber",
            hourly=True,
            labelled=False,
        ),
    ]
    return Map(layers=layers, list_url="/map/areas", note="".join(notes), hours=True)


async def _layer(request: web.Request) -> web.Response:
    features = _LAYERS.get(request.match_info["key"])
    if features is None:
        raise Absent
    hour = _hour(request.query.get("hour"))
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        body = to_geojson(await features(look, hour))
    return web.Response(body=body, content_type="application/geo+json")


def _hour(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= len(str(_HOURS)) and int(text) < _HOURS:
        return int(text)
    raise Invalid("时段应为 0 到 23 的整数。", "hour must be a whole number from 0 to 23.", status=400)


async def _load_areas(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        rows = await _area_rows(look)
    words, level = query.get("q"), query.get("level")
    rows = [row for row in rows if (not words or words in row["name"]) and level in {None, row["level"]}]
    if query.sort:
        key = query.sort
        rows.sort(key=lambda row: row[key], reverse=query.descending)
    end = None if query.size is None else query.offset + query.size
    return Page(rows[query.offset : end], len(rows), look.now)


async def _area_rows(look: Look) -> list[dict[str, Any]]:
    """Return the areas of the map with what lies in each."""
    counts = await _counts(look)
    rows: dict[str, dict[str, Any]] = {}
    levels: tuple[AreaLevel, ...] = ("street", "community")
    for level in levels:
        for areas in await scoped_areas(look, level):
            for code, name in zip(areas.frame["code"], areas.frame["name"], strict=True):
                if look.scope.covers(code):
                    rows[code] = {
                        "code": code,
                        "name": name,
                        "level": level,
                        "level_zh": _LEVELS[level],
                        "border": "示意边界" if areas.sketch else "导入的边界",
                        **{key: counts[key].get(code, 0) for key in counts},
                    }
    return [rows[code] for code in sorted(rows)]


async def _counts(look: Look) -> dict[str, dict[str, int]]:
    """Return how many stations, organizations and love stations lie in each division and below it."""
    on = local_date(look.now)
    tables = {
        "stations": (station, active_on(on)),
        "organizations": (party_organization, valid_on(party_organization, on)),
        "love_stations": (love_station, love_stations_on(on)),
    }
    counts: dict[str, dict[str, int]] = {}
    for key, (table, condition) in tables.items():
        column = table.c.division
        query = select(column, func.count()).where(look.scope.where(column), condition).group_by(column)
        counts[key] = {}
        for code, number in await look.connection.execute(query):
            for place in [*ancestors(code), code]:
                counts[key][place] = counts[key].get(place, 0) + number
    return counts


async def _area(request: web.Request) -> web.Response:
    code = request.match_info["code"]
    if level_of(code) not in _LEVELS:
        raise Absent
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        rows = {row["code"]: row for row in await _area_rows(look)}
        if code not in rows:
            raise Absent
        around = await names(look.connection, [code[:6], code[:9]])
    return await render(request, "views/area.html", it=rows[code], around=around)


_AREAS = Ledger(
    key="areas",
    title="一张图：区划列表",
    purpose="地图上的街道和社区，以及各有多少站点、党组织和驿站。",
    personal=False,
    columns=[
        Column("name", "街道或社区", sortable=True, width=16),
        Column("level_zh", "级别", width=8),
        Column("stations", "站点", "number", sortable=True),
        Column("organizations", "党组织", "number", sortable=True),
        Column("love_stations", "驿站", "number", sortable=True),
        Column("border", "边界", width=8),
        Column("code", "区划代码", "code", sortable=True, width=12),
    ],
    load=_load_areas,
    empty="还没有边界。用 rider-hub import boundaries 导入后，会出现在这里。",
    filters=[Text("q", "查找", hint="街道或社区名称"), Choice("level", "级别", list(_LEVELS.items()))],
    row_url=lambda row: f"/map/areas/{row['code']}",
)
