"""Which pseudonyms are one person: after a link, what was kept under another before stays in reach."""

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.riders.linking import homes_of
from rider_hub.riders.model import LinkState
from rider_hub.riders.tables import identity_link, registration

__all__ = ["same_person", "standing_for"]

_IN_FORCE = (LinkState.LINKED, LinkState.CONFIRMED)


async def same_person(connection: AsyncConnection, rider_id: str) -> list[str]:
    """Return the rider and those whose registrations all went over to this one by links in force.

    A rider who still has a registration is never among them: that may be somebody else.
    """
    mine = select(registration.c.id).where(registration.c.rider_id == rider_id)
    query = select(identity_link).where(
        identity_link.c.state.in_(_IN_FORCE),
        or_(identity_link.c.registration_a.in_(mine), identity_link.c.registration_b.in_(mine)),
    )
    rows = (await connection.execute(query)).mappings().all()
    named = {row["rider_before_b"] for row in rows}.union(*(homes_of(row).values() for row in rows))
    found = [rider_id]
    for other in sorted(named - {rider_id}):
        held = select(exists().where(registration.c.rider_id == other))
        if not (await connection.execute(held)).scalar_one():
            found.append(other)
    return found


async def standing_for(connection: AsyncConnection, rider_id: str) -> str:
    """Return who a pseudonym is now: itself, or the rider its registrations all went over to by a link."""
    held = select(exists().where(registration.c.rider_id == rider_id))
    if (await connection.execute(held)).scalar_one():
        return rider_id
    before = identity_link.c.evidence["rider_before_a"].as_string()
    query = select(identity_link).where(
        identity_link.c.state.in_(_IN_FORCE),
        or_(identity_link.c.rider_before_b == rider_id, before == rider_id),
    )
    for row in (await connection.execute(query)).mappings():
        sides = {row["registration_b"]: row["rider_before_b"]}
        sides[row["registration_a"]] = row["evidence"].get("rider_before_a")
        mine = [each for each, home in sides.items() if home == rider_id]
        now = select(registration.c.rider_id).where(registration.c.id.in_(mine))
        found = (await connection.execute(now)).scalars().first()
        if found is not None:
            return str(found)
    return rider_id
