"""With which phone a rider reaches what they declared: only the one that signed in first."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Keyring
from rider_hub.errors import HubError
from rider_hub.riders.indexes import no_phone_yet
from rider_hub.riders.persons import same_person
from rider_hub.riders.tables import rider

__all__ = ["check_own_phone", "has_own_phone", "same_person"]


async def has_own_phone(connection: AsyncConnection, keys: Keyring, actor: Actor) -> bool:
    """Say whether a rider signed in with the phone of the first sign-in, of every linked pseudonym.

    Whoever sends registrations can put a phone of its own into one; it must never open what a rider
    declared. The answer depends on sign-ins alone, so it tells nothing of declarations.
    """
    persons = await same_person(connection, actor.rider_id or "")
    query = select(rider.c.id, rider.c.first_phone).where(rider.c.id.in_(persons))
    marks = (await connection.execute(query)).all()
    # Of a rider who was erased there is no row, and a session left over opens nothing.
    return bool(marks) and all(
        row.first_phone in (None, actor.phone, no_phone_yet(keys, row.id)) for row in marks
    )


async def check_own_phone(connection: AsyncConnection, keys: Keyring, actor: Actor) -> None:
    """Raise PhoneNotConfirmed for another phone than that of the first sign-in."""
    if not await has_own_phone(connection, keys, actor):
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
