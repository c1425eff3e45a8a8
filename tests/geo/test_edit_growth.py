"""An index that is edited for long, past all room of its arrays, is that of the areas as they then are."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import room
from geo.areas import AreaIndex
from tests.geo.shapes import awkward_points, located_by_shapely, tessellation
from tests.geo.test_incremental import moved_border

Build = Callable[[gpd.GeoDataFrame, Path], AreaIndex]


def built(areas: gpd.GeoDataFrame, _: Path) -> AreaIndex:
    """Build an index in memory."""
    return AreaIndex.build(areas)


def loaded(areas: gpd.GeoDataFrame, folder: Path) -> AreaIndex:
    """Map an index from its file."""
    AreaIndex.build(areas).save(folder / "areas.index")
    return AreaIndex.load(folder / "areas.index")


def saved(index: AreaIndex, path: Path) -> bytes:
    """Give the bytes of the file that an index is saved to."""
    index.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("make", [built, loaded])
@pytest.mark.parametrize(("times", "least"), [(1, 1), (1, 40), (4, 256)])
def test_long_edits_equal_a_rebuild(
    make: Build, times: int, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrays are outgrown again and again: answers stay shapely's, and the file is a new index's."""
    monkeypatch.setattr(room, "_TIMES", times)
    monkeypatch.setattr(room, "_LEAST", least)
    areas, random = tessellation(17, 5, 5), np.random.default_rng(times + least)
    index, arrays = make(areas, tmp_path), set()
    for nth in range(250):
        row = int(random.integers(0, len(areas)))
        areas.loc[row, "geometry"] = moved_border(areas, row, random)
        index.edit(row, areas.geometry.iloc[row])
        arrays.add(id(index._state.grid.xy))
        if nth % 25 == 0:
            lng, lat = awkward_points(areas, nth, 100)
            assert index.locate(lng, lat).tolist() == located_by_shapely(areas, lng, lat)
            assert index.border_distance_m(lng, lat, 40.0).tolist() == (
                AreaIndex.build(areas).border_distance_m(lng, lat, 40.0).tolist()
            )
    assert len(arrays) > 2
    anew = AreaIndex.build(areas)
    assert saved(index, tmp_path / "edited") == saved(anew, tmp_path / "anew")
    pairs = index.covering(lng, lat), anew.covering(lng, lat)
    assert all(np.array_equal(a, b) for a, b in zip(*pairs, strict=True))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_a_saved_edit_is_edited_on(seed: int) -> None:
    """An edited index that travels as polygons, or was saved, has room for edits as a new one."""
    random = np.random.default_rng(seed)
    areas = tessellation(seed, 4, 4)
    index = AreaIndex.build(areas)
    for _ in range(3):
        row = int(random.integers(0, len(areas)))
        areas.loc[row, "geometry"] = moved_border(areas, row, random)
        index.edit(row, areas.geometry.iloc[row])
        kind, arguments = index.__reduce__()[:2]
        index = kind(*arguments)
        lengths = [len(array) for array in index._state.grid.arrays().values()]
        assert lengths == [len(array) for array in AreaIndex.build(areas)._state.grid.arrays().values()]
    assert index.content_hash == AreaIndex.build(areas).content_hash


@pytest.mark.parametrize("times", [1, 4])
def test_threads_ask_while_arrays_are_outgrown(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks meanwhile finds each point in its area as it was or as it is, and never nowhere."""
    monkeypatch.setattr(room, "_TIMES", times)
    monkeypatch.setattr(room, "_LEAST", 1)
    areas = tessellation(23, 4, 4)
    index, done = AreaIndex.build(areas), Event()
    inner = shapely.get_coordinates(shapely.point_on_surface(np.asarray(areas.geometry.array)))
    lng, lat = np.repeat(inner, 2_000, axis=0).T
    # Each area keeps what is near its inner point, so the answer never changes.
    rows = np.repeat(index.locate(*inner.T), 2_000)

    def ask(_: int) -> bool:
        right = True
        while right and not done.is_set():
            right = np.array_equal(index.locate(lng, lat), rows)
        return right

    random = np.random.default_rng(1)
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(ask, nth) for nth in range(3)]
        for _ in range(400):
            row = int(random.integers(0, len(areas)))
            knots = shapely.get_coordinates(areas.geometry.iloc[row])
            bite = shapely.Point(knots[int(random.integers(0, len(knots)))]).buffer(
                random.uniform(1e-5, 5e-4)
            )
            index.edit(row, areas.geometry.iloc[row].difference(bite))
        done.set()
        assert all(one.result() for one in asked)
