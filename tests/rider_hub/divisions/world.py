"""A small county for tests: three streets in a row, each cut into two communities."""

from collections.abc import Sequence
from datetime import date

import geopandas as gpd
from shapely.geometry import Polygon, box

from rider_hub.access import Actor, Hub
from rider_hub.divisions.service import import_boundaries, import_divisions

COUNTY = "110101"
AS_OF = date(2026, 10, 31)
STREETS = ("110101001", "110101002", "110101003")
COMMUNITIES = tuple(f"{street}{number:03d}" for street in STREETS for number in (1, 2))
WEST, SOUTH, SIDE = 116.40, 39.90, 0.02

CODE_ROWS = [
    {"code": "11", "name": "北京市"},
    {"code": "1101", "name": "市辖区"},
    {"code": COUNTY, "name": "东城区"},
    *({"code": code, "name": f"第{code[-1]}街道"} for code in STREETS),
    *({"code": code, "name": f"{code[8]}之{code[-1]}社区居委会"} for code in COMMUNITIES),
]


def street_shape(number: int) -> Polygon:
    """Return the square of one street, counted from 0 in the west."""
    west = WEST + number * SIDE
    return box(west, SOUTH, west + SIDE, SOUTH + SIDE)


def street_frame(codes: Sequence[str] = STREETS) -> gpd.GeoDataFrame:
    """Return the streets' polygons."""
    return gpd.GeoDataFrame(
        {"code": list(codes), "name": [f"第{code[-1]}街道" for code in codes]},
        geometry=[street_shape(i) for i in range(len(codes))],
        crs="EPSG:4326",
    )


def community_frame() -> gpd.GeoDataFrame:
    """Return the communities' polygons: the southern and the northern half of each street."""
    shapes = []
    for i in range(len(STREETS)):
        west = WEST + i * SIDE
        shapes.append(box(west, SOUTH, west + SIDE, SOUTH + SIDE / 2))
        shapes.append(box(west, SOUTH + SIDE / 2, west + SIDE, SOUTH + SIDE))
    names = [f"{code[8]}之{code[-1]}社区" for code in COMMUNITIES]
    return gpd.GeoDataFrame({"code": list(COMMUNITIES), "name": names}, geometry=shapes, crs="EPSG:4326")


def middle(community: str) -> tuple[float, float]:
    """Return the middle of a community."""
    number = STREETS.index(community[:9])
    north = 0.25 if community.endswith("1") else 0.75
    return WEST + (number + 0.5) * SIDE, SOUTH + north * SIDE


async def import_county(hub: Hub, actor: Actor) -> None:
    """Bring in the county's codes, streets and sketched communities."""
    codes = await import_divisions(hub, actor, CODE_ROWS, title="代码表2026", as_of=AS_OF)
    streets = await import_boundaries(
        hub, actor, street_frame(), region=COUNTY, level="street", title="街道边界", as_of=AS_OF
    )
    communities = await import_boundaries(
        hub,
        actor,
        community_frame(),
        region=COUNTY,
        level="community",
        title="社区边界",
        as_of=AS_OF,
        sketch=True,
    )
    assert codes.ok, codes
    assert streets.ok, streets
    assert communities.ok, communities
