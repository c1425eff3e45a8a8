"""The nearest stations are those of a brute-force search by pyproj, for every point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod

from geo.errors import GeoError
from geo.nearest import NearestIndex

Floats = NDArray[np.float64]


def brute(
    stations: tuple[Floats, Floats],
    points: tuple[Floats, Floats],
    k: int,
    radius_m: float,
    mask: NDArray[np.bool_],
) -> tuple[list[list[int]], list[list[float]]]:
    """Measure every pair by pyproj; nearest first, ties by row."""
    count, rows, metres = len(stations[0]), [], []
    for lng, lat in zip(*points, strict=True):
        _, _, far = Geod(ellps="WGS84").inv(np.full(count, lng), np.full(count, lat), *stations)
        far = np.where(mask & (np.asarray(far) <= radius_m), far, np.inf)
        best = [row for row in np.lexsort((np.arange(count), far))[:k] if np.isfinite(far[row])]
        lacking = k - len(best)
        rows.append([int(row) for row in best] + [-1] * lacking)
        metres.append([float(far[row]) for row in best] + [np.inf] * lacking)
    return rows, metres


def scene(
    seed: int, stations: int, decimals: int, spread: float
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Give stations, many at one place where few decimals are kept, and points, some right on them."""
    random = np.random.default_rng(seed)
    lng, lat = random.uniform(116.4, 116.4 + spread, stations), random.uniform(39.9, 39.9 + spread, stations)
    lng, lat = lng.round(decimals), lat.round(decimals)
    x, y = random.uniform(116.4, 116.4 + spread, 20), random.uniform(39.9, 39.9 + spread, 20)
    return (lng, lat), (np.concatenate([x, x.round(2), lng[:5]]), np.concatenate([y, y.round(2), lat[:5]]))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 60),
    decimals=st.sampled_from([2, 3, 8]),
    spread=st.sampled_from([0.02, 0.1, 30.0]),
    k=st.integers(1, 5),
    radius_m=st.sampled_from([0.0, 300.0, 1500.0, 1e6, np.inf]),
    masked=st.booleans(),
)
def test_query_is_brute_force(
    *, seed: int, count: int, decimals: int, spread: float, k: int, radius_m: float, masked: bool
) -> None:
    """Rows, order and metres are those of measuring every pair, with ties, radius and mask."""
    stations, points = scene(seed, count, decimals, spread)
    mask = np.random.default_rng(seed).random(count) < 0.5 if masked else np.ones(count, dtype=bool)
    rows, metres = NearestIndex.build(*stations).query(*points, k, radius_m, mask if masked else None)
    expected_rows, expected_metres = brute(stations, points, k, radius_m, mask)
    assert rows.tolist() == expected_rows
    # Within 10 km a compiled formula answers, which is right to 0.01 mm; beyond it is pyproj itself.
    assert metres.ravel().tolist() == pytest.approx(np.ravel(expected_metres).tolist(), abs=1e-5)
    assert rows.shape == metres.shape == (len(points[0]), k)
    assert (rows.dtype, metres.dtype) == (np.int64, np.float64)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_whole_earth_is_right_too(seed: int, k: int) -> None:
    """Over the date line, the poles and near the far side of the earth the order is geodesic."""
    random = np.random.default_rng(seed)
    stations = random.uniform(-180, 180, 25), np.degrees(np.arcsin(random.uniform(-1, 1, 25)))
    points = np.array([180.0, -180.0, 0.0, 10.0, 116.4]), np.array([0.0, 10.0, 90.0, -90.0, 39.9])
    rows, metres = NearestIndex.build(*stations).query(*points, k, np.inf)
    expected_rows, expected_metres = brute(stations, points, k, np.inf, np.ones(25, dtype=bool))
    assert rows.tolist() == expected_rows
    assert metres.tolist() == expected_metres


def test_more_stations_than_k_at_one_place() -> None:
    """Of seven stations at one place the three smallest rows come, whatever else stands nearby."""
    lng = [116.401, *[116.4] * 7, 116.4]
    index = NearestIndex.build(lng, [39.9] * 9)
    rows, metres = index.query([116.4, 116.4011], [39.9, 39.9], k=3)
    assert rows.tolist() == [[1, 2, 3], [0, 1, 2]]
    assert metres[0].tolist() == [0, 0, 0]


def test_all_stations_at_one_place() -> None:
    """No cells can part them, and none are sought for ever."""
    assert NearestIndex.build([116.4] * 3, [39.9] * 3).query([116.4], [39.9], 4)[0].tolist() == [
        [0, 1, 2, -1]
    ]


def test_the_order_is_the_ellipsoid_s_not_the_plane_s() -> None:
    """A degree of longitude is shorter than one of latitude in Beijing."""
    rows, metres = NearestIndex.build([116.4, 116.412], [39.91, 39.9]).query([116.4], [39.9], 2)
    assert rows.tolist() == [[1, 0]]
    assert metres[0].tolist() == pytest.approx([1026.1, 1110.4], abs=0.5)


def test_the_radius_is_inclusive() -> None:
    """A station at exactly the radius is within it; a hair less leaves it out."""
    index = NearestIndex.build([116.41], [39.9])
    # So near to the radius pyproj decides.
    far = Geod(ellps="WGS84").inv(116.4, 39.9, 116.41, 39.9)[2]
    assert index.query([116.4], [39.9], 1, far)[0].tolist() == [[0]]
    assert index.query([116.4], [39.9], 1, np.nextafter(far, 0))[0].tolist() == [[-1]]


def test_none_is_minus_one_and_inf() -> None:
    """No stations, none in reach, none allowed, and no points: -1 and inf of the shape asked."""
    nothing = NearestIndex.build([], [])
    assert len(nothing) == 0
    for rows, metres in (
        nothing.query([116.4], [39.9], 2),
        NearestIndex.build([0.0], [0.0]).query([116.4], [39.9], 2),
        NearestIndex.build([116.4], [39.9]).query([116.4], [39.9], 2, mask=np.array([False])),
    ):
        assert rows.tolist() == [[-1, -1]]
        assert np.isinf(metres).all()
    assert NearestIndex.build([116.4], [39.9]).query([], [], 4)[0].shape == (0, 4)


def test_bad_input_is_refused() -> None:
    """Stations and points by their rows, figures and masks by their names."""
    with pytest.raises(GeoError) as fault:
        NearestIndex.build([116.4, np.nan], [39.9, 39.9])
    assert fault.value.rows == (1,)
    index = NearestIndex.build([116.4], [39.9])
    with pytest.raises(GeoError) as fault:
        index.query([39.9], [116.4])
    assert fault.value.rows == (0,)
    for code, asked in {
        "k_range": {"k": 0},
        "radius_range": {"radius_m": -1.0},
        "mask_shape": {"mask": np.array([True, False])},
    }.items():
        with pytest.raises(GeoError, match=code):
            index.query([116.4], [39.9], **asked)
    with pytest.raises(GeoError, match="radius_range"):
        index.query([116.4], [39.9], radius_m=np.nan)
    with pytest.raises(GeoError, match="mask_shape"):
        index.query([116.4], [39.9], mask=np.array([1]))


@pytest.mark.parametrize("meshes", [32, 4_000])
def test_a_prepared_index_answers_the_same(meshes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Very many points, with few lists and with so many that the points are put in order first."""
    monkeypatch.setattr("geo.station_net._MESHES", meshes)
    random = np.random.default_rng(8)
    stations = random.uniform(116.3, 116.5, 300), random.uniform(39.8, 40.0, 300)
    points = random.uniform(116.25, 116.55, 50_000), random.uniform(39.75, 40.05, 50_000)
    index = NearestIndex.build(*stations)
    index.prepare(1500.0)
    for asked in ((1, 1500.0), (1, 700.0), (3, 1500.0), (1, 2000.0)):
        rows, metres = index.query(*points, *asked)
        again, more = NearestIndex.build(*stations).query(*points, *asked)
        assert np.array_equal(rows, again)
        assert np.array_equal(metres, more)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(-69, 69), st.sampled_from([100.0, 1500.0, 10_000.0]))
def test_a_prepared_index_knows_ties_and_the_radius(seed: int, lat: float, radius_m: float) -> None:
    """Stations on both sides of points, several at one place, and at the very radius: no answer differs."""
    random = np.random.default_rng(seed)
    half = radius_m / 110_000.0 * np.array([1 / np.cos(np.radians(lat)), 1.0])
    points = np.array([100.0, lat]) + random.uniform(-1, 1, (60, 2)) * half
    away = random.uniform(-1, 1, (20, 2)) * half * (0.7, 0.0)
    stations = np.vstack([points[:20] + away, points[:20] - away, points[20:24], points[20:22]])
    geod = Geod(ellps="WGS84")
    edge = np.full(20, radius_m) * random.choice([1.0, 1 - 1e-9, 1 + 1e-9], 20)
    far = geod.fwd(points[30:50, 0], points[30:50, 1], random.uniform(0, 360, 20), edge)
    stations = np.vstack([stations, np.column_stack(far[:2])])
    plain, prepared = NearestIndex.build(*stations.T), NearestIndex.build(*stations.T)
    prepared.prepare(radius_m)
    pairs = plain.query(*points.T, 1, radius_m), prepared.query(*points.T, 1, radius_m)
    assert all(np.array_equal(a, b) for a, b in zip(*pairs, strict=True))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(-69, 69), st.sampled_from([100.0, 1500.0, 10_000.0]))
def test_metres_are_right_at_any_latitude(seed: int, lat: float, radius_m: float) -> None:
    """From the equator to 69 degrees, up to 10 km: within 0.05 mm of pyproj."""
    random = np.random.default_rng(seed)
    half = radius_m / 110_000.0
    stations = (
        100 + random.uniform(-half, half, 40) / np.cos(np.radians(lat)),
        lat + random.uniform(-half, half, 40),
    )
    points = (
        100 + random.uniform(-half, half, 40) / np.cos(np.radians(lat)),
        lat + random.uniform(-half, half, 40),
    )
    rows, metres = NearestIndex.build(*stations).query(*points, 5, radius_m)
    expected = brute(stations, points, 5, radius_m, np.ones(40, dtype=bool))
    assert rows.tolist() == expected[0]
    assert metres.ravel().tolist() == pytest.approx(np.ravel(expected[1]).tolist(), abs=5e-5)
