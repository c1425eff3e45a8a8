"""POST /api/v1/locate: what lies around a point; the position stands in the body, never in a URL."""

from typing import Annotated, Final

import msgspec
from aiohttp import web

from connectors.records import Frame
from geo.errors import GeoError
from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.errors import Failure, Invalid
from rider_hub.lovestations.hours import describe
from rider_hub.lovestations.locating import Located, Note, Place, locate
from rider_hub.lovestations.model import Nearby, OpenState
from rider_hub.web.describing import Answer, Body, Description, Given, described

__all__ = ["LOCATE_WORDS", "LocateRequest", "routes"]


class LocateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A point and the frame it is in."""

    lng: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    frame: Frame


class LoveStationAnswer(msgspec.Struct, frozen=True):
    """A love station near the point: WGS 84, whole metres, and whether it is open now."""

    code: str
    name: str
    address: str | None
    lng: float
    lat: float
    metres: int
    state: OpenState
    state_zh: str
    opening_hours: str
    hours_zh: str
    services: list[str]


class LocateAnswer(msgspec.Struct, frozen=True):
    """What lies around a point; the nearest love station comes first, notes say what is uncertain."""

    community: Place | None
    street: Place | None
    love_stations: list[LoveStationAnswer]
    notes: list[Note]


#: Code → sentences of what this route refuses.
LOCATE_WORDS: Final[dict[str, tuple[str, str]]] = {
    "locate_invalid": (
        "请求应为 JSON：lng、lat 为数字（度），frame 为 wgs84、cgcs2000、gcj02 或 bd09。",
        "Send JSON: lng and lat as numbers in degrees, frame as wgs84, cgcs2000, gcj02 or bd09.",
    ),
}
_LOCATE: Final = Description(
    "locate",
    "查一个位置在哪个街道、社区，附近有哪些驿站；位置只放在正文里，不保存",
    "What lies around a point; the position stands in the body alone and is not stored",
    (Answer("结果", "What lies there", LocateAnswer),),
    (
        Given(
            "X-CSRF-Token",
            "header",
            "页面中的防伪令牌",
            "the token that the visitor's page holds, against forged requests",
            {"type": "string"},
        ),
    ),
    Body("位置和坐标系", "A point and its frame", {"application/json": LocateRequest}),
    errors={
        401: ("unauthenticated",),
        403: ("csrf",),
        413: ("too_large",),
        422: ("locate_invalid",),
    },
    security="session",
)


def routes() -> list[web.RouteDef]:
    """Return the route that locates a point."""
    return guarded("locate", [web.post("/api/v1/locate", _locate)])


@described(_LOCATE)
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
    zh, en = LOCATE_WORDS["locate_invalid"]
    fault = Failure(row=0, path="", code="locate_invalid", zh=zh, en=en)
    return Invalid(zh, en, code="locate_invalid", errors=[fault])


def _answer(found: Located) -> LocateAnswer:
    return LocateAnswer(
        community=found.community,
        street=found.street,
        love_stations=[_love_station(one) for one in found.love_stations],
        notes=list(found.notes),
    )


def _love_station(one: Nearby) -> LoveStationAnswer:
    station = one.station
    return LoveStationAnswer(
        code=station.code,
        name=station.name,
        address=station.address,
        lng=station.lng,
        lat=station.lat,
        metres=round(one.metres),
        state=one.state,
        state_zh=one.state.title_zh,
        opening_hours=station.opening_hours,
        hours_zh=describe(station.opening_hours),
        services=list(station.services),
    )
