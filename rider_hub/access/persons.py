"""One person with two log-ins: staff and rider. Nobody verifies, approves or audits themselves."""

import hmac
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_tables import user
from rider_hub.access.actor import Actor
from rider_hub.access.keys import Keyring
from rider_hub.errors import Refused

__all__ = ["check_other_person", "person_indexes", "same_person"]


def same_person(actor: Actor, other_person_index: bytes | None) -> bool:
    """Say whether the person behind an account is the one with this phone index (a registration's, say).

    An account that states no phone, or a registration without one, is nobody's twin: where that matters, ask
    for a phone of every account that verifies.
    """
    if actor.person is None or other_person_index is None:
        return False
    return hmac.compare_digest(actor.person, other_person_index)


def check_other_person(actor: Actor, person_indexes: Iterable[bytes | None]) -> None:
    """Raise Refused, which looks like absence, where one of the phone indexes is the actor's own."""
    if any(same_person(actor, index) for index in person_indexes):
        raise Refused


async def person_indexes(connection: AsyncConnection, keys: Keyring, actor: Actor) -> list[bytes]:
    """Return every index the phone behind a staff account may stand under; none where it states no phone.

    The account's own row tells one. While keys are rotated the other rows may be under another key already,
    or not yet: so the phone is opened, and nobody gets past this check in those minutes.
    """
    own = actor.own or actor
    if own.person is None:
        return []
    query = select(user.c.id, user.c.sealed).where(user.c.username == own.id.removeprefix("user:"))
    row = (await connection.execute(query)).first()
    if row is None or row.sealed is None:
        return [own.person]
    phone = keys.unseal("account", ("user_account", "sealed", row.id), row.sealed)["phone"]
    return [own.person, *keys.blinds("index", "phone", phone)]
