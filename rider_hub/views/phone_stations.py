"""附近驿站 on the phone: for every rider, signed in or not, by community; no position is asked for."""

from dataclasses import dataclass

from aiohttp import web
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import ACTOR, HUB, Look, guarded
from rider_hub.assignments.store import current
from rider_hub.divisions.areas import current_or_none
from rider_hub.divisions.store import names
from rider_hub.divisions.tables import division, edition
from rider_hub.lovestations.hours import describe
from rider_hub.lovestations.model import Nearby, OpenState, state_at
from rider_hub.lovestations.pages import STATES
from rider_hub.lovestations.service import nearby
from rider_hub.lovestations.store import find
from rider_hub.web.shell import render
from rider_hub.web.values import State

__all__ = ["Place", "routes", "search_communities"]

_COUNTY, _STREET, _COMMUNITY = 6, 9, 12
_FOUND = 5
_RADIUS_M = 3000.0
#: A street has seldom more communities than this.
_LISTED = 40
_TYPED = 30


@dataclass(frozen=True)
class Place:
    """A community with the street it belongs to."""

    code: str
    name: str
    street: str


@dataclass(frozen=True)
class Shown:
    """A love station as a rider reads it."""

    name: str
    address: str
    metres: int
    state: State
    hours: str
    services: str


def routes() -> list[web.RouteDef]:
    """Return the page of love stations."""
    return guarded("lovestations.view", [web.get("/r/stations", _stations)])


async def search_communities(connection: AsyncConnection, words: str) -> list[Place]:
    """Return the communities whose own or whose street's name holds these words, at most 40."""
    words = words.strip()[:_TYPED]
    if not words:
        return []
    named = (
        select(division.c.code, division.c.name)
        .join(edition, edition.c.id == division.c.edition_id)
        .where(edition.c.current)
    )
    held = division.c.name.contains(words, autoescape=True)
    streets_held = [
        row.code for row in await connection.execute(named.where(division.c.level == "street", held))
    ]
    query = (
        named.where(division.c.level == "community")
        .where(or_(held, func.substr(division.c.code, 1, _STREET).in_(streets_held)))
        .distinct()
        .order_by(division.c.code)
        .limit(_LISTED)
    )
    rows = (await connection.execute(query)).all()
    streets = await names(connection, {row.code[:_STREET] for row in rows})
    return [Place(row.code, row.name, streets.get(row.code[:_STREET], "")) for row in rows]


async def _stations(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    words, code = request.query.get("q", ""), request.query.get("community", "")
    async with hub.look(actor, "lovestations.view") as look:
        places = await search_communities(look.connection, words)
        found: list[Shown] = []
        if code:
            found = await _around(look, code)
        elif not words and actor.rider_id is not None:
            found = await _assigned(look, actor.rider_id)
        title = (await names(look.connection, [code])).get(code, "") if code else ""
    return await render(
        request,
        "views/phone/stations.html",
        found=sorted(found, key=lambda each: (each.state is not STATES[OpenState.OPEN], each.metres)),
        places=places,
        words=words[:_TYPED],
        community=title,
        asked=bool(code or words),
    )


async def _assigned(look: Look, rider_id: str) -> list[Shown]:
    """Return the love stations nearest to where the rider works, as last matched, with their state now."""
    mine = (await current(look.connection, [rider_id])).get(rider_id)
    if mine is None:
        return []
    stations = await find(look.connection, [each.code for each in mine.love_stations])
    return [
        _shown(Nearby(stations[each.code], each.metres, state_at(stations[each.code], look.now)))
        for each in mine.love_stations
        if each.code in stations
    ]


async def _around(look: Look, code: str) -> list[Shown]:
    """Return those nearest to the middle of a community; none where its area is not known."""
    if len(code) != _COMMUNITY or not code.isdecimal():
        return []
    areas = await current_or_none(look.connection, code[:_COUNTY], "community")
    inside = None if areas is None else areas.frame.loc[areas.frame["code"] == code]
    if inside is None or inside.empty:
        return []
    point = inside.geometry.iloc[0].representative_point()
    found = await nearby(look.connection, point.x, point.y, look.now, k=_FOUND, radius_m=_RADIUS_M)
    return [_shown(each) for each in found]


def _shown(each: Nearby) -> Shown:
    return Shown(
        name=each.station.name,
        address=each.station.address or "",
        metres=round(each.metres),
        state=STATES[each.state],
        hours=describe(each.station.opening_hours),
        services="、".join(each.station.services),
    )
