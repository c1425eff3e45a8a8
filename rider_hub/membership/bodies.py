"""The organizations a rider may choose to be seen by: those of the place where the rider works."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.organizations.tables import party_organization
from rider_hub.riders.tables import rider

__all__ = ["Body", "is_choice", "nearby_bodies"]

_COUNTY = 6
_LEVELS = (12, 9, 6)


@dataclass(frozen=True)
class Body:
    """An organization as it is offered."""

    code: str
    name: str


async def nearby_bodies(connection: AsyncConnection, rider_id: str, on: date) -> list[Body]:
    """Return the organizations of the rider's community, street and county, the nearest first."""
    division = await _division(connection, rider_id)
    own = [division[:level] for level in _LEVELS if level <= len(division)]
    query = select(party_organization.c.code, party_organization.c.name, party_organization.c.division).where(
        party_organization.c.division.in_(own), _valid(on)
    )
    rows = (await connection.execute(query)).all()
    rows = sorted(rows, key=lambda row: (-len(row.division), row.code))
    return [Body(row.code, row.name) for row in rows]


async def is_choice(connection: AsyncConnection, rider_id: str, body: str, on: date) -> bool:
    """Say whether a body is a valid organization of the rider's county; others don't know the place."""
    county = (await _division(connection, rider_id))[:_COUNTY]
    query = select(party_organization.c.code).where(
        party_organization.c.code == body,
        party_organization.c.division >= county,
        party_organization.c.division < county + ":",
        _valid(on),
    )
    return bool(county) and (await connection.execute(query)).first() is not None


def _valid(on: date) -> ColumnElement[bool]:
    until = party_organization.c.valid_to
    return and_(party_organization.c.valid_from <= on, or_(until.is_(None), until > on))


async def _division(connection: AsyncConnection, rider_id: str) -> str:
    found = await connection.execute(select(rider.c.division).where(rider.c.id == rider_id))
    return found.scalar_one_or_none() or ""
