"""Values of the organization network: organizations, stations, instructors' posts; no query, no rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

__all__ = [
    "CoveredKind",
    "HostKind",
    "Instructor",
    "Network",
    "Organization",
    "OrganizationKind",
    "StationPlace",
    "global_ref",
]


class OrganizationKind(StrEnum):
    """The kinds of party organization (GLOSSARY)."""

    COMMITTEE = "committee"
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"
    JOINT_BRANCH = "joint_branch"
    MOBILE_MEMBER_BRANCH = "mobile_member_branch"
    INDUSTRY_ORGANIZATION = "industry_organization"

    @property
    def title_zh(self) -> str:
        """The kind's name on pages."""
        return _KINDS[self]


_KINDS = {
    OrganizationKind.COMMITTEE: "党委",
    OrganizationKind.GENERAL_BRANCH: "党总支",
    OrganizationKind.BRANCH: "党支部",
    OrganizationKind.JOINT_BRANCH: "联合党支部",
    OrganizationKind.MOBILE_MEMBER_BRANCH: "流动党员党支部",
    OrganizationKind.INDUSTRY_ORGANIZATION: "行业党组织",
}


class HostKind(StrEnum):
    """What an organization is attached to (依托单位, article 28)."""

    STREET = "street"
    COMMUNITY = "community"
    PARK = "park"
    PLATFORM = "platform"
    PARTNER = "partner"
    STATION = "station"
    ASSOCIATION = "association"

    @property
    def title_zh(self) -> str:
        """The host's name on pages."""
        return _HOSTS[self]


_HOSTS = {
    HostKind.STREET: "街道(乡镇)",
    HostKind.COMMUNITY: "社区(村)",
    HostKind.PARK: "园区",
    HostKind.PLATFORM: "平台企业",
    HostKind.PARTNER: "合作企业",
    HostKind.STATION: "配送站点",
    HostKind.ASSOCIATION: "行业协会",
}


class CoveredKind(StrEnum):
    """What an organization may cover."""

    STATION = "station"
    COMMUNITY = "community"
    STREET = "street"
    COUNTY = "county"


class Organization(msgspec.Struct, frozen=True):
    """A party organization as matching needs it."""

    code: str
    name: str
    kind: str
    host_kind: str
    parent: str | None
    division: str


class StationPlace(msgspec.Struct, frozen=True):
    """A delivery station and where it lies (WGS 84); `ref` is global, "platform/station_ref"."""

    ref: str
    name: str
    platform: str
    stated_community: str | None
    division: str
    lng: float | None
    lat: float | None


class Instructor(msgspec.Struct, frozen=True):
    """An instructor's post in a street; a post, never a person."""

    code: str
    title: str
    division: str


@dataclass(frozen=True)
class Network:
    """A county's stations, organizations and posts on one day.

    `covering` names the one organization that covers ("station", ref), ("community", code),
    ("street", code) or ("county", code); see rules.precedence for the order where there are several.
    """

    stations: Mapping[str, StationPlace] = field(default_factory=dict)
    covering: Mapping[tuple[str, str], Organization] = field(default_factory=dict)
    industry: Organization | None = None
    instructors: Mapping[str, Instructor] = field(default_factory=dict)


def global_ref(platform: str, station_ref: str) -> str:
    """Return the name of a station that is unique over all platforms."""
    return f"{platform}/{station_ref}"
