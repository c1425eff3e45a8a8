"""Use cases: bringing in love stations, and finding those near a point."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from geo.nearest import NearestIndex
from rider_hub.access import Actor, Hub
from rider_hub.clock import local_date
from rider_hub.divisions.areas import current_or_none
from rider_hub.divisions.model import AreaLevel
from rider_hub.divisions.registry import Entry, check_divisions, check_owned, outcome
from rider_hub.divisions.rows import ImportReport, Row
from rider_hub.divisions.store import boundary_regions
from rider_hub.lovestations.entries import read_love_stations, unreadable_hours
from rider_hub.lovestations.model import Nearby, OpenState, state_at
from rider_hub.lovestations.store import in_box
from rider_hub.lovestations.tables import love_station
from rider_hub.storage import upsert_rows

__all__ = ["import_love_stations", "nearby", "nearest_open"]

#: Metres of a degree of latitude, and of longitude at 54° N, at the least: for boxes that lose nothing.
_LAT_DEGREE_M: Final = 110_500.0
_LNG_DEGREE_M: Final = 65_000.0


async def import_love_stations(
    hub: Hub,
    actor: Actor,
    rows: Iterable[Row],
    *,
    frame: str | None = None,
    keep_good: bool = False,
) -> ImportReport:
    """Bring in love stations; those there already are changed.

    Where a row names no division, it lies in the community, else the street, that its point is in.
    """
    entries = read_love_stations(rows, local_date(hub.clock.now()), frame)
    async with hub.change(actor, "imports.change", target="love_stations") as work:
        await _find_divisions(work.connection, entries)
        await check_divisions(work.connection, work.scope, entries)
        await check_owned(work.connection, work.scope, love_station, entries)
        report = outcome(entries, keep_good=keep_good)
        report = msgspec.structs.replace(report, notices=unreadable_hours(entries))
        good = [entry.values for entry in entries if entry.good] if report.stored else []
        await upsert_rows(work.connection, love_station, good, key=["code"])
        work.count(total=report.total, accepted=report.accepted, rejected=report.rejected)
    return report


async def nearest_open(
    connection: AsyncConnection, lng: float, lat: float, at: datetime, *, k: int, radius_m: float
) -> list[Nearby]:
    """Return up to k love stations surely open at a moment, the nearest first.

    One that is closed, whose hours can't be read, or that nobody verified for too long is never among them.
    """
    return await nearby(connection, lng, lat, at, k=k, radius_m=radius_m, only_open=True)


async def nearby(
    connection: AsyncConnection,
    lng: float,
    lat: float,
    at: datetime,
    *,
    k: int,
    radius_m: float,
    only_open: bool = False,
) -> list[Nearby]:
    """Return up to k love stations within a radius of a point (WGS 84), nearest first, with states."""
    high, wide = radius_m / _LAT_DEGREE_M, radius_m / _LNG_DEGREE_M
    box = (lng - wide, lat - high, lng + wide, lat + high)
    there = await in_box(connection, box, local_date(at))
    if not there.rows:
        return []
    states = [state_at(row, at) for row in there.rows]
    mask = np.array([state is OpenState.OPEN or not only_open for state in states], dtype=bool)
    index = NearestIndex.build(there.lng, there.lat)
    rows, metres = index.query([lng], [lat], k=k, radius_m=radius_m, mask=mask)
    return [
        Nearby(there.rows[row], float(distance), states[row])
        for row, distance in zip(rows[0].tolist(), metres[0].tolist(), strict=True)
        if row >= 0
    ]


async def _find_divisions(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Fill in the division of rows that name none; a point in no boundary is a fault."""
    blank = [entry for entry in entries if entry.good and entry.values["division"] is None]
    levels: tuple[AreaLevel, ...] = ("street", "community")
    for level in levels if blank else ():
        for region in await boundary_regions(connection, level):
            areas = await current_or_none(connection, region, level)
            if areas is None:
                continue
            codes = areas.index.codes
            lng = [entry.values["lng"] for entry in blank]
            lat = [entry.values["lat"] for entry in blank]
            for entry, row in zip(blank, areas.index.locate(lng, lat).tolist(), strict=True):
                if row >= 0:
                    entry.values["division"] = str(codes[row])
    for entry in blank:
        if entry.values["division"] is None:
            entry.cells.fail("division", "division_unfound")
        else:
            entry.divisions.append(("division", entry.values["division"]))
