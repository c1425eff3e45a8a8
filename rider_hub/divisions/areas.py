"""The polygons in use, ready to be asked where a point lies; kept in memory, an edition never changes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import shapely
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from geo.areas import AreaIndex
from rider_hub.divisions.index_files import index_of
from rider_hub.divisions.model import AreaLevel, Edition
from rider_hub.divisions.store import best_edition, current_editions, polygons
from rider_hub.errors import Absent

__all__ = ["AreaSet", "current", "current_or_none"]

#: Sets kept: streets and communities of a few counties; a county's weighs some MB.
_KEPT = 16


@dataclass(frozen=True)
class AreaSet:
    """One edition's areas of a region: a frame of code, name and geometry (EPSG:4326), and its index."""

    edition_id: str
    title: str
    #: Sketched borders (示意边界) say nothing exact and are labelled wherever they are drawn.
    sketch: bool
    as_of: date
    frame: gpd.GeoDataFrame
    index: AreaIndex


_sets: dict[tuple[str, str], AreaSet] = {}


async def current(connection: AsyncConnection, region: str, level: AreaLevel) -> AreaSet:
    """Return the areas in use inside a region.

    Raises Absent where no edition of that level is current there.
    """
    found = await current_or_none(connection, region, level)
    if found is None:
        word = {"street": ("街道", "street"), "community": ("社区", "community")}[level]
        raise Absent(
            f"{region} 还没有{word[0]}边界。请先用 rider-hub import boundaries 导入。",
            f"{region} has no {word[1]} boundaries yet: bring them in with `rider-hub import boundaries`.",
        )
    return found


async def current_or_none(connection: AsyncConnection, region: str, level: AreaLevel) -> AreaSet | None:
    """Return the areas in use inside a region, None where there are none."""
    edition = best_edition(await current_editions(connection, "boundaries", level), region)
    if edition is None:
        return None
    key = (edition.id, region)
    if key not in _sets:
        rows = await polygons(connection, edition.id, region)
        if not rows:
            return None
        built = await asyncio.to_thread(_area_set, edition, rows)
        while len(_sets) >= _KEPT:
            _sets.pop(next(iter(_sets)))
        return _sets.setdefault(key, built)
    return _sets[key]


def _area_set(edition: Edition, rows: Sequence[RowMapping]) -> AreaSet:
    codes, shapes = [row["code"] for row in rows], [row["shape"] for row in rows]
    table = {"code": codes, "name": [row["name"] for row in rows]}
    frame = gpd.GeoDataFrame(table, geometry=shapely.from_wkb(shapes), crs="EPSG:4326")
    return AreaSet(
        edition_id=edition.id,
        title=edition.title,
        sketch=edition.sketch,
        as_of=edition.as_of,
        frame=frame,
        index=index_of(codes, shapes),
    )
