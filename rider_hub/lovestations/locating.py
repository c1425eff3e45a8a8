"""Use case: what lies around a point, asked for once; a position is never stored or logged."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from geo.datum import convert
from rider_hub.access import Actor, Hub
from rider_hub.divisions.areas import AreaSet, current_or_none
from rider_hub.divisions.model import AreaLevel
from rider_hub.divisions.store import boundary_regions
from rider_hub.lovestations.model import Nearby
from rider_hub.lovestations.service import nearby
from rider_hub.parameters import parameter

__all__ = ["Located", "Note", "Place", "locate"]


@dataclass(frozen=True)
class Place:
    """A street or community a point lies in; `sketch` says its borders are drawn, not surveyed."""

    code: str
    name: str
    sketch: bool


@dataclass(frozen=True)
class Note:
    """What to keep in mind about an answer."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class Located:
    """The answer: places, love stations nearest first, and what is uncertain."""

    community: Place | None
    street: Place | None
    love_stations: tuple[Nearby, ...]
    notes: tuple[Note, ...]


_OUTSIDE: Final = Note(
    "outside_areas",
    "这个位置不在已登记的街道范围内。",
    "The point lies in no street the hub has boundaries of.",
)
_SKETCH: Final = Note(
    "sketch_border",
    "社区边界是示意边界，所在社区仅供参考。",
    "Community borders are sketched: the community is a suggestion.",
)
_ROUNDED: Final = Note(
    "rounded_point",
    "位置只精确到约 100 米，所在社区请再确认。",
    "The point is rounded to about 100 m: confirm the community.",
)
_BORDER: Final = Note(
    "border_ambiguous",
    "位置紧靠边界，所在社区请再确认。",
    "The point lies at a border: confirm the community.",
)


async def locate(hub: Hub, actor: Actor, lng: float, lat: float, frame: str) -> Located:
    """Return the community, the street and the nearest love stations of a point in the frame stated.

    Raises GeoError for an unknown frame or a point that is none.
    """
    x, y = (float(value) for value in convert(lng, lat, frame, "wgs84"))
    rounded = max(_decimals(lng), _decimals(lat)) <= parameter("lovestations.locate_decimals").value
    async with hub.look(actor, "locate") as look:
        street = await _place(look.connection, x, y, "street", rounded=rounded)
        community = await _place(look.connection, x, y, "community", rounded=rounded)
        found = await nearby(
            look.connection,
            x,
            y,
            look.now,
            k=int(parameter("matching.love_station_count").value),
            radius_m=parameter("matching.love_station_radius").value,
        )
    notes = [] if street or community else [_OUTSIDE]
    if community is not None:
        notes += [_SKETCH] if community[0].sketch else []
        if community[1]:
            notes.append(_ROUNDED if rounded else _BORDER)
    return Located(
        community[0] if community else None, street[0] if street else None, tuple(found), tuple(notes)
    )


async def _place(
    connection: AsyncConnection, lng: float, lat: float, level: AreaLevel, *, rounded: bool
) -> tuple[Place, bool] | None:
    """Return the smallest region's area around a point, and whether a border is too near to be sure."""
    found: tuple[Place, bool] | None = None
    for region in await boundary_regions(connection, level):
        areas = await current_or_none(connection, region, level)
        if areas is not None and (row := int(areas.index.locate([lng], [lat])[0])) >= 0:
            found = _named(areas, row), _near_border(areas, lng, lat, rounded=rounded)
    return found


def _named(areas: AreaSet, row: int) -> Place:
    one = areas.frame.iloc[row]
    return Place(str(one["code"]), str(one["name"]), areas.sketch)


def _near_border(areas: AreaSet, lng: float, lat: float, *, rounded: bool) -> bool:
    name = "rounded_point_tolerance" if rounded else "border_tolerance"
    limit_m = parameter(f"matching.{name}").value
    return bool(np.isfinite(areas.index.border_distance_m([lng], [lat], limit_m))[0])


def _decimals(degrees: float) -> int:
    """Count the decimals a number was given with."""
    return len(f"{degrees:.9f}".rstrip("0").partition(".")[2])
