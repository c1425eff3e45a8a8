"""Faults of boundaries are found and measured, and nothing sound is called a fault."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geo.boundaries import area_m2, check
from geo.errors import GeoError
from geo.frames import read_areas
from tests.geo.shapes import DATA, frame, tessellation

WEST, EAST = shapely.box(116.40, 39.90, 116.41, 39.91), shapely.box(116.41, 39.90, 116.42, 39.91)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
def test_a_tessellation_is_complete(seed: int, columns: int, rows: int) -> None:
    """Areas that share their borders have neither overlap nor gap."""
    areas = tessellation(seed, columns, rows)
    report = check(areas, areas["code"])
    assert report.complete
    assert report.total == columns * rows


def test_real_streets_are_usable() -> None:
    """The four streets have no overlap or gap above a square metre; a code that is not there is missing."""
    report = check(read_areas(DATA / "streets_sample.geojson", "wgs84"), ["110101011", "110101099"])
    assert report.usable
    assert not report.complete
    assert report.missing == ("110101099",)
    assert report.unexpected == ("110101012", "110101015", "110101016")
    assert report.overlaps == report.gaps == ()


def test_overlaps_are_measured_on_the_ellipsoid() -> None:
    """A strip of 0.001 by 0.01 degree is 85.4 m by 1110.3 m, told once, codes in order."""
    wide = shapely.box(116.409, 39.90, 116.42, 39.91)
    (overlap,) = check(frame([wide, WEST], ["b", "a"])).overlaps
    assert (overlap.code, overlap.other) == ("a", "b")
    assert overlap.m2 == pytest.approx(85.5 * 1110.3, rel=5e-3)


def test_gaps_are_enclosed_ground() -> None:
    """A hole nobody fills is a gap with a point in it; a bay open to the outside is none."""
    hole = shapely.box(116.404, 39.904, 116.406, 39.906)
    ring = shapely.Polygon(WEST.exterior, [hole.exterior])
    report = check(frame([ring, shapely.box(116.42, 39.90, 116.43, 39.91)]))
    (gap,) = report.gaps
    assert hole.contains(shapely.Point(gap.lng, gap.lat))
    assert gap.m2 == pytest.approx(abs(Geod(ellps="WGS84").geometry_area_perimeter(hole)[0]))
    assert check(frame([ring, hole])).gaps == ()
    assert check(frame([ring]), grain_m2=1e9).gaps == ()


def test_faulty_rows_are_listed_and_the_rest_is_measured() -> None:
    """Each fault stands under its name; an invalid area takes no part in overlaps."""
    bow = shapely.Polygon([(116.40, 39.90), (116.41, 39.91), (116.41, 39.90), (116.40, 39.91)])
    nan = shapely.transform(WEST, lambda xy: np.where(np.arange(len(xy))[:, None] == 1, np.nan, xy))
    shapes = [
        WEST,
        EAST,
        bow,
        None,
        shapely.Polygon(),
        shapely.Point(1, 1),
        shapely.box(39, 116, 40, 117),
        nan,
    ]
    report = check(frame(shapes, ["a", "a", "c", "d", None, "f", "g", "h"]), iter(["a", "z"]))
    assert not report.usable
    assert report.empty == (3, 4)
    assert report.uncoded == (4,)
    assert report.duplicates == ("a",)
    assert [fault.row for fault in report.invalid] == [2, 5, 6, 7]
    assert [fault.code for fault in report.invalid] == ["c", "f", "g", "h"]
    assert report.invalid[0].reason == "Self-intersection"
    assert report.missing == ("z",)
    assert report.overlaps == ()


def test_nothing_is_nothing() -> None:
    """A frame without rows is reported, not refused; it is not usable."""
    report = check(frame([]), ["a"])
    assert (report.total, report.usable, report.missing) == (0, False, ("a",))


def test_frames_it_cannot_measure_are_refused() -> None:
    """Another CRS and a missing column raise GeoError."""
    with pytest.raises(GeoError, match="areas_crs"):
        check(frame([WEST]).to_crs(3857))
    with pytest.raises(GeoError, match="areas_code_column"):
        check(frame([WEST]), code="id")


def test_areas_are_those_of_the_ellipsoid() -> None:
    """Orientation does not matter, holes count off, lines have none."""
    hole = shapely.box(116.404, 39.904, 116.406, 39.906)
    ring = shapely.Polygon(WEST.exterior, [hole.exterior])
    assert area_m2(ring) == pytest.approx(area_m2(WEST) - area_m2(hole))
    assert area_m2(shapely.reverse(ring)) == pytest.approx(area_m2(ring))
    mixed = shapely.GeometryCollection(
        [shapely.MultiPolygon([WEST, EAST]), shapely.LineString([(0, 0), (1, 1)])]
    )
    assert area_m2(mixed) == pytest.approx(area_m2(WEST) + area_m2(EAST))
    assert area_m2(shapely.LineString([(0, 0), (1, 1)])) == 0.0
