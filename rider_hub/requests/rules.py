"""Who answers for a request and who watches when nobody does (articles 10, 20, 29); pure."""

from dataclasses import dataclass
from typing import Final

from rider_hub.organizations.model import CoveredKind, Network, Organization
from rider_hub.requests.model import CONFIDENTIAL, Category

__all__ = ["REASONS", "Routing", "escalate", "explain", "route"]

_STREET, _COUNTY = 9, 6

#: Reason code → the sentence clerk and rider read. Articles of 国市监注发〔2023〕75号, in force since 2023.
REASONS: Final = {
    "community_first": "该社区党组织首接负责（第 20、29 条）",
    "fallback_street": "该社区暂无党组织，由街道兜底受理（第 10 条）",
    "fallback_county": "街道暂无可受理的党组织，由区县外卖配送行业党组织兜底（第 10 条）",
    "category_industry": "报酬结算涉及平台企业，由区县外卖配送行业党组织受理（第 29 条）",
    "counselling_officer": "心理疏导、法律求助只由心理法律专员办理，街道、区县工作人员和其他单位都看不到",
    "no_organization": "该地暂无可受理的党组织，待区县指定（第 10 条）",
}


@dataclass(frozen=True)
class Routing:
    """The responsible organization and why; None where nobody answers for the place yet."""

    organization: Organization | None
    reason: str


def route(network: Network, category: Category, community: str) -> Routing:
    """Return who receives a request first and answers for it (首接负责).

    The place decides: the community's organization, else the street's, else the county's. What concerns the
    platform companies themselves goes to the county's industry organization at once. Counselling and legal
    requests go to their officer and to no organization. A request nobody
    answers for is kept and shown to the county, never refused.
    """
    if category in CONFIDENTIAL:
        return Routing(None, "counselling_officer")
    rungs = _ladder(network, community)
    if category is Category.PAY and rungs["county"] is not None:
        return Routing(rungs["county"], "category_industry")
    reasons = {"community": "community_first", "street": "fallback_street", "county": "fallback_county"}
    for rung, reason in reasons.items():
        if (found := rungs[rung]) is not None:
            return Routing(found, reason)
    return Routing(None, "no_organization")


def escalate(network: Network, community: str, responsible: str | None) -> Organization | None:
    """Return who watches over an overdue request: the next rung above the responsible organization.

    None where the county itself is responsible. An organization that is no longer on the ladder (dissolved
    since) is taken for a community's.
    """
    ladder = _ladder(network, community)
    rungs = [one for one in ladder.values() if one is not None]
    codes = [one.code for one in rungs]
    start = codes.index(responsible) + 1 if responsible in codes else int(ladder["community"] is not None)
    return next((one for one in rungs[start:] if one.code != responsible), None)


def explain(reason: str) -> str:
    """Return the sentence of a reason code; an unknown code is shown as it is."""
    return REASONS.get(reason, reason)


def _ladder(network: Network, community: str) -> dict[str, Organization | None]:
    street, county = community[:_STREET], community[:_COUNTY]
    return {
        "community": network.covering.get((CoveredKind.COMMUNITY, community)),
        "street": network.covering.get((CoveredKind.STREET, street)),
        "county": network.industry or network.covering.get((CoveredKind.COUNTY, county)),
    }
