"""Queries over organizations, what they cover, stations and posts; every list takes the viewer's scope."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import ColumnElement, Table, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Scope
from rider_hub.organizations.tables import instructor, party_organization, station
from rider_hub.storage import in_batches

__all__ = ["active_on", "instructor_titles", "station_titles", "stations_in", "titles", "valid_on"]

_CODES_A_QUERY = 500


def valid_on(table: Table, on: date) -> ColumnElement[bool]:
    """Return the condition for rows in force on a day, both ends included."""
    return and_(table.c.valid_from <= on, or_(table.c.valid_to.is_(None), table.c.valid_to >= on))


def stations_in(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for stations in a scope: of its region, its platform, its partner."""
    return scope.where(station.c.division, station.c.platform, station.c.partner)


def active_on(on: date) -> ColumnElement[bool]:
    """Return the condition for stations at work on a day."""
    return and_(
        station.c.retracted.is_(False),
        or_(station.c.active_from.is_(None), station.c.active_from <= on),
        or_(station.c.active_to.is_(None), station.c.active_to >= on),
    )


async def titles(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, str]:
    """Return the names of organizations; unknown codes are absent."""
    return await _words(connection, party_organization.c.code, party_organization.c.name, codes)


async def instructor_titles(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, str]:
    """Return the titles of instructors' posts; unknown codes are absent."""
    return await _words(connection, instructor.c.code, instructor.c.title, codes)


async def station_titles(connection: AsyncConnection, refs: Collection[str]) -> dict[str, str]:
    """Return the names of stations by their global refs; unknown refs are absent."""
    ref = station.c.platform + "/" + station.c.station_ref
    platforms = {one.partition("/")[0] for one in refs}
    own = {one.partition("/")[2] for one in refs}
    query = select(ref, station.c.name).where(
        station.c.platform.in_(platforms), station.c.station_ref.in_(own)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def _words(
    connection: AsyncConnection, key: ColumnElement[str], word: ColumnElement[str], codes: Iterable[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in in_batches(sorted(set(codes)), _CODES_A_QUERY):
        rows = await connection.execute(select(key, word).where(key.in_(part)))
        found.update({row[0]: row[1] for row in rows})
    return found
