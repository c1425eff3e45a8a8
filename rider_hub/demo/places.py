"""Lays the demo's ground: streets, illustrative communities, spots of dense delivery; no persons."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geo import boundaries
from geo.areas import AreaIndex
from rider_hub.demo import world_data
from rider_hub.demo.world_model import Division

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

SPOTS_PER_COMMUNITY = 3  # scattered where a county has (nearly) no restaurant points
FEWEST_SPOTS = 200
CELL_DEG = 0.002  # about 200 m: the size of a restaurant cluster
METRES_PER_DEGREE = 111_320.0
SPACINGS_M = (400.0, 250.0, 150.0, 80.0, 40.0)
COMMUNITY_ENDINGS = (("民委员会", "村民委员会"), ("委会", "村委会"), ("居民委员会",) * 2, ("居委会",) * 2)
STREET_ENDINGS = ("街道", "地区", "镇", "乡")


@dataclass(frozen=True)
class Ground:
    """A county's polygons by code, and its spots: (N, 2) wgs84 and the row of the community of each."""

    county: str
    county_name: str
    streets: gpd.GeoDataFrame
    communities: gpd.GeoDataFrame
    community_index: AreaIndex
    spots: Floats
    spot_community: Rows

    @property
    def street_names(self) -> dict[str, str]:
        """Map street codes to names."""
        return dict(zip(self.streets["code"], self.streets["name"], strict=True))


def build_ground(county: str, divisions: tuple[Division, ...], *, seed: int) -> Ground:
    """Read the county's polygons and restaurant points and divide the streets into communities."""
    streets = _named(world_data.read_street_polygons(county), divisions)
    communities = _communities(streets, divisions, seed)
    index = AreaIndex.build(communities)
    restaurants = world_data.read_restaurants(county)
    if len(restaurants) < FEWEST_SPOTS:
        rng = np.random.default_rng([seed, int(county), 1])
        restaurants = np.concatenate([restaurants, _scatter(communities, index, rng)])
    rows = index.locate(restaurants[:, 0], restaurants[:, 1])
    inside = rows >= 0
    name = next(row.name for row in divisions if row.code == county)
    return Ground(county, name, streets, communities, index, restaurants[inside], rows[inside])


def clusters(points: Floats, count: int, rng: np.random.Generator) -> Rows:
    """Return `count` rows of points: the densest clusters first, as far apart as that number allows."""
    order = np.concatenate([_by_density(points), rng.permutation(len(points))])
    scale = METRES_PER_DEGREE * np.array([np.cos(np.radians(points[:, 1].mean())), 1.0])
    flat = points * scale
    taken: list[int] = []
    for spacing in SPACINGS_M:
        for row in order:
            if len(taken) == count:
                return np.array(taken, dtype=np.int64)
            if not taken or ((flat[taken] - flat[row]) ** 2).sum(axis=1).min() >= spacing**2:
                taken.append(int(row))
    rest = rng.integers(0, len(points), size=count - len(taken))
    return np.concatenate([np.array(taken, dtype=np.int64), rest])


def community_label(name: str) -> str:
    """Return the short name of a community: 多福巷社区居委会 is 多福巷社区, 沙窝村委会 is 沙窝村."""
    for cut, ending in COMMUNITY_ENDINGS:
        if name.endswith(ending):
            short = name.removesuffix(cut)
            if short.endswith("村村"):  # 三间房东村村委会
                return short[:-1]
            return short if short.endswith(("社区", "村")) else f"{short}社区"
    return name


def street_label(name: str) -> str:
    """Return the short name of a street: 东四街道 is 东四."""
    for ending in STREET_ENDINGS:
        if name.endswith(ending) and len(name) > len(ending) + 1:
            return name.removesuffix(ending)
    return name


def _named(streets: gpd.GeoDataFrame, divisions: tuple[Division, ...]) -> gpd.GeoDataFrame:
    names = {row.code: row.name for row in divisions}
    return streets.assign(name=[names[code] for code in streets["code"]])


def _communities(streets: gpd.GeoDataFrame, divisions: tuple[Division, ...], seed: int) -> gpd.GeoDataFrame:
    """Divide each street into as many parts as it has communities; no open polygons of them exist."""
    members: dict[str, list[Division]] = {}
    for row in divisions:
        if row.level == "community" and row.parent is not None:
            members.setdefault(row.parent, []).append(row)
    codes: list[str] = []
    names: list[str] = []
    shapes: list[shapely.Geometry] = []
    for street, shape in zip(streets["code"], streets.geometry, strict=True):
        rows = members.get(street, [])
        if not rows:
            continue
        shapes += boundaries.partition(shape, len(rows), seed)
        codes += [row.code for row in rows]
        names += [row.name for row in rows]
    return gpd.GeoDataFrame({"code": codes, "name": names}, geometry=shapes, crs=world_data.FRAME)


def _scatter(areas: gpd.GeoDataFrame, index: AreaIndex, rng: np.random.Generator) -> Floats:
    """Return points inside each area: its inner point, shifted a little and kept where it stays inside."""
    inner = shapely.get_coordinates(shapely.point_on_surface(areas.geometry.to_numpy()))
    home = np.arange(len(areas), dtype=np.int64)
    found = [inner]
    for _ in range(SPOTS_PER_COMMUNITY):
        moved = inner + rng.normal(scale=CELL_DEG, size=inner.shape)
        stays = index.locate(moved[:, 0], moved[:, 1]) == home
        found.append(moved[stays])
    return np.round(np.concatenate(found), 5)


def _by_density(points: Floats) -> Rows:
    """Return one row for each occupied cell, the fullest first: the point nearest to the cell's mean."""
    cell = np.floor(points / CELL_DEG).astype(np.int64)
    _, which, sizes = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    means = np.stack([np.bincount(which, weights=points[:, axis]) / sizes for axis in (0, 1)], axis=1)
    off = ((points - means[which]) ** 2).sum(axis=1)
    nearest = np.lexsort((off, which))
    first = nearest[np.concatenate([[0], np.cumsum(sizes)[:-1]])]
    order: Rows = first[np.argsort(-sizes, kind="stable")]
    return order
