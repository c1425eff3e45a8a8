"""A request goes to the nearest organization that answers for the place, with the reason said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.organizations.model import Network, Organization
from rider_hub.requests.model import Category
from rider_hub.requests.rules import REASONS, escalate, explain, route

COMMUNITY, STREET, COUNTY = "110101001001", "110101001", "110101"
_PLACES = {"community": COMMUNITY, "street": STREET, "county": COUNTY}


def _organization(code: str) -> Organization:
    return Organization(code, code, "committee", "street", None, COUNTY)


def _network(*rungs: str, industry: bool = False) -> Network:
    covering = {(rung, _PLACES[rung]): _organization(rung) for rung in rungs}
    return Network(covering=covering, industry=_organization("industry") if industry else None)


@pytest.mark.parametrize(
    ("rungs", "industry", "receiver", "reason"),
    [
        (("community", "street", "county"), True, "community", "community_first"),
        (("street", "county"), True, "street", "fallback_street"),
        (("county",), False, "county", "fallback_county"),
        (("county",), True, "industry", "fallback_county"),
        ((), True, "industry", "fallback_county"),
    ],
)
def test_the_ladder_of_article_10(rungs: tuple[str, ...], industry: bool, receiver: str, reason: str) -> None:
    """The community answers first, else the street, else the county's industry organization."""
    routing = route(_network(*rungs, industry=industry), Category.ENTRY, COMMUNITY)
    assert routing.organization is not None
    assert (routing.organization.code, routing.reason) == (receiver, reason)


def test_pay_goes_to_the_industry_organization_at_once() -> None:
    """A community can't settle what platforms pay; without an industry organization it still receives it."""
    full = route(_network("community", industry=True), Category.PAY, COMMUNITY)
    assert full.organization is not None
    assert (full.organization.code, full.reason) == ("industry", "category_industry")
    alone = route(_network("community"), Category.PAY, COMMUNITY)
    assert alone.reason == "community_first"


def test_a_request_nobody_answers_for_is_kept() -> None:
    """It waits for the county to name somebody; it is not refused."""
    assert route(Network(), Category.OTHER, COMMUNITY).reason == "no_organization"


def test_escalation_climbs_one_rung_and_ends_at_the_county() -> None:
    """Community → street → county → nobody above."""
    network = _network("community", "street", industry=True)
    climbed = []
    responsible: str | None = "community"
    while responsible:
        above = escalate(network, COMMUNITY, responsible)
        responsible = above.code if above else None
        climbed.append(responsible)
    assert climbed == ["street", "industry", None]


def test_a_dissolved_organization_escalates_like_a_community() -> None:
    """Whoever watches is never the organization that is gone, nor the community that took its place."""
    above = escalate(_network("community", "street"), COMMUNITY, "gone")
    assert above is not None
    assert above.code == "street"
    without = escalate(_network("street"), COMMUNITY, "gone")
    assert without is not None
    assert without.code == "street"


@given(st.sets(st.sampled_from(sorted(_PLACES))), st.booleans(), st.sampled_from(Category))
def test_every_routing_says_why(rungs: set[str], industry: bool, category: Category) -> None:
    """Whatever organizations exist, the reason has a sentence; escalation never returns the responsible."""
    network = _network(*sorted(rungs), industry=industry)
    routing = route(network, category, COMMUNITY)
    assert routing.reason in REASONS
    assert explain(routing.reason) == REASONS[routing.reason]
    assert (routing.organization is None) == (routing.reason in {"no_organization", "counselling_officer"})
    if routing.organization is not None:
        above = escalate(network, COMMUNITY, routing.organization.code)
        assert above is None or above.code != routing.organization.code


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    """A reason of a newer version is not hidden."""
    assert explain("later") == "later"
