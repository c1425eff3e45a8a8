"""The index of areas answers as shapely does, on every point, and refuses frames it can't trust."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geo.areas import AreaIndex
from geo.errors import GeoError
from geo.frames import read_areas
from tests.geo.shapes import DATA, awkward_points, frame, located_by_shapely, tessellation

SQUARE = shapely.box(116.40, 39.90, 116.41, 39.91)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6))
def test_locate_is_shapely_on_every_point(seed: int, columns: int, rows: int) -> None:
    """On vertices and edges, one bit off them, inside and outside, the answer is shapely's."""
    areas = tessellation(seed, columns, rows)
    lng, lat = awkward_points(areas, seed)
    index = AreaIndex.build(areas)
    expected = located_by_shapely(areas, lng, lat)
    assert index.locate(lng, lat).tolist() == expected
    # Many points take another way inside; the answers must not differ.
    many = index.locate(np.tile(lng, 8), np.tile(lat, 8))
    assert many.reshape(8, -1).tolist() == [expected] * 8


def test_real_streets_are_located_as_shapely_does() -> None:
    """Four adjoining streets of Beijing: every vertex, edge and nearby point."""
    areas = read_areas(DATA / "streets_sample.geojson", "wgs84")
    lng, lat = awkward_points(areas, 7, 20_000)
    assert AreaIndex.build(areas).locate(lng, lat).tolist() == located_by_shapely(areas, lng, lat)


def test_holes_exclaves_and_slivers() -> None:
    """A hole belongs to what fills it, an exclave to its area, and a sliver is found."""
    ring = shapely.Polygon(SQUARE.exterior, [shapely.box(116.404, 39.904, 116.406, 39.906).exterior])
    pieces = shapely.MultiPolygon(
        [shapely.box(116.404, 39.904, 116.405, 39.906), shapely.box(116.5, 39.9, 116.51, 39.91)]
    )
    sliver = shapely.Polygon([(116.6, 39.9), (116.7, 39.9), (116.7, 39.9 + 1e-9)])
    areas = frame([ring, pieces, sliver], ["b", "a", "c"])
    lng = [116.4045, 116.4055, 116.404, 116.406, 116.505, 116.65, 116.65, 116.402]
    lat = [39.905, 39.905, 39.905, 39.905, 39.905, 39.9 + 4e-10, 39.9 + 6e-10, 39.905]
    assert AreaIndex.build(areas).locate(lng, lat).tolist() == [1, -1, 1, 0, 1, 2, -1, 0]


def test_overlaps_go_to_the_smallest_code_in_text_order() -> None:
    """Code 10 comes before 9: codes are text; covering gives all of them in that order."""
    areas = frame([SQUARE, SQUARE, shapely.box(0, 0, 1, 1)], [9, 10, 8])
    index = AreaIndex.build(areas)
    assert index.codes.tolist() == ["9", "10", "8"]
    assert index.locate([116.405, 5.0], [39.905, 5.0]).tolist() == [1, -1]
    points, rows = index.covering([5.0, 116.405, 0.5], [5.0, 39.905, 0.5])
    assert (points.tolist(), rows.tolist()) == ([1, 1, 2], [1, 0, 2])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_covering_is_every_pair_of_shapely(seed: int) -> None:
    """Overlapping boxes: the pairs are those of shapely, no more, no less."""
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 1, (12, 2)).round(1)
    areas = frame([shapely.box(x, y, x + 0.4, y + 0.3) for x, y in corners])
    lng, lat = awkward_points(areas, seed, 50)
    points, rows = AreaIndex.build(areas).covering(lng, lat)
    expected = {
        (point, row)
        for row, shape in enumerate(areas.geometry)
        for point in np.flatnonzero(shapely.intersects(shape, shapely.points(lng, lat))).tolist()
    }
    assert list(zip(points.tolist(), rows.tolist(), strict=True)) == sorted(expected)


def test_two_dimensions_are_enough() -> None:
    """Heights in a file change nothing."""
    flat = AreaIndex.build(frame([SQUARE]))
    assert AreaIndex.build(frame([shapely.force_3d(SQUARE, 50.0)])).content_hash == flat.content_hash


def test_empty_and_single_points() -> None:
    """No points give no rows; a single number counts as one point; longitudes beyond 180 lie nowhere."""
    index = AreaIndex.build(frame([SQUARE]))
    assert index.locate([], []).dtype == np.int64
    assert index.locate([], []).shape == (0,)
    assert index.locate(116.405, 39.905).tolist() == [0]
    assert index.locate([476.405], [39.905]).tolist() == [-1]
    assert index.border_distance_m([], [], 15.0).shape == (0,)
    assert [part.shape for part in index.covering([], [])] == [(0,), (0,)]


def test_points_may_lie_in_memory_as_they_like() -> None:
    """Columns of a table, backwards, not to be written, bytes turned or shifted: the answers are the same."""
    areas = tessellation(9, 3, 3)
    index, points = AreaIndex.build(areas), np.column_stack(awkward_points(areas, 9, 100))
    expected = index.locate(points[:, 0].copy(), points[:, 1].copy()).tolist()
    shifted = np.zeros(points.nbytes // 2 + 1, dtype=np.uint8)
    lat = shifted[1:].view(np.float64)
    lat[:] = points[:, 1]
    kept = points.copy()
    kept.flags.writeable = False
    assert index.locate(kept[:, 0], lat).tolist() == expected
    assert index.locate(points[::-1, 0], points[::-1, 1]).tolist() == expected[::-1]
    assert index.locate(points[:, 0].astype(">f8"), list(points[:, 1])).tolist() == expected


@pytest.mark.parametrize(
    ("lng", "lat", "code"), [(np.nan, 39.9, "point_not_finite"), (39.9, 116.4, "point_latitude")]
)
def test_bad_points_are_refused(lng: float, lat: float, code: str) -> None:
    """Each question refuses a bad point by its row."""
    index = AreaIndex.build(frame([SQUARE]))
    for ask in (index.locate, index.covering, lambda x, y: index.border_distance_m(x, y, 15.0)):
        with pytest.raises(GeoError) as fault:
            ask([116.4, lng], [39.9, lat])
        assert (fault.value.code, fault.value.rows) == (code, (1,))


BAD = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
NAN = shapely.transform(SQUARE, lambda xy: np.where(np.arange(len(xy))[:, None] == 1, np.nan, xy))


@pytest.mark.parametrize(
    ("areas", "code", "rows"),
    [
        (frame([SQUARE, BAD]), "areas_invalid", (1,)),
        (frame([SQUARE, None]), "areas_shape_missing", (1,)),
        (frame([shapely.Polygon(), SQUARE]), "areas_shape_missing", (0,)),
        (frame([SQUARE, shapely.Point(1, 1)]), "areas_shape_kind", (1,)),
        (frame([SQUARE, NAN]), "areas_not_finite", (1,)),
        (frame([SQUARE, SQUARE, SQUARE], ["a", "b", "a"]), "areas_code_duplicate", (0, 2)),
        (frame([SQUARE, SQUARE], ["a", None]), "areas_code_missing", (1,)),
        (frame([SQUARE], [1.5]), "areas_code_missing", (0,)),
        (frame([shapely.box(39.9, 116.4, 39.91, 116.41)]), "areas_swapped", (0,)),
        (frame([shapely.box(43.8, 87.6, 43.9, 87.7)]), "areas_swapped", (0,)),
        (frame([SQUARE, shapely.box(1, 91, 2, 92)]), "areas_latitude", (1,)),
        (frame([]), "areas_empty", ()),
        (frame([SQUARE]).rename(columns={"code": "id"}), "areas_code_column", ()),
        (frame([SQUARE]).to_crs(3857), "areas_crs", ()),
        (gpd.GeoDataFrame({"code": ["a"]}, geometry=[SQUARE]), "areas_crs", ()),
        (gpd.GeoDataFrame({"code": ["a"]}), "areas_not_frame", ()),
    ],
)
def test_bad_areas_are_named(areas: gpd.GeoDataFrame, code: str, rows: tuple[int, ...]) -> None:
    """A frame that can't be trusted is refused with the rows and both languages."""
    with pytest.raises(GeoError) as fault:
        AreaIndex.build(areas)
    assert (fault.value.code, fault.value.rows) == (code, rows)
    assert fault.value.zh
    assert fault.value.en


def test_cgcs2000_and_crs84_are_welcome() -> None:
    """The national frame and GeoJSON's own are degrees of the same datum."""
    for crs in ("EPSG:4490", "OGC:CRS84"):
        assert AreaIndex.build(frame([SQUARE]).set_crs(crs, allow_override=True)).locate(116.405, 39.905) == [
            0
        ]


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    """A loaded index has the codes, the hash and the answers, in the first order; bytes repeat."""
    areas = tessellation(3, 4, 4)
    index, path = AreaIndex.build(areas), tmp_path / "areas.index"
    index.save(path)
    again = AreaIndex.load(path)
    lng, lat = awkward_points(areas, 3)
    assert again.content_hash == index.content_hash
    assert again.codes.tolist() == index.codes.tolist() == areas["code"].tolist()
    assert again.locate(lng, lat).tolist() == index.locate(lng, lat).tolist()
    first = path.read_bytes()
    again.save(path)
    assert path.read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == ["areas.index"]


def test_the_hash_follows_the_content() -> None:
    """Another vertex, code or order is another content."""
    other = shapely.box(116.40, 39.90, 116.41, 39.92)
    frames = [
        frame([SQUARE]),
        frame([other]),
        frame([SQUARE], ["b"]),
        frame([SQUARE, other]),
        frame([other, SQUARE]),
    ]
    assert len({AreaIndex.build(areas).content_hash for areas in frames}) == len(frames)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Missing, cut, changed and foreign files raise GeoError; nothing is unpickled."""
    path = tmp_path / "areas.index"
    with pytest.raises(GeoError, match="index_unreadable"):
        AreaIndex.load(path)
    index = AreaIndex.build(frame([SQUARE]))
    index.save(path)
    whole = path.read_bytes()
    for cut in range(0, len(whole), 37):
        path.write_bytes(whole[:cut])
        with pytest.raises(GeoError, match="index_unreadable"):
            AreaIndex.load(path)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        # Some bytes of an archive mean nothing; what is read must be what was written.
        with contextlib.suppress(GeoError):
            assert AreaIndex.load(path).content_hash == index.content_hash
    at = whole.index(SQUARE.wkb[13:29])
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(GeoError, match="index_unreadable"):
        AreaIndex.load(path)
    with path.open("wb") as file:
        np.savez(file, format=np.array([1]), codes=np.array([{}], dtype=object))
    with pytest.raises(GeoError, match="index_unreadable"):
        AreaIndex.load(path)


@settings(deadline=None, max_examples=30)
@given(st.floats(-60, 60), st.floats(0.5, 80.0), st.floats(0, 360))
def test_border_distance_is_geodesic(lat: float, metres: float, bearing: float) -> None:
    """A point walked off from the middle of a long straight border is that far, within 0.1 %."""
    geod = Geod(ellps="WGS84")
    # A meridian is a straight border on every projection: only its east-west distance counts.
    area = shapely.box(116.0, lat - 0.5, 116.5, lat + 0.5)
    lng, there, _ = geod.fwd(116.5, lat, bearing, metres)
    _, _, straight = geod.inv(lng, there, 116.5, there)
    got = AreaIndex.build(frame([area])).border_distance_m([lng], [there], 100.0)[0]
    assert got == pytest.approx(straight, rel=1e-3, abs=1e-4)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 15.0, 75.0]))
def test_border_distance_agrees_with_a_plane(seed: int, limit_m: float) -> None:
    """Against shapely in a transverse Mercator plane: within 0.1 %, inf beyond the limit.

    The two do not mean the same by a straight border: over a kilometre they part by up to 2 cm.
    """
    areas = tessellation(seed, 3, 3)
    lng, lat = awkward_points(areas, seed, 100)
    plane = "+proj=tmerc +lon_0=116.315 +lat_0=39.815 +k=1 +ellps=WGS84"
    lines = shapely.union_all(areas.to_crs(plane).boundary.array)
    points = gpd.GeoSeries(shapely.points(lng, lat), crs=4326).to_crs(plane)
    expected = shapely.distance(lines, points.array)
    got = AreaIndex.build(areas).border_distance_m(lng, lat, limit_m)
    near = expected <= limit_m * 0.999 - 0.03
    assert np.allclose(got[near], expected[near], rtol=1e-3, atol=0.03)
    assert np.isinf(got[expected > limit_m * 1.001 + 0.03]).all()
    assert (got[np.isfinite(got)] <= limit_m).all()


def test_on_a_border_the_distance_is_nothing() -> None:
    """Vertices are at distance 0, also with a limit of 0; a hole's border counts; far away is inf."""
    ring = shapely.Polygon(SQUARE.exterior, [shapely.box(116.404, 39.904, 116.406, 39.906).exterior])
    index = AreaIndex.build(frame([ring]))
    assert index.border_distance_m([116.40, 116.404, 116.405], [39.90, 39.905, 39.9041], 0.0).tolist()[
        :2
    ] == [0, 0]
    assert 0 < index.border_distance_m([116.405], [39.9041], 15.0)[0] < 15.0
    assert np.isinf(index.border_distance_m([116.402, 0.0], [39.902, 90.0], 15.0)).all()


@pytest.mark.parametrize("limit_m", [-1.0, np.nan, np.inf, 10_001.0])
def test_a_limit_out_of_range_is_refused(limit_m: float) -> None:
    """The limit lies between 0 and 10 km."""
    with pytest.raises(GeoError, match="limit_range"):
        AreaIndex.build(frame([SQUARE])).border_distance_m([116.4], [39.9], limit_m)


def test_threads_may_share_an_index() -> None:
    """Eight threads that ask one index at once all get the right answers."""
    areas = tessellation(11, 5, 5)
    lng, lat = awkward_points(areas, 11, 2_000)
    index = AreaIndex.build(areas)
    expected, distance = index.locate(lng, lat), AreaIndex.build(areas).border_distance_m(lng, lat, 75.0)

    def ask(_: int) -> bool:
        same = np.array_equal(index.locate(lng, lat), expected)
        return same and np.array_equal(index.border_distance_m(lng, lat, 75.0), distance)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(24)))
