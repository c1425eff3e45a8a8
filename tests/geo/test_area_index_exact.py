"""Adversarial points: grid lines, corners, vertices, edges and one bit beside them; shapely is right."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.areas import AreaIndex
from geo.errors import GeoError
from rider_hub.demo.world_data import read_street_polygons
from tests.geo.shapes import awkward_points, frame, located_by_shapely, tessellation

FAR = shapely.box(116.9, 40.2, 116.91, 40.21)


def grid_points(index: AreaIndex, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Give corners and sides of the index's own coarse and fine cells, and one bit to each side of them."""
    random = np.random.default_rng(seed)
    west, south, wide, high, columns, lines = index._state.grid.grid
    fine = 2.0 ** random.integers(0, 7, (2, count))
    x = west + np.floor(random.uniform(0, columns, count) * fine[0]) / fine[0] / wide
    y = south + np.floor(random.uniform(0, lines, count) * fine[1]) / fine[1] / high
    loose = random.random((2, count)) < 0.3
    x = np.where(loose[0], random.uniform(west, west + columns / wide, count), x)
    y = np.where(loose[1], random.uniform(south, south + lines / high, count), y)
    toward = random.choice([-np.inf, 0.0, np.inf], (2, count))
    return (
        np.where(toward[0] == 0, x, np.nextafter(x, toward[0])),
        np.where(toward[1] == 0, y, np.nextafter(y, toward[1])),
    )


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 7))
def test_grid_lines_are_no_borders(seed: int, columns: int, rows: int) -> None:
    """On and beside the lines of the index's own cells the answers are shapely's."""
    areas = tessellation(seed, columns, rows)
    index = AreaIndex.build(areas)
    lng, lat = grid_points(index, seed, 2_000)
    assert index.locate(lng, lat).tolist() == located_by_shapely(areas, lng, lat)


def test_all_beijing_streets_are_located_as_shapely_does() -> None:
    """Every vertex of the real streets, points on and beside their edges, on grid lines and about."""
    streets = read_street_polygons("11")
    assert len(streets) > 300
    index, tree = AreaIndex.build(streets), shapely.STRtree(streets.geometry.array)
    by_code = np.argsort(np.argsort(streets["code"].to_numpy().astype(str)))
    for lng, lat in (awkward_points(streets, 1, 20_000), grid_points(index, 2, 20_000)):
        points, rows = tree.query(shapely.points(lng, lat), predicate="intersects")
        first = np.full(len(lng), len(streets))
        np.minimum.at(first, points, by_code[rows])
        assert index.locate(lng, lat).tolist() == np.append(np.argsort(by_code), -1)[first].tolist()


def random_areas(seed: int) -> list[shapely.Geometry]:
    """Give stars, rings, slivers, exclaves and grids that overlap, touch and leave gaps."""
    random = np.random.default_rng(seed)
    shapes: list[shapely.Geometry] = []
    for _ in range(int(random.integers(2, 12))):
        middle = random.uniform((116.3, 39.8), (116.4, 39.9))
        turns = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 60))))
        reach = random.uniform(0.001, 0.02, len(turns))[:, None]
        star = shapely.Polygon(middle + reach * np.column_stack([np.cos(turns), np.sin(turns)])).buffer(0)
        shapes.append(star if not star.is_empty else FAR)
    shapes.append(shapes[0].union(shapely.affinity.translate(shapes[-1], 0.05, 0.02)))
    shapes.append(shapes[1].buffer(0.004).difference(shapes[1]))
    shapes.append(shapely.Polygon([(116.3, 39.85), (116.4, 39.85), (116.4, 39.85 + 1e-9)]))
    shapes += [shapely.box(116.3 + i / 100, 39.8, 116.31 + i / 100, 39.81) for i in range(3)]
    shapes += [shapely.box(116.25, 39.75, 116.45, 39.95), shapes[2]]
    return [shape for shape in shapes if shape.is_valid and not shape.is_empty]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_overlaps_holes_exclaves_and_slivers(seed: int) -> None:
    """Whatever the areas, locate is the smallest code that holds a point and covering is all of them."""
    shapes = random_areas(seed)
    areas = frame(shapes, [f"{code:03d}" for code in np.random.default_rng(seed).permutation(len(shapes))])
    index = AreaIndex.build(areas)
    for lng, lat in (awkward_points(areas, seed, 300), grid_points(index, seed, 300)):
        assert index.locate(lng, lat).tolist() == located_by_shapely(areas, lng, lat)
        points, rows = index.covering(lng, lat)
        holds = [np.flatnonzero(shapely.intersects_xy(shape, lng, lat)) for shape in shapes]
        expected = {(point, row) for row, held in enumerate(holds) for point in held.tolist()}
        assert set(zip(points.tolist(), rows.tolist(), strict=True)) == expected
        assert len(points) == len(expected)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_well_known_binary_builds_the_same_index(seed: int, big: bool) -> None:
    """From bytes, in either order of bytes and with heights, comes the index of the frame."""
    areas = frame(random_areas(seed))
    shapes = np.asarray(areas.geometry.array)
    index = AreaIndex.build(areas)
    plain = AreaIndex.from_wkb(list(shapely.to_wkb(shapes)), areas["code"].tolist())
    other = shapely.to_wkb(shapely.force_3d(shapes) if big else shapes, byte_order=0 if big else 1)
    for made in (plain, AreaIndex.from_wkb(list(other), areas["code"].tolist())):
        assert made.content_hash == index.content_hash
        assert made._state.grid.fine.tobytes()[:1000] == index._state.grid.fine.tobytes()[:1000]


class _Read(Sequence[bytes]):
    """Bytes that are there only while a slice of them is looked at, as those of a file."""

    def __init__(self, shapes: list[bytes]) -> None:
        self.shapes = shapes
        self.asked: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            self.asked.append((at.start, at.stop))
        return self.shapes[at]


@pytest.mark.parametrize("odd", [None, 4])
def test_polygons_read_in_parts_build_the_same(monkeypatch: pytest.MonkeyPatch, odd: int | None) -> None:
    """Bytes asked for slice by slice give what all of them at once give, an odd one among them or none."""
    areas = frame(random_areas(7))
    shapes = list(shapely.to_wkb(np.asarray(areas.geometry.array)))
    if odd is not None:
        shapes[odd] = shapely.to_wkb(shapely.from_wkb(shapes[odd]), byte_order=0)
    at_once = AreaIndex.from_wkb(shapes, areas["code"].tolist())
    monkeypatch.setattr("geo.area_arrays._CHUNK", 3)
    read = _Read(shapes)
    index = AreaIndex.from_wkb(read, areas["code"].tolist())
    assert index.content_hash == at_once.content_hash == AreaIndex.build(areas).content_hash
    assert len(read.asked) > 1
    assert all(b - a <= 3 for a, b in read.asked)


BOX = shapely.box(116.3, 39.8, 116.31, 39.81)
BOW = shapely.Polygon([(116.3, 39.8), (116.31, 39.81), (116.31, 39.8), (116.3, 39.81)])
SWAPPED = shapely.box(39.8, 116.3, 39.81, 116.31)
NAN = shapely.transform(BOX, lambda xy: np.where(np.arange(len(xy))[:, None] == 2, np.nan, xy))
SPIKE = shapely.Polygon([(116.3, 39.8), (116.32, 39.8), (116.31, 39.8), (116.31, 39.81)])
TWICE = shapely.MultiPolygon([BOX, BOX])


@pytest.mark.parametrize(
    ("wkb", "codes", "code", "rows"),
    [
        ([], [], "areas_empty", ()),
        ([BOX.wkb], ["a", "b"], "areas_lengths", ()),
        ([BOX.wkb, BOX.wkb], ["a", "a"], "areas_code_duplicate", (0, 1)),
        ([BOX.wkb, BOX.wkb], ["a", ""], "areas_code_missing", (1,)),
        ([BOX.wkb, BOW.wkb], ["a", "b"], "areas_invalid", (1,)),
        ([SPIKE.wkb, BOX.wkb], ["a", "b"], "areas_invalid", (0,)),
        ([BOX.wkb, TWICE.wkb], ["a", "b"], "areas_invalid", (1,)),
        ([BOX.wkb, NAN.wkb], ["a", "b"], "areas_not_finite", (1,)),
        ([SWAPPED.wkb], ["a"], "areas_swapped", (0,)),
        ([BOX.wkb, shapely.Polygon().wkb], ["a", "b"], "areas_shape_missing", (1,)),
        ([BOX.wkb, shapely.Point(1, 1).wkb], ["a", "b"], "areas_shape_kind", (1,)),
        ([BOX.wkb, None], ["a", "b"], "areas_shape_missing", (1,)),
        ([BOX.wkb, BOX.wkb[:-3]], ["a", "b"], "areas_wkb", ()),
        ([BOX.wkb, b"nothing of the kind"], ["a", "b"], "areas_wkb", ()),
    ],
)
def test_bad_bytes_are_refused(
    wkb: list[bytes | None], codes: list[str], code: str, rows: tuple[int, ...]
) -> None:
    """Each fault of bytes and codes is named with its rows."""
    with pytest.raises(GeoError) as fault:
        AreaIndex.from_wkb(wkb, codes)  # type: ignore[arg-type]
    assert (fault.value.code, fault.value.rows) == (code, rows)


def random_ring(seed: int) -> shapely.Polygon:
    """Give a ring that is sometimes crossed, touches itself, repeats vertices or doubles back."""
    random = np.random.default_rng(seed)
    count = int(random.integers(3, 40))
    turns = np.sort(random.uniform(0, 2 * np.pi, count))
    ring = 1 + random.uniform(0.2, 1, count)[:, None] * np.column_stack([np.cos(turns), np.sin(turns)])
    ring = ring.round(int(random.integers(1, 8)))
    for _ in range(int(random.integers(0, 3))):
        one, two = random.integers(0, count, 2)
        if random.random() < 0.5:
            ring[one] = ring[two]
        else:
            ring[[one, two]] = ring[[two, one]]
    return shapely.Polygon(ring)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32 - 1))
def test_validity_is_shapely_s(seed: int) -> None:
    """A ring is refused exactly where shapely calls it invalid."""
    ring = random_ring(seed)
    try:
        AreaIndex.from_wkb([ring.wkb], ["a"])
        refused = False
    except GeoError as fault:
        refused = fault.code == "areas_invalid"
    assert refused == (not ring.is_valid)


def test_a_loaded_index_stays_in_its_file(tmp_path: Path) -> None:
    """The file is mapped, not read: its arrays lie in it, and it may be replaced while in use."""
    areas = tessellation(3, 6, 6)
    index, path = AreaIndex.build(areas), tmp_path / "areas.index"
    index.save(path)
    loaded = AreaIndex.load(path)
    lng, lat = awkward_points(areas, 3, 500)
    AreaIndex.build(tessellation(4, 2, 2)).save(path)
    assert loaded.locate(lng, lat).tolist() == index.locate(lng, lat).tolist()
    assert not loaded._state.grid.xy.flags.owndata
