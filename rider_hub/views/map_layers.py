"""The layers of 一张图 as GeoJSON, each inside the viewer's scope; draws nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
import numpy as np
import shapely
from sqlalchemy import select

from geo.boundary_repair import simplified as thinned
from rider_hub.access import Look, Scope
from rider_hub.clock import SHANGHAI, local_date
from rider_hub.divisions.areas import AreaSet, current_or_none
from rider_hub.divisions.model import AreaLevel
from rider_hub.divisions.store import boundary_regions
from rider_hub.lovestations.model import OpenState, state_at
from rider_hub.lovestations.pages import in_scope, love_station_url
from rider_hub.organizations.model import global_ref
from rider_hub.organizations.pages import organization_url
from rider_hub.organizations.store import active_on, stations_in, valid_on
from rider_hub.organizations.tables import party_organization, station

__all__ = [
    "area_features",
    "love_station_features",
    "organization_features",
    "station_features",
    "to_geojson",
]

#: Degrees; about five metres: less than a pixel on a street's map, and borders stay shared.
_TOLERANCE: Final = 5e-5
_DECIMALS: Final = 6
_KEPT: Final = 32

_simplified: dict[str, np.ndarray[Any, Any]] = {}


def to_geojson(features: Iterable[dict[str, Any]]) -> bytes:
    """Return the features as a GeoJSON text."""
    return msgspec.json.encode({"type": "FeatureCollection", "features": list(features)})


async def area_features(look: Look, level: AreaLevel) -> list[dict[str, Any]]:
    """Return the areas of a level inside the scope; a community's viewer also sees its street around it."""
    found: dict[str, dict[str, Any]] = {}
    for areas in await scoped_areas(look, level):
        shapes = simplified(areas)
        for code, name, shape in zip(areas.frame["code"], areas.frame["name"], shapes, strict=True):
            if _seen(look.scope, code, level):
                found[code] = {
                    "type": "Feature",
                    "geometry": shapely.geometry.mapping(shape),
                    "properties": {"name": name, "label": short(name), "url": f"/map/areas/{code}"},
                }
    return [found[code] for code in sorted(found)]


async def scoped_areas(look: Look, level: AreaLevel) -> list[AreaSet]:
    """Return the sets of areas in use that may hold some of the viewer's, wider regions first."""
    sets = []
    for region in await boundary_regions(look.connection, level):
        mine = look.scope.everything or any(
            region.startswith(code) or code.startswith(region) for code in look.scope.divisions
        )
        if mine and (areas := await current_or_none(look.connection, region, level)) is not None:
            sets.append(areas)
    return sets


async def station_features(look: Look) -> list[dict[str, Any]]:
    """Return the stations at work today that have a point."""
    query = select(station).where(stations_in(look.scope), active_on(local_date(look.now)))
    rows = (await look.connection.execute(query.order_by(station.c.id))).mappings()
    return [
        _point(row["lng"], row["lat"], row["name"], f"/stations/{row['id']}")
        for row in rows
        if row["lng"] is not None and row["lat"] is not None
    ]


async def organization_features(look: Look) -> list[dict[str, Any]]:
    """Return the organizations at their host station, else in the middle of their division."""
    table = party_organization
    query = select(table).where(look.scope.where(table.c.division), valid_on(table, local_date(look.now)))
    rows = (await look.connection.execute(query.order_by(table.c.code))).mappings().all()
    at_station = await _station_points(look)
    middles = await _middles(look)
    features = []
    for row in rows:
        point = at_station.get(row["host_ref"] or "") if row["host_kind"] == "station" else None
        point = point or middles.get(row["division"])
        if point is not None:
            features.append(_point(*point, row["name"], organization_url(row["code"])))
    return features


async def love_station_features(
    look: Look, hour: int | None, states: Iterable[OpenState]
) -> list[dict[str, Any]]:
    """Return the love stations whose state, now or at an hour of today, is one of these."""
    at = look.now if hour is None else _at_hour(look.now, hour)
    wanted = set(states)
    return [
        _point(one.lng, one.lat, one.name, love_station_url(one.code))
        for one in await in_scope(look)
        if state_at(one, at) in wanted
    ]


def simplified(areas: AreaSet) -> "np.ndarray[Any, Any]":
    """Return the shapes with fewer vertices; neighbours keep the same border. Made once an edition."""
    key = f"{areas.edition_id}:{areas.index.content_hash}"
    if key not in _simplified:
        whole = areas.frame.geometry.to_numpy()
        shapes = thinned(whole, _TOLERANCE)
        while len(_simplified) >= _KEPT:
            _simplified.pop(next(iter(_simplified)))
        _simplified[key] = shapely.transform(shapes, lambda xy: np.round(xy, _DECIMALS))
    return _simplified[key]


def short(name: str) -> str:
    """Return the name as a map has room for it."""
    for ending in ("社区居民委员会", "社区居委会", "居委会", "街道", "地区"):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            return name.removesuffix(ending)
    return name


def _seen(scope: Scope, code: str, level: AreaLevel) -> bool:
    if scope.covers(code):
        return True
    # Someone who works for a community sees the street around it, for orientation.
    return level == "street" and any(mine.startswith(code) for mine in scope.divisions)


async def _station_points(look: Look) -> dict[str, tuple[float, float]]:
    query = select(station.c.platform, station.c.station_ref, station.c.lng, station.c.lat).where(
        station.c.lng.is_not(None), stations_in(look.scope)
    )
    rows = await look.connection.execute(query)
    return {global_ref(row.platform, row.station_ref): (row.lng, row.lat) for row in rows}


async def _middles(look: Look) -> dict[str, tuple[float, float]]:
    """Return a point inside each area of the scope, and of each county the middle of its streets."""
    found: dict[str, tuple[float, float]] = {}
    levels: tuple[AreaLevel, ...] = ("street", "community")
    for level in levels:
        for areas in await scoped_areas(look, level):
            points = shapely.point_on_surface(areas.frame.geometry.to_numpy())
            found |= {
                code: (point.x, point.y) for code, point in zip(areas.frame["code"], points, strict=True)
            }
            if level == "street":
                for county in {str(code)[:6] for code in areas.frame["code"]}:
                    whole = areas.frame.geometry[areas.frame["code"].str.startswith(county)].to_numpy()
                    union = shapely.union_all(whole)
                    middle = union.centroid
                    middle = middle if union.contains(middle) else union.representative_point()
                    found[county] = (middle.x, middle.y)
    return found


def _at_hour(now: datetime, hour: int) -> datetime:
    return now.astimezone(SHANGHAI).replace(hour=hour, minute=0, second=0, microsecond=0)


def _point(lng: float, lat: float, name: str, url: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(lng, _DECIMALS), round(lat, _DECIMALS)]},
        "properties": {"name": name, "url": url},
    }
