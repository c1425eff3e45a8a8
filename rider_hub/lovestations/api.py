"""POST /api/v1/locate: what lies around a point; the position stands in the body, never in a URL."""

from dataclasses import asdict
from typing import Annotated

import msgspec
from aiohttp import web

from connectors.records import Frame
from geo.errors import GeoError
from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.errors import Failure, Invalid
from rider_hub.lovestations.hours import describe
from rider_hub.lovestations.locating import Located, Place, locate
from rider_hub.lovestations.model import Nearby

__all__ = ["LocateRequest", "routes"]


class LocateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A point and the frame it is in."""

    lng: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    frame: Frame


def routes() -> list[web.RouteDef]:
    """Return the route that locates a point."""
    return guarded("locate", [web.post("/api/v1/locate", _locate)])


@takes(LocateRequest)
async def _locate(request: web.Request) -> web.Response:
    try:
        asked = msgspec.json.decode(await request.read(), type=LocateRequest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _unreadable() from error
    try:
        found = await locate(request.app[HUB], request[ACTOR], asked.lng, asked.lat, asked.frame)
    except GeoError as error:
        raise Invalid(error.zh, error.en, code=error.code) from error
    return web.Response(body=msgspec.json.encode(_answer(found)), content_type="application/json")


def _unreadable() -> Invalid:
    zh = "请求应为 JSON：lng、lat 为数字（度），frame 为 wgs84、cgcs2000、gcj02 或 bd09。"
    en = "Send JSON: lng and lat as numbers in degrees, frame as wgs84, cgcs2000, gcj02 or bd09."
    fault = Failure(row=0, path="", code="locate_invalid", zh=zh, en=en)
    return Invalid(zh, en, code="locate_invalid", errors=[fault])


def _answer(found: Located) -> dict[str, object]:
    return {
        "community": _place(found.community),
        "street": _place(found.street),
        "love_stations": [_love_station(one) for one in found.love_stations],
        "notes": [asdict(note) for note in found.notes],
    }


def _place(place: Place | None) -> dict[str, object] | None:
    return None if place is None else asdict(place)


def _love_station(one: Nearby) -> dict[str, object]:
    station = one.station
    return {
        "code": station.code,
        "name": station.name,
        "address": station.address,
        "lng": station.lng,
        "lat": station.lat,
        "metres": round(one.metres),
        "state": one.state.value,
        "state_zh": one.state.title_zh,
        "opening_hours": station.opening_hours,
        "hours_zh": describe(station.opening_hours),
        "services": list(station.services),
    }
