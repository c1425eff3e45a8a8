"""The ground: community polygons fill their streets, spots lie in them, clusters are dense and apart."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.demo import world_data
from rider_hub.demo.places import build_ground, clusters, community_label, street_label
from rider_hub.demo.world_model import World


def test_each_street_has_as_many_parts_as_communities(world: World, small_chaoyang: World) -> None:
    """Every community of the code table has exactly one polygon, under its own code and name."""
    for one in (world, small_chaoyang):
        coded = [(row.code, row.name) for row in one.divisions if row.level == "community"]
        drawn = one.community_polygons
        assert list(zip(drawn["code"], drawn["name"], strict=True)) == coded


def test_communities_fill_their_street(world: World, small_chaoyang: World) -> None:
    """The parts cover their street and nothing else: no area is lost, gained or held twice (1e-6)."""
    for one in (world, small_chaoyang):
        parts = one.community_polygons
        assert parts.is_valid.all()
        for code, street in zip(one.street_polygons["code"], one.street_polygons.geometry, strict=True):
            mine = parts[parts["code"].str.startswith(code)].geometry.to_numpy()
            assert shapely.area(mine).sum() == pytest.approx(street.area, rel=1e-6)
            difference = shapely.symmetric_difference(shapely.union_all(mine), street)
            assert difference.area <= 1e-6 * street.area


def test_community_borders_are_marked_illustrative(world: World) -> None:
    """The world says of itself that its community borders are illustrative, also in its notices."""
    assert world.illustrative_communities
    assert "社区边界为示意" in world.notice_zh
    assert "illustrative" in world.notice_en


@pytest.mark.parametrize("county", ["110101", "110119"])
def test_spots_lie_in_the_community_they_name(county: str) -> None:
    """Each spot lies in its community's polygon, also in a county that has no restaurant points."""
    ground = build_ground(county, world_data.read_divisions(county), seed=1)
    shapes = ground.communities.geometry.to_numpy()[ground.spot_community]
    assert len(ground.spots) > 200
    assert shapely.intersects(shapes, shapely.points(ground.spots)).all()


def test_clusters_start_where_points_are_densest() -> None:
    """The first cluster is the fullest one, and no point is taken twice while there are others."""
    rng = np.random.default_rng(3)
    dense = rng.normal([116.401, 39.901], 1e-5, size=(50, 2))
    loose = rng.uniform([116.30, 39.80], [116.50, 40.00], size=(100, 2))
    rows = clusters(np.concatenate([loose, dense]), 20, np.random.default_rng(4))
    assert rows[0] >= 100
    assert len(set(rows.tolist())) == 20


@given(count=st.integers(1, 40), points=st.integers(1, 15))
def test_clusters_gives_as_many_as_asked_for(count: int, points: int) -> None:
    """Any number can be had from any points: spots repeat only when there are too few."""
    rng = np.random.default_rng(points)
    rows = clusters(rng.uniform([116.3, 39.8], [116.5, 40.0], size=(points, 2)), count, rng)
    assert len(rows) == count
    assert set(rows.tolist()) <= set(range(points))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("多福巷社区居委会", "多福巷社区"),
        ("中海凯旋社区居民委员会", "中海凯旋社区"),
        ("沙窝村委会", "沙窝村"),
        ("张家村村民委员会", "张家村"),
        ("三间房东村村委会", "三间房东村"),
        ("某某居委会", "某某社区"),
        ("天宫院社区", "天宫院社区"),
        ("小营股份经济合作社生活区", "小营股份经济合作社生活区"),
    ],
)
def test_communities_are_called_by_their_short_names(name: str, label: str) -> None:
    """The committee's part of a name is dropped, the community or village stays."""
    assert community_label(name) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [("东四街道", "东四"), ("来广营地区", "来广营"), ("阳坊镇", "阳坊"), ("七镇", "七镇")],
)
def test_streets_are_called_by_their_short_names(name: str, label: str) -> None:
    """The kind of street is dropped unless a single character would be left."""
    assert street_label(name) == label
