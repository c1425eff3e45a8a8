"""Which pseudonyms are one person: after a link, what was consented to before stays in reach."""

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor
from rider_hub.errors import HubError
from rider_hub.riders.linking import homes_of
from rider_hub.riders.model import LinkState
from rider_hub.riders.tables import identity_link, registration, rider

__all__ = ["check_own_phone", "has_own_phone", "same_person"]

_IN_FORCE = (LinkState.LINKED, LinkState.CONFIRMED)


async def has_own_phone(connection: AsyncConnection, actor: Actor) -> bool:
    """Say whether a rider signed in with the phone of the first sign-in, of every linked pseudonym.

    Whoever sends registrations can put a phone of its own into one; it must never open what a rider
    declared. The answer depends on sign-ins alone, so it tells nothing of declarations.
    """
    persons = await same_person(connection, actor.rider_id or "")
    query = select(rider.c.first_phone).where(rider.c.id.in_(persons), rider.c.first_phone.is_not(None))
    return all(mark == actor.phone for mark in (await connection.execute(query)).scalars())


async def check_own_phone(connection: AsyncConnection, actor: Actor) -> None:
    """Raise PhoneNotConfirmed for another phone than that of the first sign-in."""
    if not await has_own_phone(connection, actor):
        raise PhoneNotConfirmed


class PhoneNotConfirmed(HubError):
    """The rider signed in with another phone than the first time."""

    status = 403
    default_code = "phone_not_confirmed"

    def __init__(self) -> None:
        super().__init__(
            "为保护您的隐私，党员申报和活动邀请只对您第一次登录时的手机号开放。"
            "换了号码，请到街道或社区当面核验后再登录。其他服务不受影响。",
            "Declarations and invitations open only to the phone of your first sign-in. "
            "With a new number, have it confirmed in person at the street office; all else works as before.",
        )


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
