"""Conversions agree with published vectors, undo themselves, and refuse what is no point."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.datum import FRAMES, convert
from geo.errors import GeoError
from tests.geo.shapes import DATA

# The vectors' own tolerance, in decimals.
TOLERANCE = {
    ("wgs84", "gcj02"): 4,
    ("gcj02", "wgs84"): 4,
    ("wgs84", "bd09"): 4,
    ("bd09", "wgs84"): 4,
    ("gcj02", "bd09"): 5,
    ("bd09", "gcj02"): 5,
}


def cities(frame: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read the 664 places in one frame."""
    with (DATA / "china_cities.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return tuple(np.array([float(row[f"{frame}_{axis}"]) for row in rows]) for axis in ("lng", "lat"))


@pytest.mark.parametrize(("source", "target"), TOLERANCE)
def test_cities_agree_within_the_vectors_tolerance(source: str, target: str) -> None:
    """Each of the 664 places comes out where the vectors have it."""
    there = convert(*cities(source), source, target)
    for got, expected in zip(there, cities(target), strict=True):
        assert len(got) == 664
        assert np.abs(got - expected).max() < 0.5 * 10.0 ** -TOLERANCE[source, target]


@pytest.mark.parametrize(
    ("source", "target", "point", "expected", "within"),
    [
        ("wgs84", "gcj02", (121.5272106, 31.1774276), (121.531541859215, 31.17530398364597), 1e-12),
        ("wgs84", "gcj02", (113.912316, 22.543847), (113.9171764808363, 22.540796131694766), 1e-12),
        ("wgs84", "gcj02", (116.377817, 39.911954), (116.38404722455657, 39.91334545536069), 1e-12),
        ("wgs84", "gcj02", (116.404, 39.915), (116.41024449916938, 39.91640428150164), 1e-12),
        ("gcj02", "bd09", (116.404, 39.915), (116.41036949371029, 39.92133699351021), 1e-12),
        # The published inverses stop after one pass; ours goes on.
        ("gcj02", "wgs84", (116.404, 39.915), (116.39775550083061, 39.91359571849836), 1e-6),
        ("bd09", "gcj02", (116.404, 39.915), (116.39762729119315, 39.90865673957631), 1e-6),
    ],
)
def test_published_points_agree(
    source: str, target: str, point: tuple[float, float], expected: tuple[float, float], within: float
) -> None:
    """Single points of two other implementations come out the same."""
    assert convert(*point, source, target) == pytest.approx(expected, abs=within, rel=0)


@given(
    st.lists(st.tuples(st.floats(73.5, 135.0), st.floats(3.5, 53.5)), max_size=30),
    st.sampled_from(FRAMES),
    st.sampled_from(FRAMES),
)
def test_there_and_back_is_the_same_point(points: list[tuple[float, float]], one: str, other: str) -> None:
    """Within China any conversion is undone to 1e-11 degree, a millionth of a metre."""
    lng, lat = np.array(points).reshape(-1, 2).T
    back = convert(*convert(lng, lat, one, other), other, one)
    assert np.allclose(back[0], lng, rtol=0, atol=1e-11)
    assert np.allclose(back[1], lat, rtol=0, atol=1e-11)


@given(st.floats(73.5, 135.0), st.floats(3.5, 53.5), st.sampled_from(FRAMES), st.sampled_from(FRAMES))
def test_a_point_does_not_depend_on_its_neighbours(lng: float, lat: float, one: str, other: str) -> None:
    """A point alone and the same point in an array give the same bits."""
    alone = convert(lng, lat, one, other)
    among = convert([116.4, lng, 80.0], [39.9, lat, 50.0], one, other)
    assert (alone[0], alone[1]) == (among[0][1], among[1][1])


@pytest.mark.parametrize("target", ["gcj02", "wgs84", "cgcs2000"])
@pytest.mark.parametrize("source", ["gcj02", "wgs84", "cgcs2000"])
def test_points_outside_the_box_stay(source: str, target: str) -> None:
    """Paris, Santiago and the poles do not move between wgs84 and gcj02."""
    lng, lat = np.array([2.35, -70.67, 10.0, 10.0, 72.0]), np.array([48.85, -33.45, 90.0, -90.0, 40.0])
    there = convert(lng, lat, source, target)
    assert np.array_equal(there[0], lng)
    assert np.array_equal(there[1], lat)


def test_bd09_moves_everywhere() -> None:
    """The step to bd09 has no box, as in the public formula, and never leaves ±90."""
    lng, lat = convert([2.35, 0.0, 0.0], [48.85, 90.0, -90.0], "gcj02", "bd09")
    assert lng[0] == pytest.approx(2.3565, abs=1e-3)
    assert np.abs(lat).max() <= 90.0
    assert np.abs(convert([0.0, 0.0], [90.0, -90.0], "bd09", "wgs84")[1]).max() <= 90.0


def test_cgcs2000_is_wgs84() -> None:
    """The two frames are taken as equal, and the answer is a copy."""
    lng = np.array([116.4])
    there, _ = convert(lng, np.array([39.9]), "cgcs2000", "wgs84")
    assert np.array_equal(there, lng)
    assert not np.shares_memory(there, lng)


@pytest.mark.parametrize("frame", FRAMES)
def test_empty_gives_empty(frame: str) -> None:
    """No points in, no points out, as float64."""
    lng, lat = convert([], [], "wgs84", frame)
    assert lng.shape == lat.shape == (0,)
    assert lng.dtype == lat.dtype == np.float64


@pytest.mark.parametrize(
    ("lng", "lat", "code", "rows"),
    [
        ([116.4, np.nan, 116.4], [39.9, 39.9, np.inf], "point_not_finite", (1, 2)),
        ([116.4, None], [39.9, 39.9], "point_not_finite", (1,)),
        ([39.9, 116.4], [116.4, 39.9], "point_latitude", (0,)),
        ([116.4], [39.9, 39.8], "point_lengths", ()),
        (["here"], [39.9], "point_not_number", ()),
    ],
)
def test_bad_points_are_named(lng: list[object], lat: list[object], code: str, rows: tuple[int, ...]) -> None:
    """What is no point raises GeoError with its rows, in both languages."""
    with pytest.raises(GeoError) as fault:
        convert(lng, lat, "gcj02", "wgs84")
    assert (fault.value.code, fault.value.rows) == (code, rows)
    assert all(str(row) in fault.value.zh and str(row) in fault.value.en for row in rows)


@pytest.mark.parametrize("frame", ["mars", "", "WGS84", "gcj-02"])
def test_an_unknown_frame_is_refused(frame: str) -> None:
    """A frame is one of four names, in either place; the message lists them."""
    for pair in ((frame, "wgs84"), ("wgs84", frame)):
        with pytest.raises(GeoError, match=r"frame_unknown.*bd09"):
            convert([116.4], [39.9], *pair)
