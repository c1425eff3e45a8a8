"""Sets up the demo's party organizations, instructors and activities; what they cover is generated."""

from datetime import date, timedelta
from typing import Literal

import numpy as np

from rider_hub.demo.people import midnight
from rider_hub.demo.places import METRES_PER_DEGREE, Floats, Ground, community_label
from rider_hub.demo.world_model import (
    Activity,
    Cover,
    Instructor,
    Organization,
    OrganizationKind,
    Station,
)

COMMUNITY_KINDS: tuple[tuple[OrganizationKind | None, str, float], ...] = (
    ("committee", "党委", 0.40),
    ("general_branch", "党总支", 0.20),
    ("branch", "党支部", 0.30),
    (None, "", 0.10),  # left without one, so that the fallback shows
)
OWN_BRANCH_SHARE = 0.25
JOINT_SHARE = 0.25
JOINT_SIZES = (2, 3, 4)
NEIGHBOUR_M = 1500.0
ActivityKind = Literal["theme_day", "volunteering", "training"]
ACTIVITIES: tuple[tuple[ActivityKind, str, bool], ...] = (
    ("theme_day", "主题党日", False),
    ("volunteering", "社区志愿服务", True),
    ("training", "骑手安全与急救技能培训", True),
    ("volunteering", "骑手心愿墙与平安巡查", True),
)
ACTIVITY_DAYS = (-30, 45)


def build_organizations(
    ground: Ground, stations: tuple[Station, ...], *, rng: np.random.Generator
) -> tuple[Organization, ...]:
    """Return the county's tree: industry, mobile members, streets, communities and station branches."""
    county = ground.county
    industry = Organization(
        code=f"{county}-HY",
        name=f"{ground.county_name}外卖配送行业党委",
        kind="industry_organization",
        host_kind="association",
        host=f"{ground.county_name}外卖配送行业协会（示例）",
        parent=None,
        division=county,
        covers=(Cover("county", county),),
    )
    mobile = Organization(
        code=f"{county}-LD",
        name=f"{ground.county_name}外卖骑手流动党员党支部",
        kind="mobile_member_branch",
        host_kind="association",
        host=industry.host,
        parent=industry.code,
        division=county,
        covers=(),
    )
    return (
        industry,
        mobile,
        *_street_organizations(ground),
        *_community_organizations(ground, rng),
        *_station_organizations(stations, industry.code, rng),
    )


def build_instructors(ground: Ground) -> tuple[Instructor, ...]:
    """Return one instructor's post for each street."""
    return tuple(
        Instructor(code=f"ZDY-{code}", label=f"{name}党建工作指导员（示例）", street=code)
        for code, name in ground.street_names.items()
    )


def build_activities(
    ground: Ground,
    organizations: tuple[Organization, ...],
    count: int,
    *,
    today: date,
    rng: np.random.Generator,
) -> tuple[Activity, ...]:
    """Plan activities in riders' slack hours, from a month back to six weeks ahead, by time."""
    hosts = [o for o in organizations if o.kind != "mobile_member_branch"]
    chosen = rng.integers(0, len(hosts), size=count)
    chosen[0] = 0  # the industry organization always has one
    kinds = rng.integers(0, len(ACTIVITIES), size=count)
    days = np.sort(rng.integers(*ACTIVITY_DAYS, size=count))
    hours = rng.choice([9, 14, 15], size=count)
    communities = dict(zip(ground.communities["code"], ground.communities["name"], strict=True))
    found = []
    for i in range(count):
        host = hosts[chosen[i]]
        kind, title, is_open = ACTIVITIES[kinds[i]]
        starts_at = midnight(today) + timedelta(days=int(days[i]), hours=int(hours[i]), minutes=30)
        where = communities.get(host.division)
        place = f"{community_label(where)}党群服务站（示例）" if where else f"{host.name}活动室（示例）"
        found.append(
            Activity(host.code, kind, title, place, starts_at, starts_at + timedelta(hours=2), is_open)
        )
    return tuple(found)


def _street_organizations(ground: Ground) -> list[Organization]:
    return [
        Organization(
            code=f"{code}-GW",
            name=f"{name}党工委" if name.endswith(("街道", "地区")) else f"{name}党委",
            kind="committee",
            host_kind="street",
            host=code,
            parent=None,
            division=code,
            covers=(Cover("street", code),),
        )
        for code, name in ground.street_names.items()
    ]


def _community_organizations(ground: Ground, rng: np.random.Generator) -> list[Organization]:
    codes, names = ground.communities["code"], ground.communities["name"]
    drawn = rng.choice(len(COMMUNITY_KINDS), size=len(codes), p=[share for *_, share in COMMUNITY_KINDS])
    found = []
    for code, name, row in zip(codes, names, drawn, strict=True):
        kind, ending, _ = COMMUNITY_KINDS[row]
        if kind is not None:
            found.append(
                Organization(
                    code=f"{code}-SQ",
                    name=f"{community_label(name)}{ending}",
                    kind=kind,
                    host_kind="community",
                    host=code,
                    parent=f"{code[:9]}-GW",
                    division=code,
                    covers=(Cover("community", code),),
                )
            )
    return found


def _station_organizations(
    stations: tuple[Station, ...], parent: str, rng: np.random.Generator
) -> list[Organization]:
    """Give some stations a branch of their own, some a joint one with their neighbours, the rest none."""
    order = rng.permutation(len(stations)).tolist()
    own = round(len(stations) * OWN_BRANCH_SHARE)
    joint = round(len(stations) * JOINT_SHARE)
    groups = [[row] for row in sorted(order[:own])]
    free = set(order[own:])
    plane = _plane(stations)
    for row in order[own:]:
        if joint > 0 and row in free:
            group = _neighbours(row, sorted(free), plane, int(rng.choice(JOINT_SIZES)))
            if len(group) > 1:
                groups.append(group)
                free -= set(group)
                joint -= len(group)
    return [_station_branch([stations[row] for row in group], parent) for group in groups]


def _plane(stations: tuple[Station, ...]) -> Floats:
    """Return the stations in metres on a plane, near enough for choosing neighbours."""
    points = np.array([(station.lng, station.lat) for station in stations]).reshape(-1, 2)
    scale = METRES_PER_DEGREE * np.array([np.cos(np.radians(points[:, 1].mean())), 1.0])
    return np.asarray(points * scale, dtype=np.float64)


def _neighbours(row: int, free: list[int], plane: Floats, size: int) -> list[int]:
    """Return the row and its nearest free neighbours, at most `size` together, in ascending order."""
    off = np.hypot(*(plane[free] - plane[row]).T)
    near = [free[i] for i in np.argsort(off, kind="stable") if off[i] <= NEIGHBOUR_M and free[i] != row]
    return sorted([row, *near[: size - 1]])


def _station_branch(group: list[Station], parent: str) -> Organization:
    first = group[0]
    alone = len(group) == 1
    return Organization(
        code=f"{first.ref}-{'ZB' if alone else 'LH'}",
        name=f"{first.name}党支部" if alone else f"{first.name}等{len(group)}站联合党支部",
        kind="branch" if alone else "joint_branch",
        host_kind="station",
        host=first.ref,
        parent=parent,
        division=first.community,
        covers=tuple(Cover("station", station.ref) for station in group),
    )
