"""驿站: the ledger of love stations and the drawer behind it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import select

from rider_hub.access import ACTOR, HUB, Look, guarded
from rider_hub.clock import local_date
from rider_hub.errors import Absent
from rider_hub.lovestations.hours import describe
from rider_hub.lovestations.model import LoveStation, OpenState, state_at
from rider_hub.lovestations.store import to_love_station, valid_on
from rider_hub.lovestations.tables import love_station
from rider_hub.organizations.listing import place_names
from rider_hub.organizations.pages import street_options
from rider_hub.parameters import parameter
from rider_hub.web.ledger import Column, Ledger, ledger_routes
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import render
from rider_hub.web.values import Tone, titled

__all__ = ["STATES", "in_scope", "love_station_url", "routes"]

#: Anyone may find a love station; the ledger is staff's.
_OPERATION = "organizations.view"

STATES = titled(
    {
        OpenState.OPEN: Tone.DONE,
        OpenState.CLOSED: Tone.PLAIN,
        OpenState.UNKNOWN: Tone.SOON,
        OpenState.UNVERIFIED: Tone.SOON,
    }
)


def routes() -> list[web.RouteDef]:
    """Return the pages of love stations."""
    shown = [*ledger_routes(_LOVE_STATIONS, "/lovestations"), web.get("/lovestations/{code}", _one)]
    return guarded(_OPERATION, shown)


def love_station_url(code: str) -> str:
    """Return where a love station's details are."""
    return f"/lovestations/{quote(code, safe='')}"


async def in_scope(look: Look) -> list[LoveStation]:
    """Return the love stations in force today inside the viewer's scope, by code."""
    query = select(love_station).where(
        look.scope.where(love_station.c.division), valid_on(local_date(look.now))
    )
    rows = (await look.connection.execute(query.order_by(love_station.c.code))).mappings()
    return [to_love_station(row) for row in rows]


async def _load(request: web.Request, query: Query) -> Page:
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        found = [one for one in await in_scope(look) if _asked(one, query, look.now)]
        rows = await _rows(look, found)
        if query.sort:
            key = query.sort
            rows.sort(key=lambda row: row[key] or "" if key != "capacity" else row[key] or 0)
            rows = rows[::-1] if query.descending else rows
        end = None if query.size is None else query.offset + query.size
        return Page(rows[query.offset : end], len(rows), look.now)


def _asked(one: LoveStation, query: Query, now: datetime) -> bool:
    words, street, state = query.get("q"), query.get("street"), query.get("state")
    if words and words not in one.name and words not in (one.address or ""):
        return False
    return (street is None or one.division.startswith(street)) and state in {None, state_at(one, now).value}


async def _rows(look: Look, found: Sequence[LoveStation]) -> list[dict[str, Any]]:
    places = await place_names(look.connection, [one.division for one in found])
    return [
        {
            "code": one.code,
            "name": one.name,
            "address": one.address,
            "services": one.services,
            "hours": describe(one.opening_hours),
            "state": STATES[state_at(one, look.now)],
            "capacity": one.capacity,
            "verified_on": one.verified_on,
            **places[one.division],
        }
        for one in found
    ]


async def _one(request: web.Request) -> web.Response:
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        query = select(love_station).where(
            love_station.c.code == request.match_info["code"], look.scope.where(love_station.c.division)
        )
        row = (await look.connection.execute(query)).mappings().first()
        if row is None:
            raise Absent
        found = (await _rows(look, [to_love_station(row)]))[0]
    limit = int(parameter("lovestations.unverified_after").value)
    return await render(request, "lovestations/love_station.html", it=found, limit=limit)


_LOVE_STATIONS = Ledger(
    key="lovestations",
    title="驿站",
    purpose="看骑手爱心驿站在哪里、有什么服务、现在开不开。",
    personal=False,
    columns=[
        Column("name", "驿站", sortable=True, width=16),
        Column("state", "现在", "state"),
        Column("hours", "开放时间", width=16),
        Column("services", "服务", "tags", width=16),
        Column("capacity", "容量(人)", "number", sortable=True),
        Column("street", "街道", width=8),
        Column("community", "社区(村)", width=12),
        Column("address", "地址", width=20),
        Column("verified_on", "最近核实", "date"),
        Column("code", "编号", "code", width=10, sortable=True, hidden=True),
    ],
    load=_load,
    empty="还没有驿站。用 rider-hub import love-stations 导入名册后，会出现在这里。",
    filters=[
        Text("q", "查找", hint="驿站名称或地址"),
        Choice("street", "街道", street_options),
        Choice("state", "现在", [(state.value, state.title_zh) for state in OpenState]),
    ],
    row_url=lambda row: love_station_url(row["code"]),
)
