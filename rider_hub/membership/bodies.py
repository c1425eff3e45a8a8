"""The organizations a rider may choose to be seen by: those of the place where the rider works."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.errors import Failure, Invalid
from rider_hub.organizations.tables import party_organization
from rider_hub.riders.tables import rider

__all__ = ["MOST_FOUND", "Body", "check_body", "nearby_bodies", "search_bodies"]

#: At most so many are found; the page then asks for more of the name.
MOST_FOUND, _FEWEST_SIGNS = 20, 2

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


async def search_bodies(connection: AsyncConnection, rider_id: str, words: str, on: date) -> list[Body]:
    """Return organizations of the rider's county whose name holds these words, by name, at most 20."""
    county = (await _division(connection, rider_id))[:_COUNTY]
    words = " ".join(words.split())
    if not county or len(words) < _FEWEST_SIGNS:
        return []
    table = party_organization.c
    query = select(table.code, table.name).where(
        table.division >= county,
        table.division < county + ":",
        table.name.contains(words, autoescape=True),
        _valid(on),
    )
    rows = await connection.execute(query.order_by(table.name, table.code).limit(MOST_FOUND))
    return [Body(row.code, row.name) for row in rows]


async def check_body(connection: AsyncConnection, rider_id: str, body: str, on: date) -> None:
    """Raise Invalid for a body that is no organization of the rider's county."""
    if not await _is_choice(connection, rider_id, body, on):
        zh, en = "请从列出的党组织中选择一个。", "Choose one of the organizations listed."
        raise Invalid(zh, en, errors=[Failure(row=0, path="body", code="body_unknown", zh=zh, en=en)])


async def _is_choice(connection: AsyncConnection, rider_id: str, body: str, on: date) -> bool:
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
