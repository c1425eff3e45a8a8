"""Loads a county's network for matching: stations, who covers what, instructors; decides by rules only."""

from collections import defaultdict
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.organizations.model import (
    Instructor,
    Network,
    Organization,
    OrganizationKind,
    StationPlace,
    global_ref,
)
from rider_hub.organizations.rules import choose_covering, choose_industry
from rider_hub.organizations.store import active_on, valid_on
from rider_hub.organizations.tables import coverage, instructor, party_organization, station

__all__ = ["load", "load_ladder", "to_organization"]

_COUNTY_DIGITS = 6
_STREET_DIGITS = 9


async def load(connection: AsyncConnection, county: str, on: date) -> Network:
    """Return the network of one county on one day."""
    return Network(
        stations=await _stations(connection, county, on),
        covering=await _covering(connection, county, on),
        industry=await _industry(connection, county, on),
        instructors=await _instructors(connection, county, on),
    )


async def load_ladder(connection: AsyncConnection, community: str, on: date) -> Network:
    """Return only who answers for one community on one day: itself, its street, its county (article 10)."""
    county = community[:_COUNTY_DIGITS]
    places = (community, community[:_STREET_DIGITS], county)
    return Network(
        covering=await _covering(connection, county, on, coverage.c.covered_ref.in_(places)),
        industry=await _industry(connection, county, on),
    )


def _inside(column: ColumnElement[str], county: str) -> ColumnElement[bool]:
    return and_(column >= county, column < county + ":")


async def _stations(connection: AsyncConnection, county: str, on: date) -> dict[str, StationPlace]:
    query = (
        select(station)
        .where(_inside(station.c.division, county), active_on(on))
        .order_by(station.c.platform, station.c.station_ref)
    )
    found = {}
    for row in (await connection.execute(query)).mappings():
        ref = global_ref(row["platform"], row["station_ref"])
        found[ref] = StationPlace(
            ref=ref,
            name=row["name"],
            platform=row["platform"],
            stated_community=row["stated_community"],
            division=row["division"],
            lng=row["lng"],
            lat=row["lat"],
        )
    return found


async def _covering(
    connection: AsyncConnection, county: str, on: date, *only: ColumnElement[bool]
) -> dict[tuple[str, str], Organization]:
    query = (
        select(party_organization, coverage.c.covered_kind, coverage.c.covered_ref)
        .join(coverage, coverage.c.organization == party_organization.c.code)
        .where(_inside(party_organization.c.division, county))
        .where(valid_on(party_organization, on), valid_on(coverage, on), *only)
    )
    candidates: dict[tuple[str, str], list[Organization]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        candidates[row["covered_kind"], row["covered_ref"]].append(to_organization(row))
    chosen = {place: choose_covering(candidates[place]) for place in sorted(candidates)}
    return {place: one for place, one in chosen.items() if one is not None}


async def _industry(connection: AsyncConnection, county: str, on: date) -> Organization | None:
    around = [county[:length] for length in (2, 4, 6) if length <= len(county)]
    query = select(party_organization).where(
        party_organization.c.kind == OrganizationKind.INDUSTRY_ORGANIZATION,
        party_organization.c.division.in_(around),
        valid_on(party_organization, on),
    )
    rows: Any = (await connection.execute(query)).mappings()
    return choose_industry([to_organization(row) for row in rows], county)


async def _instructors(connection: AsyncConnection, county: str, on: date) -> dict[str, Instructor]:
    """Return posts by street; of several in one street the smallest code."""
    query = (
        select(instructor)
        .where(_inside(instructor.c.division, county), valid_on(instructor, on))
        .order_by(instructor.c.code.desc())
    )
    rows = (await connection.execute(query)).mappings()
    return {row["division"]: Instructor(row["code"], row["title"], row["division"]) for row in rows}


def to_organization(row: RowMapping) -> Organization:
    """Return the value a row of the table describes."""
    return Organization(
        code=row["code"],
        name=row["name"],
        kind=row["kind"],
        host_kind=row["host_kind"],
        parent=row["parent"],
        division=row["division"],
    )
