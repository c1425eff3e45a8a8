"""Tests of who answers for a place where several cover it."""

from hypothesis import given
from hypothesis import strategies as st

from rider_hub.organizations.model import Organization, OrganizationKind
from rider_hub.organizations.rules import choose_covering, choose_industry


def organization(code: str, kind: str, division: str = "110101") -> Organization:
    """Return an organization with defaults."""
    return Organization(code, code, kind, "station", None, division)


def test_an_own_branch_comes_before_a_joint_branch_before_others() -> None:
    """Article 28: own branch, joint branch, then the rest; the code decides among equals."""
    committee = organization("A", OrganizationKind.COMMITTEE)
    joint = organization("B", OrganizationKind.JOINT_BRANCH)
    own, later = organization("C", OrganizationKind.BRANCH), organization("D", OrganizationKind.BRANCH)
    assert choose_covering([committee, joint, later, own]) == own
    assert choose_covering([committee, joint]) == joint
    assert choose_covering([committee]) == committee
    assert choose_covering([]) is None


@given(
    st.lists(
        st.tuples(st.text("ABC", min_size=1, max_size=3), st.sampled_from(OrganizationKind)),
        min_size=1,
        unique_by=lambda pair: pair[0],
    ).flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs)))
)
def test_the_order_given_never_matters(pairs: tuple[list[tuple[str, str]], list[tuple[str, str]]]) -> None:
    """The same candidates give the same organization in whatever order they come."""
    first, second = ([organization(*pair) for pair in one] for one in pairs)
    assert choose_covering(first) == choose_covering(second)


def test_the_countys_industry_organization_comes_before_the_citys() -> None:
    """The nearest industry organization around the county is chosen; one of another county never."""
    city = organization("A", OrganizationKind.INDUSTRY_ORGANIZATION, "1101")
    county = organization("B", OrganizationKind.INDUSTRY_ORGANIZATION, "110101")
    other = organization("0", OrganizationKind.INDUSTRY_ORGANIZATION, "110105")
    assert choose_industry([city, other, county], "110101") == county
    assert choose_industry([city, other], "110101") == city
    assert choose_industry([other], "110101") is None
