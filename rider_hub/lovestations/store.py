"""Queries over the registry of love stations, which anyone may see."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, RowMapping, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.lovestations.model import LoveStation, LoveStations
from rider_hub.lovestations.tables import love_station

__all__ = ["current", "find", "in_box", "to_love_station", "valid_on"]


def valid_on(on: date) -> ColumnElement[bool]:
    """Return the condition for entries in force on a day, both ends included."""
    until = love_station.c.valid_to
    return and_(love_station.c.valid_from <= on, or_(until.is_(None), until >= on))


async def current(connection: AsyncConnection, county: str, on: date) -> LoveStations:
    """Return the love stations of one county on one day, ordered by code."""
    column = love_station.c.division
    query = select(love_station).where(column >= county, column < county + ":", valid_on(on))
    return _columns(await _rows(connection, query))


async def in_box(
    connection: AsyncConnection, box: tuple[float, float, float, float], on: date
) -> LoveStations:
    """Return the love stations on one day inside west, south, east, north."""
    west, south, east, north = box
    query = select(love_station).where(
        love_station.c.lng.between(west, east), love_station.c.lat.between(south, north), valid_on(on)
    )
    return _columns(await _rows(connection, query))


async def find(connection: AsyncConnection, codes: Sequence[str]) -> dict[str, LoveStation]:
    """Return love stations by their codes, those no longer in force too; unknown codes are absent."""
    query = select(love_station).where(love_station.c.code.in_(sorted(set(codes))))
    return {row.code: row for row in await _rows(connection, query)}


def to_love_station(row: RowMapping) -> LoveStation:
    """Return the value a row of the table describes."""
    return LoveStation(
        code=row["code"],
        name=row["name"],
        address=row["address"],
        division=row["division"],
        lng=row["lng"],
        lat=row["lat"],
        services=tuple(row["services"]),
        opening_hours=row["opening_hours"],
        capacity=row["capacity"],
        verified_on=row["verified_on"],
    )


async def _rows(connection: AsyncConnection, query: Select[Any]) -> list[LoveStation]:
    rows = (await connection.execute(query.order_by(love_station.c.code))).mappings()
    return [to_love_station(row) for row in rows]


def _columns(rows: list[LoveStation]) -> LoveStations:
    return LoveStations(
        codes=[row.code for row in rows],
        lng=np.array([row.lng for row in rows], dtype=np.float64),
        lat=np.array([row.lat for row in rows], dtype=np.float64),
        rows=rows,
    )
