"""Who sees a declared person's name: one table, asked wherever a name could stand beside a membership.

The person; the home organization, for its own verification; the bodies named in that person's live consent;
nobody else, whatever their role or region. Consent is read at the moment of use and handed in.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final

from rider_hub.access import Actor, Role
from rider_hub.consent.model import Purpose
from rider_hub.membership.model import Consent

__all__ = ["NAMES", "Relation", "opens_name", "relation_of", "sees_name", "works_for"]


class Relation(StrEnum):
    """What a viewer is to a person who declared."""

    PERSON = "person"
    #: Works for the body, whose name stands in the consent asked about.
    BODY = "body"
    OTHER = "other"


#: Relation → the purposes whose live consent, naming the viewer's body, opens the name. The person needs
#: none, nobody else has any. A home organization is the body of a consent to verification.
NAMES: Final[dict[Relation, frozenset[str] | None]] = {
    Relation.PERSON: None,
    Relation.BODY: frozenset({Purpose.DECLARATION, Purpose.PARTY_ACTIVITIES, Purpose.VERIFICATION}),
    Relation.OTHER: frozenset(),
}
#: A body acts through these; county, street and administrators are not the body, in whatever region.
_BODYS_ROLES: Final = frozenset({Role.BRANCH_SECRETARY})


def works_for(actor: Actor, body: str) -> bool:
    """Say whether an actor may act for a party organization."""
    own = actor.own or actor
    return bool(own.roles & _BODYS_ROLES) and body in own.organizations


def relation_of(actor: Actor, persons: Collection[str], body: str) -> Relation:
    """Return what a viewer is to a person (all their pseudonyms) as to one body."""
    if actor.rider_id is not None:
        return Relation.PERSON if actor.rider_id in persons else Relation.OTHER
    return Relation.BODY if works_for(actor, body) else Relation.OTHER


def opens_name(actor: Actor, consent: Consent) -> bool:
    """Say whether one live consent, of somebody else, opens the name to a viewer."""
    opening = NAMES[relation_of(actor, (), consent.body)] or frozenset()
    return consent.purpose in opening


def sees_name(
    actor: Actor, *, persons: Collection[str], live: Iterable[Consent], purpose: str | None = None
) -> bool:
    """Say whether a viewer may see the name of a person who declared, for one purpose or for any.

    `live` are the person's consents that are live now. Whatever the others, the declaration itself must be:
    a membership whose declaration was withdrawn is nobody's to see but the person's.
    """
    if actor.rider_id is not None:
        return relation_of(actor, persons, "") is Relation.PERSON
    consents = list(live)
    declared = any(consent.purpose == Purpose.DECLARATION for consent in consents)
    asked = [consent for consent in consents if purpose in {None, consent.purpose}]
    return declared and any(opens_name(actor, consent) for consent in asked)
