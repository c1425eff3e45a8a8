"""Who sees a declared person's name: the one table, whole, and the use cases that ask it."""

from datetime import UTC, datetime
from itertools import chain, combinations

import pytest

from rider_hub.access import Actor, Role, Scope
from rider_hub.access.actor import STAFF_ROLES
from rider_hub.consent.model import PURPOSE_TITLES, Purpose
from rider_hub.membership.model import Consent
from rider_hub.membership.visibility import NAMES, Relation, relation_of, sees_name
from tests.factories import staff

BODY, OTHER_BODY = "ZB-1", "ZB-2"
_PURPOSES = tuple(PURPOSE_TITLES)
#: Said by hand: with the declaration live, a consent to one of these, naming the body, opens the name to it.
_OPENING = {Purpose.DECLARATION, Purpose.PARTY_ACTIVITIES, Purpose.VERIFICATION}


def _consent(purpose: str, body: str) -> Consent:
    return Consent("1", "r1", purpose, body, 1, datetime(2026, 11, 1, tzinfo=UTC))


def _states() -> list[tuple[Consent, ...]]:
    """Return every set of consents to the two bodies that can be live at once."""
    each = [_consent(purpose, body) for purpose in _PURPOSES for body in (BODY, OTHER_BODY)]
    return list(chain.from_iterable(combinations(each, size) for size in range(len(each) + 1)))


def _viewers() -> dict[str, Actor]:
    """Return the person, another rider, and every role of staff inside and outside the body."""
    viewers = {"person": Actor.rider("r1"), "linked": Actor.rider("r0"), "rider": Actor.rider("r2")}
    for role in sorted(STAFF_ROLES):
        viewers[f"{role} of the body"] = staff(role, organizations=frozenset({BODY}))
        viewers[f"{role} of the place"] = staff(role, divisions=("11",))
    viewers["operator"] = Actor("operator", "控制台", frozenset(STAFF_ROLES), Scope.all())
    viewers["job"] = Actor.job("x")
    viewers["sender"] = Actor.sender("jia")
    return viewers


@pytest.mark.parametrize("name", sorted(_viewers()))
def test_the_table_holds_for_every_viewer_and_every_state_of_consent(name: str) -> None:
    """The person always; a body's secretary under live consent that names the body; nobody else ever."""
    viewer = _viewers()[name]
    for state in _states():
        seen = sees_name(viewer, persons=["r1", "r0"], live=state)
        if name in {"person", "linked"}:
            assert seen
        elif name == f"{Role.BRANCH_SECRETARY} of the body":
            declared = any(one.purpose == Purpose.DECLARATION for one in state)
            assert seen == (
                declared and any(one.body == BODY and one.purpose in _OPENING for one in state)
            ), state
        else:
            assert not seen, state


def test_withdrawing_what_opens_the_name_closes_it() -> None:
    """Of any state that shows a name to a body, taking away the consents that name the body hides it."""
    viewer = staff(Role.BRANCH_SECRETARY, organizations=frozenset({BODY}))
    shown = [state for state in _states() if sees_name(viewer, persons=["r1"], live=state)]
    assert shown
    for state in shown:
        left = [one for one in state if one.body != BODY]
        assert not sees_name(viewer, persons=["r1"], live=left)


def test_the_table_knows_every_purpose_and_relation() -> None:
    """A new purpose or relation must be put into the table or left out of it on purpose."""
    assert NAMES.keys() == set(Relation)
    assert NAMES[Relation.OTHER] == frozenset()
    assert NAMES[Relation.BODY] == set(_PURPOSES) - {Purpose.OPEN_ACTIVITIES}
    assert relation_of(Actor.job("x"), ["r1"], BODY) is Relation.OTHER
