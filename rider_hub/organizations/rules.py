"""Which organization answers for a place where several cover it; pure."""

from collections.abc import Iterable
from typing import Final

from rider_hub.organizations.model import HostKind, Organization, OrganizationKind

__all__ = ["HOSTS", "choose_covering", "choose_industry", "precedence"]

#: 国市监注发〔2023〕75号, article 28 (in force since 2023): the bodies an organization may be attached to.
HOSTS: Final = frozenset(HostKind)

#: Article 28 puts a branch of the station's own first, a joint branch where there is none; the rest follow,
#: the nearer to the work floor the earlier. A kind that does not stand here comes last.
_ORDER: Final = {
    OrganizationKind.BRANCH: 0,
    OrganizationKind.JOINT_BRANCH: 1,
    OrganizationKind.GENERAL_BRANCH: 2,
    OrganizationKind.COMMITTEE: 3,
    OrganizationKind.INDUSTRY_ORGANIZATION: 4,
    OrganizationKind.MOBILE_MEMBER_BRANCH: 5,
}


def precedence(organization: Organization) -> tuple[int, str]:
    """Return the order among organizations that cover one place: own branch, joint branch, others; code."""
    kind = organization.kind
    rank = _ORDER[OrganizationKind(kind)] if kind in _ORDER else len(_ORDER)
    return rank, organization.code


def choose_covering(candidates: Iterable[Organization]) -> Organization | None:
    """Return the one organization that answers for a place, the same whatever the order given."""
    return min(candidates, key=precedence, default=None)


def choose_industry(candidates: Iterable[Organization], county: str) -> Organization | None:
    """Return the county's industry organization: its own before its city's, then the smallest code."""
    kind = OrganizationKind.INDUSTRY_ORGANIZATION
    around = [one for one in candidates if one.kind == kind and county.startswith(one.division)]
    return min(around, key=lambda one: (-len(one.division), one.code), default=None)
