"""A partition has exactly n valid parts that cover the polygon, share their borders and never change."""

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.frames import read_areas
from geo.partition import Area, partition
from tests.geo.shapes import DATA

COMB = shapely.union_all(
    [shapely.box(116.40, 39.90, 116.45, 39.902)]
    + [shapely.box(116.40 + i * 0.01, 39.90, 116.402 + i * 0.01, 39.93) for i in range(5)]
)
RING = shapely.Point(116.4, 39.9).buffer(0.02).difference(shapely.Point(116.4, 39.9).buffer(0.015))


def assert_partition(parts: list[Area], whole: Area, n: int) -> None:
    """Check everything a partition promises."""
    assert len(parts) == n
    assert all(part.is_valid and part.area > 0 for part in parts)
    assert shapely.coverage_is_valid(np.array(parts, dtype=object))
    assert shapely.union_all(parts).symmetric_difference(whole).area < 1e-9 * whole.area
    assert sum(part.area for part in parts) == pytest.approx(whole.area, rel=1e-9)


@settings(deadline=None, max_examples=25)
@example(14, 4, 3)
@given(st.integers(1, 25), st.integers(0, 2**63 - 1), st.integers(3, 30))
def test_any_star_is_cut_in_n(n: int, seed: int, corners: int) -> None:
    """Spiky, non-convex polygons are cut into exactly n polygons."""
    random = np.random.default_rng(seed)
    turns = np.sort(random.uniform(0, 2 * np.pi, corners))
    turns = turns + np.linspace(0, 1e-3, corners)
    reach = random.uniform(0.002, 0.02, corners)
    star = shapely.Polygon(np.column_stack([116.4 + reach * np.cos(turns), 39.9 + reach * np.sin(turns)]))
    whole = max(shapely.get_parts(shapely.make_valid(star)), key=lambda part: part.area)
    parts = partition(whole, n, seed)
    assert_partition(parts, whole, n)
    assert {part.geom_type for part in parts} == {"Polygon"}


@pytest.mark.parametrize("shape", [COMB, RING])
@pytest.mark.parametrize("n", [2, 7, 40])
def test_combs_and_rings(shape: Area, n: int) -> None:
    """Where cells fall to pieces or go round a hole, there are still n connected parts."""
    parts = partition(shape, n, 1)
    assert_partition(parts, shape, n)
    assert {part.geom_type for part in parts} == {"Polygon"}


def test_real_streets_are_cut_compactly() -> None:
    """Each street in 12: parts of similar size, the largest below 2.5 times the mean."""
    for street in read_areas(DATA / "streets_sample.geojson", "wgs84").geometry:
        parts = partition(street, 12, 20261101)
        assert_partition(parts, street, 12)
        assert max(part.area for part in parts) < 2.5 * street.area / 12


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Twice the same; another seed, another cut; north comes first."""
    street = read_areas(DATA / "streets_sample.geojson", "wgs84").geometry.iloc[0]
    first, again, other = partition(street, 9, 4), partition(street, 9, 4), partition(street, 9, 5)
    assert [part.wkb for part in first] == [part.wkb for part in again]
    assert [part.wkb for part in first] != [part.wkb for part in other]
    norths = [part.centroid.y for part in first]
    assert norths == sorted(norths, reverse=True)


def test_exclaves_get_parts_by_size_or_join_the_nearest() -> None:
    """With parts enough each piece has its own; with too few, small exclaves join a neighbour."""
    large, small = shapely.box(116.40, 39.90, 116.44, 39.94), shapely.box(116.5, 39.9, 116.501, 39.901)
    both = shapely.MultiPolygon([small, large])
    many = partition(both, 6, 0)
    assert_partition(many, both, 6)
    assert sum(part.equals(small) for part in many) == 1
    (one,) = partition(both, 1, 0)
    assert one.equals(both)


def test_one_part_is_the_whole() -> None:
    """N = 1 gives the polygon back."""
    assert partition(COMB, 1, 0)[0].equals_exact(COMB, 0.0)


@pytest.mark.parametrize(
    ("shape", "n", "code"),
    [
        (COMB, 0, "partition_count"),
        (shapely.Polygon(), 2, "partition_polygon"),
        (shapely.LineString([(0, 0), (1, 1)]), 2, "partition_polygon"),
        (shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), 2, "partition_polygon"),
    ],
)
def test_what_cannot_be_cut_is_refused(shape: Area, n: int, code: str) -> None:
    """No parts, no polygon, an invalid polygon: GeoError."""
    with pytest.raises(GeoError, match=code):
        partition(shape, n, 0)
