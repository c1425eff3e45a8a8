"""Places the demo's delivery stations and love stations on the ground; real spots, fictional companies."""

from collections import Counter
from datetime import date, timedelta

import numpy as np

from rider_hub.demo.places import Ground, clusters, community_label, street_label
from rider_hub.demo.world_model import Company, LoveStation, Station

PLATFORMS = (
    Company("jia", "甲外卖", "gcj02"),
    Company("yi", "乙速送", "bd09"),
    Company("bing", "丙闪达", "wgs84"),
)
PARTNERS = (Company("feng", "蜂行配送（示例）"), Company("lin", "邻里快达（示例）"))
PLATFORM_SHARE = (0.45, 0.35, 0.20)
PARTNER_OF = {"jia": "feng", "yi": "lin"}
PARTNER_SHARE = 0.4
STATED_COMMUNITY_SHARE = 0.9

ALWAYS = ("饮水", "休息")
SERVICES = ("充电", "微波炉", "急救包", "卫生间", "雨具", "书报", "打气筒")
HOURS = (
    ("Mo-Su 08:00-20:00", 0.40),
    ("Mo-Fr 09:00-18:00", 0.25),
    ("Mo-Su 10:00-22:00", 0.15),
    ("Mo-Sa 08:30-17:30", 0.08),
    ("24/7", 0.12),
)
STALE_SHARE = 0.15


def build_stations(
    ground: Ground, count: int, *, today: date, rng: np.random.Generator
) -> tuple[Station, ...]:
    """Place stations at the densest restaurant clusters; most state their community, some do not."""
    spots = clusters(ground.spots, count, rng)
    platform = rng.choice(len(PLATFORMS), size=count, p=PLATFORM_SHARE)
    has_partner = rng.random(count) < PARTNER_SHARE
    states = rng.random(count) < STATED_COMMUNITY_SHARE
    age = rng.integers(200, 2000, size=count)
    heads = np.maximum(5, np.round(rng.lognormal(3.3, 0.45, size=count))).astype(int)
    streets = ground.street_names
    seen: Counter[str] = Counter()
    stations = []
    for i, spot in enumerate(spots):
        company = PLATFORMS[platform[i]]
        row = ground.communities.iloc[ground.spot_community[spot]]
        street = row["code"][:9]
        stem = f"{company.name}{street_label(streets[street])}"
        seen[stem] += 1
        stations.append(
            Station(
                ref=f"{company.code.upper()}-{ground.county}-{i + 1:04d}",
                name=f"{stem}站" if seen[stem] == 1 else f"{stem}第{seen[stem]}站",
                platform=company.code,
                partner=PARTNER_OF.get(company.code) if has_partner[i] else None,
                address=address(ground, row["code"], row["name"]),
                street=street,
                community=row["code"],
                stated_community=row["code"] if states[i] else None,
                lng=float(ground.spots[spot, 0]),
                lat=float(ground.spots[spot, 1]),
                active_from=today - timedelta(days=int(age[i])),
                headcount=int(heads[i]),
            )
        )
    return tuple(stations)


def address(ground: Ground, code: str, name: str) -> str:
    """Return an example address made of the county's, street's and community's names alone."""
    return f"北京市{ground.county_name}{ground.street_names[code[:9]]}{community_label(name)}周边（示例地址）"


def build_love_stations(
    ground: Ground, count: int, *, today: date, rng: np.random.Generator
) -> tuple[LoveStation, ...]:
    """Open love stations, likelier where restaurants are dense; some shut at night or long unverified."""
    spots = _love_spots(ground, count, rng)
    hours = rng.choice(len(HOURS), size=count, p=[share for _, share in HOURS])
    offered = rng.random((count, len(SERVICES))) < 0.5  # noqa: PLR2004 - each service at every second station
    capacity = rng.integers(4, 31, size=count)
    stale = rng.random(count) < STALE_SHARE
    verified = np.where(stale, rng.integers(181, 500, size=count), rng.integers(1, 150, size=count))
    seen: Counter[str] = Counter()
    found = []
    for i, spot in enumerate(spots):
        row = ground.communities.iloc[ground.spot_community[spot]]
        stem = community_label(row["name"])
        seen[row["code"]] += 1
        ordinal = f"（第{seen[row['code']]}处）" if seen[row["code"]] > 1 else ""
        found.append(
            LoveStation(
                code=f"YZ-{ground.county}-{i + 1:04d}",
                name=f"{stem}骑手爱心驿站{ordinal}",
                community=row["code"],
                lng=float(ground.spots[spot, 0]),
                lat=float(ground.spots[spot, 1]),
                services=ALWAYS + tuple(s for s, has in zip(SERVICES, offered[i], strict=True) if has),
                opening_hours=HOURS[hours[i]][0],
                capacity=int(capacity[i]),
                last_verified=today - timedelta(days=int(verified[i])),
            )
        )
    return tuple(found)


def _love_spots(ground: Ground, count: int, rng: np.random.Generator) -> list[int]:
    """Choose spots so that no community gets a second love station before each with spots has one."""
    order = rng.permutation(len(ground.spots))
    homes = ground.spot_community[order]
    turn = np.empty(len(order), dtype=np.int64)
    turns: Counter[int] = Counter()
    for i, home in enumerate(homes.tolist()):
        turn[i] = turns[home]
        turns[home] += 1
    ranked = order[np.argsort(turn, kind="stable")]
    return [int(row) for row in np.resize(ranked, count)]
