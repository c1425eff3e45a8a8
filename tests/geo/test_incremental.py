"""After any change, matching the points concerned anew gives what matching all points anew gives."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geo.areas import AreaIndex
from geo.errors import GeoError
from geo.incremental import by_edit, by_place, by_reference, rematch
from geo.kept_points import KeptPoints
from geo.matching import Found, Question, match_all
from geo.nearest import NearestIndex
from tests.geo.shapes import awkward_points, tessellation


def same(one: Found, other: Found) -> bool:
    """Compare all answers bit for bit."""
    return all(np.array_equal(a, b) for a, b in zip(one.arrays(), other.arrays(), strict=True))


def scene(seed: int) -> tuple[gpd.GeoDataFrame, KeptPoints, Question, np.random.Generator]:
    """Give areas, points on and about their borders, a question and a source of chance."""
    random = np.random.default_rng(seed)
    areas = tessellation(seed, 5, 5)
    stations = NearestIndex.build(random.uniform(116.3, 116.36, 30), random.uniform(39.8, 39.86, 30))
    question = Question(AreaIndex.build(areas), stations, k=2, radius_m=800.0, border_m=25.0)
    return areas, KeptPoints.build(*awkward_points(areas, seed, 200)), question, random


def moved_border(areas: gpd.GeoDataFrame, row: int, random: np.random.Generator) -> shapely.Geometry:
    """Give the polygon of a row with a bite, a bulge, a hole, an exclave, or another one's very shape."""
    shape = areas.geometry.iloc[row]
    at = shape.representative_point()
    disc = at.buffer(random.uniform(0.0005, 0.004))
    far = shapely.affinity.translate(at.buffer(0.0007), *random.uniform(-0.03, 0.03, 2))
    bulge = shapely.Point(shapely.get_coordinates(shape)[0]).buffer(0.002)
    choices = [shape.difference(disc), shape.union(bulge), shape.difference(bulge), shape.union(far), disc]
    choices.append(areas.geometry.iloc[int(random.integers(0, len(areas)))])
    chosen = choices[int(random.integers(0, len(choices)))]
    return disc if chosen.is_empty else chosen


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_edited_areas_equal_a_full_match(seed: int) -> None:
    """Several edits one after the other, some of one area: index and answers are those of a new index."""
    areas, points, question, random = scene(seed)
    everywhere = points.at(np.arange(len(points)))
    found = match_all(*everywhere, question)
    for row in random.integers(0, len(areas), 4).tolist():
        shape = moved_border(areas, row, random)
        areas.loc[row, "geometry"] = shape
        edit = question.areas.edit(row, shape)
        before = Found(*(array.copy() for array in found.arrays()))
        changed = rematch(points, by_edit(points, edit, question.border_m), question, found)
        whole = match_all(*everywhere, replace(question, areas=AreaIndex.build(areas)))
        assert same(found, whole)
        differs = [
            (a != b).reshape(len(a), -1).any(axis=1)
            for a, b in zip(before.arrays(), whole.arrays(), strict=True)
        ]
        assert changed.tolist() == np.flatnonzero(np.any(differs, axis=0)).tolist()
    anew = AreaIndex.build(areas)
    assert question.areas.content_hash == anew.content_hash
    pairs = question.areas.covering(*everywhere), anew.covering(*everywhere)
    assert all(np.array_equal(a, b) for a, b in zip(*pairs, strict=True))


@settings(deadline=None, max_examples=20)
@example(2916998837, False)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_opened_closed_and_moved_stations_equal_a_full_match(seed: int, prepared: bool) -> None:
    """Stations come and go, also two at one place; those left answer as in an index of them alone."""
    _, points, question, random = scene(seed)
    everywhere = points.at(np.arange(len(points)))
    index = question.stations
    if prepared:
        question = replace(question, k=1)
    found = match_all(*everywhere, question)
    grid = index._state.grid
    lng, lat = list(grid.lng[: len(index)]), list(grid.lat[: len(index)])
    gone: set[int] = set()
    for _ in range(6):
        if prepared:
            index.prepare(question.radius_m)
        if random.random() < 0.5:
            at = (
                (lng[3], lat[3])
                if random.random() < 0.3
                else tuple(random.uniform((116.3, 39.8), (116.37, 39.87)))
            )
            assert index.add(*at) == len(lng)
            lng.append(at[0])
            lat.append(at[1])
        else:
            row = int(random.choice([row for row in range(len(lng)) if row not in gone]))
            index.remove(row)
            gone.add(row)
            at = lng[row], lat[row]
        rematch(points, by_place(points, *at, question.radius_m), question, found)
        left = np.array([row for row in range(len(lng)) if row not in gone])
        alone = NearestIndex.build(np.array(lng)[left], np.array(lat)[left])
        rows, metres = alone.query(*everywhere, question.k, question.radius_m)
        assert found.stations.tolist() == np.append(left, -1)[rows].tolist()
        assert found.metres.tolist() == metres.tolist()


def test_the_last_station_may_close() -> None:
    """Without any station nothing is near; one may open again, and rows are never given twice."""
    index = NearestIndex.build([116.4], [39.9])
    index.remove(0)
    assert index.query([116.4], [39.9])[0].tolist() == [[-1]]
    assert index.add(116.4, 39.9) == 1
    assert index.query([116.4], [39.9])[0].tolist() == [[1]]
    assert index.query([116.4], [39.9], radius_m=1e6)[0].tolist() == [[1]]
    for row in (0, 2, -1):
        with pytest.raises(GeoError, match="station_row"):
            index.remove(row)


def test_an_outer_border_may_leave_the_grid() -> None:
    """An area that grows far beyond all others is found there; answers equal a new index's."""
    areas = tessellation(5, 3, 3)
    index = AreaIndex.build(areas)
    grown = shapely.union(areas.geometry.iloc[4], shapely.box(118.0, 41.0, 118.1, 41.1))
    edit = index.edit(4, grown)
    areas.loc[4, "geometry"] = grown
    assert index.locate([118.05], [41.05]).tolist() == [4]
    assert edit.boxes[1].tolist() == list(grown.bounds)
    assert index.content_hash == AreaIndex.build(areas).content_hash


def test_a_bad_edit_changes_nothing() -> None:
    """Rows that do not exist, crossed and empty polygons are refused; the index answers as before."""
    areas = tessellation(5, 3, 3)
    index = AreaIndex.build(areas)
    lng, lat = awkward_points(areas, 5, 100)
    before, digest = index.locate(lng, lat), index.content_hash
    bow = shapely.Polygon([(116.3, 39.8), (116.31, 39.81), (116.31, 39.8), (116.3, 39.81)])
    for row, shape, code in [
        (9, areas.geometry.iloc[0], "area_row"),
        (2, bow, "areas_invalid"),
        (2, None, "areas_shape_missing"),
        (2, shapely.Point(116.3, 39.8), "areas_shape_kind"),
    ]:
        with pytest.raises(GeoError) as fault:
            index.edit(row, shape)
        assert fault.value.code == code
        assert fault.value.rows == (() if code == "area_row" else (2,))
    assert index.locate(lng, lat).tolist() == before.tolist()
    assert index.content_hash == digest


def test_riders_of_a_station_that_moved() -> None:
    """They are named by what they refer to."""
    assert by_reference(np.array(["a", "b", "a"]), "a").tolist() == [0, 2]
    assert by_reference(np.array([4, 5]), 6).tolist() == []


def test_kept_points_name_whole_boxes() -> None:
    """Boxes are inclusive, may overlap, and may lie outside; no points is no fault."""
    points = KeptPoints.build([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
    assert points.in_boxes(np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.5, 9.0]])).tolist() == [0, 1]
    assert points.in_boxes(np.array([[5.0, 5.0, 6.0, 6.0]])).tolist() == []
    assert KeptPoints.build([], []).near(116.4, 39.9, 1500.0).tolist() == []


def test_a_saved_index_may_be_edited(tmp_path: object) -> None:
    """Edits of a loaded index stay in memory; saved again, it is the edited one."""
    path = f"{tmp_path}/areas.index"
    areas = tessellation(8, 3, 3)
    AreaIndex.build(areas).save(path)
    index = AreaIndex.load(path)
    half = shapely.intersection(areas.geometry.iloc[0], shapely.box(116.29, 39.7, 116.305, 39.9))
    index.edit(0, half)
    assert AreaIndex.load(path).content_hash == AreaIndex.build(areas).content_hash
    index.save(path)
    areas.loc[0, "geometry"] = half
    again = AreaIndex.load(path)
    assert again.content_hash == AreaIndex.build(areas).content_hash
    lng, lat = awkward_points(areas, 8, 100)
    assert again.locate(lng, lat).tolist() == AreaIndex.build(areas).locate(lng, lat).tolist()
