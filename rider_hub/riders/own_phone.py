"""With which phone a rider reaches what is theirs alone: the one that signed in first (decision 0006)."""

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Keyring
from rider_hub.errors import HubError, Refused
from rider_hub.riders.indexes import first_phone_mark, no_phone_yet, phone_confirmed, phone_indexes
from rider_hub.riders.model import RegistrationState
from rider_hub.riders.persons import same_person
from rider_hub.riders.store import is_known
from rider_hub.riders.tables import registration, rider

__all__ = ["PhoneNotConfirmed", "check_own_phone", "has_own_phone", "keep_first_phone", "own_reach"]


async def has_own_phone(connection: AsyncConnection, keys: Keyring, actor: Actor) -> bool:
    """Say whether a rider signed in with the phone of the first sign-in, of every linked pseudonym.

    Whoever sends registrations can put a phone of its own into one; it must never open what is the rider's
    own. The answer depends on sign-ins alone, so it tells nothing of declarations.
    """
    return await _own_persons(connection, keys, actor) is not None


async def check_own_phone(connection: AsyncConnection, keys: Keyring, actor: Actor) -> list[str]:
    """Return the rider's pseudonyms, the present one first.

    Raises PhoneNotConfirmed for another phone than the first, Refused for a rider who was erased.
    """
    persons = await _own_persons(connection, keys, actor)
    if persons is None:
        raise PhoneNotConfirmed if await is_known(connection, actor.rider_id or "") else Refused
    return persons


async def own_reach(connection: AsyncConnection, keys: Keyring, actor: Actor) -> frozenset[str]:
    """Return which registrations a rider may see: all with the own phone, else those that state this one."""
    query = select(registration.c.id, registration.c.sealed).where(registration.c.rider_id == actor.rider_id)
    rows = (await connection.execute(query)).mappings().all()
    if not await has_own_phone(connection, keys, actor):
        opened = {
            row["id"]: keys.unseal("personal", ("registration", "sealed", row["id"]), row["sealed"]).get(
                "phone"
            )
            for row in rows
            if row["sealed"]
        }
        return frozenset(
            id_ for id_, phone in opened.items() if phone and first_phone_mark(keys, phone) == actor.phone
        )
    return frozenset(row["id"] for row in rows)


async def keep_first_phone(connection: AsyncConnection, keys: Keyring, rider_id: str, phone: str) -> None:
    """Keep the phone of a first sign-in, where it is sure to be the rider's.

    Any sender may give another's identity hash with a phone of its own: so it is kept only where every
    registration that states a phone states this one, or staff confirmed the person face to face.
    """
    c = registration.c
    others = exists().where(
        c.rider_id == rider_id,
        c.state != RegistrationState.RETRACTED,
        c.phone_index.is_not(None),
        c.phone_index.not_in(phone_indexes(keys, phone)),
    )
    mark = rider.c.first_phone
    unset = or_(mark.is_(None), mark == no_phone_yet(keys, rider_id))
    first = or_(mark == phone_confirmed(keys, rider_id), and_(unset, ~others))
    mine = update(rider).where(rider.c.id == rider_id, first)
    await connection.execute(mine.values(first_phone=first_phone_mark(keys, phone)))


async def _own_persons(connection: AsyncConnection, keys: Keyring, actor: Actor) -> list[str] | None:
    persons = await same_person(connection, actor.rider_id or "")
    query = select(rider.c.id, rider.c.first_phone).where(rider.c.id.in_(persons))
    marks = {row.id: row.first_phone for row in (await connection.execute(query)).all()}
    # Of a rider who was erased there is no row, and a session left over opens nothing.
    if actor.rider_id not in marks:
        return None
    # What a pseudonym says that never signed in; of the rider as such it is not enough: this phone may be
    # one of several. An actor without a phone came through no session.
    unset = {
        each for each in marks if marks[each] in (None, no_phone_yet(keys, each), phone_confirmed(keys, each))
    }
    own = {each for each in marks if marks[each] == actor.phone and actor.phone is not None}
    first = own if actor.phone is not None else unset
    return persons if actor.rider_id in first and marks.keys() <= unset | own else None


class PhoneNotConfirmed(HubError):
    """The rider signed in with another phone than the first time, or with one of several."""

    status = 403
    default_code = "phone_not_confirmed"

    def __init__(self) -> None:
        super().__init__(
            "为保护您的隐私，党员申报、活动邀请、以前提的诉求、信息副本和删除只对您第一次登录时的手机号开放。"
            "换了号码，或者平台给您登记了几个不同的号码，请到街道或社区当面核验后再登录。其他服务不受影响。",
            "Declarations, invitations, earlier requests, the copy and erasure open only to the phone of "
            "your first sign-in. With a new number, or several registered ones, have it confirmed in person "
            "at the street office and sign in again; all else works as before.",
        )
