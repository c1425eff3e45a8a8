"""One person with two log-ins: staff and rider. Nobody verifies, approves or audits themselves."""

import hmac
from collections.abc import Iterable

from rider_hub.access.actor import Actor
from rider_hub.errors import Refused

__all__ = ["check_other_person", "same_person"]


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
