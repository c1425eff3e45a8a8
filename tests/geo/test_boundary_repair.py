"""Boundaries are mended only where no one can differ about how, and thinned without parting neighbours."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area_reading import read_areas
from geo.areas import AreaIndex
from geo.boundaries import check
from geo.boundary_repair import repair, simplified
from geo.errors import GeoError
from tests.geo.shapes import DATA, frame, tessellation

WEST, EAST = shapely.box(116.40, 39.90, 116.41, 39.91), shapely.box(116.41, 39.90, 116.42, 39.91)
BOW = shapely.Polygon([(116.40, 39.90), (116.41, 39.91), (116.41, 39.90), (116.40, 39.91)])


def test_a_crossed_ring_becomes_the_ground_it_encloses() -> None:
    """A bow tie becomes two triangles; sound rows stay to the last bit; an index can be built."""
    mended = repair(frame([BOW, EAST], ["a", "b"]))
    assert [(mend.row, mend.code, mend.how) for mend in mended.mends] == [(0, "a", "made_valid")]
    assert shapely.equals_identical(mended.areas.geometry.iloc[1], EAST)
    assert mended.areas["code"].tolist() == ["a", "b"]
    index = AreaIndex.build(mended.areas)
    assert index.locate([116.405, 116.405], [39.909, 39.901]).tolist() == [-1, -1]
    assert index.locate([116.4095, 116.4005], [39.905, 39.905]).tolist() == [0, 0]


def test_slivers_are_closed() -> None:
    """A gap of 40 cm and an overlap of some square metres vanish, and the total ground with them."""
    third = shapely.box(116.42 - 4e-8, 39.90, 116.43, 39.91)
    areas = frame([WEST, shapely.box(116.41 + 5e-6, 39.90, 116.42, 39.91), third])
    assert check(areas).overlaps
    mended = repair(areas)
    assert mended.cleaned
    assert {mend.how for mend in mended.mends} == {"slivers"}
    assert shapely.coverage_is_valid(np.asarray(mended.areas.geometry.array), gap_width=5e-6)
    assert check(mended.areas).overlaps == ()


def test_large_overlaps_are_left_to_the_authority() -> None:
    """Ground of hectares that two areas claim is not given to either."""
    areas = frame([WEST, shapely.box(116.405, 39.90, 116.42, 39.91)])
    mended = repair(areas)
    assert not mended.cleaned
    assert mended.mends == ()
    assert mended.areas.geometry.geom_equals(areas.geometry).all()


def test_rows_without_a_polygon_stay() -> None:
    """None, empty and points stay for check to name; codes must be sound to name rows by."""
    areas = frame([WEST, None, shapely.Polygon(), shapely.Point(116.4, 39.9)])
    mended = repair(areas)
    assert mended.mends == ()
    assert mended.areas.geometry.iloc[1] is None
    with pytest.raises(GeoError) as fault:
        repair(frame([WEST, EAST], ["a", "a"]))
    assert (fault.value.code, fault.value.rows) == ("areas_code_duplicate", (0, 1))


def test_sound_boundaries_are_not_touched() -> None:
    """Real streets and synthetic ones come back as they were."""
    for areas in (read_areas(DATA / "streets_sample.geojson", "wgs84"), tessellation(4, 4, 4)):
        mended = repair(areas)
        if check(areas).overlaps == ():
            kept = [
                shapely.equals_identical(*pair)
                for pair in zip(areas.geometry, mended.areas.geometry, strict=True)
            ]
            assert len(mended.mends) == len(kept) - sum(kept)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-5, 1e-4, 1e-3]))
def test_thinned_neighbours_share_their_borders(seed: int, tolerance: float) -> None:
    """A coverage stays one, with no more vertices; none of its areas vanishes."""
    shapes = np.asarray(tessellation(seed, 4, 4).geometry.array)
    thin = simplified(shapes, tolerance)
    assert shapely.coverage_is_valid(thin)
    assert shapely.get_num_coordinates(thin).sum() <= shapely.get_num_coordinates(shapes).sum()
    assert not shapely.is_empty(thin).any()


def test_what_is_no_coverage_is_not_thinned() -> None:
    """Overlapping areas come back as they are."""
    shapes = np.array([WEST.buffer(0.001), EAST], dtype=object)
    assert simplified(shapes, 1e-3) is shapes
