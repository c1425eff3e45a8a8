"""Points and files are read as the frame stated, and frames that do not fit show in the evidence."""

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.areas import AreaIndex
from geo.datum import convert
from geo.errors import GeoError
from geo.frames import READINGS, frame_evidence, read_areas, read_points
from tests.geo.shapes import DATA, frame

STREETS = DATA / "streets_sample.geojson"


def test_each_row_is_read_in_its_own_frame() -> None:
    """One place told in four frames is one place."""
    frames = ["wgs84", "gcj02", "bd09", "cgcs2000"]
    told = [convert(116.404, 39.915, "wgs84", name) for name in frames]
    lng, lat = read_points([x for x, _ in told], [y for _, y in told], frames)
    assert lng == pytest.approx([116.404] * 4, abs=1e-11)
    assert lat == pytest.approx([39.915] * 4, abs=1e-11)
    assert read_points([], [], [])[0].shape == read_points([], [], "gcj02")[0].shape == (0,)


def test_one_frame_for_all() -> None:
    """A single name stands for every row."""
    lng, lat = read_points([116.404, 121.5], [39.915, 31.2], "gcj02")
    expected = convert([116.404, 121.5], [39.915, 31.2], "gcj02", "wgs84")
    assert np.array_equal([lng, lat], expected)


def test_frames_that_do_not_fit_are_named() -> None:
    """An unknown word is named by its row, a frame too many by the lengths."""
    with pytest.raises(GeoError) as fault:
        read_points([116.4] * 3, [39.9] * 3, ["wgs84", "mars", ""])
    assert (fault.value.code, fault.value.rows) == ("frame_unknown", (1, 2))
    with pytest.raises(GeoError, match="frame_lengths"):
        read_points([116.4], [39.9], ["wgs84", "wgs84"])


def test_geojson_becomes_code_name_and_polygon() -> None:
    """The columns, the order and the CRS are always the same."""
    areas = read_areas(STREETS, "wgs84")
    assert list(areas.columns) == ["code", "name", "geometry"]
    assert areas.crs.to_epsg() == 4326
    assert sorted(areas["code"]) == ["110101011", "110101012", "110101015", "110101016"]
    assert areas.set_index("code")["name"]["110101011"] == "前门街道"


@pytest.mark.parametrize(
    "kind", ["gpkg", "shp", "zip", "geojson-gb18030", "geojson-bom", "shp-no-cpg", "projected"]
)
def test_every_kind_of_file_says_the_same(kind: str, tmp_path: Path) -> None:
    """GeoPackage, Shapefile (zipped, without .cpg), GB18030, a BOM and a projected file give equal areas."""
    areas = read_areas(STREETS, "wgs84")
    path = tmp_path / f"areas.{kind.split('-', maxsplit=1)[0]}"
    if kind == "gpkg":
        areas.to_file(path)
    elif kind == "projected":
        path = tmp_path / "areas.gpkg"
        areas.to_crs(4549).to_file(path)
    elif kind.startswith("geojson"):
        encoding = "gb18030" if kind.endswith("gb18030") else "utf-8-sig"
        path.write_text(STREETS.read_text(encoding="utf-8"), encoding=encoding)
    else:
        shapefile = tmp_path / "areas.shp"
        areas.to_file(shapefile, encoding="GB18030")
        if kind == "shp-no-cpg":
            (tmp_path / "areas.cpg").unlink()
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                for part in sorted(tmp_path.glob("areas.[cdps]*")):
                    archive.write(part, part.name)
    again = read_areas(path, "cgcs2000")
    assert again["code"].tolist() == areas["code"].tolist()
    assert again["name"].tolist() == areas["name"].tolist()
    moved = shapely.hausdorff_distance(again.geometry.array, areas.geometry.array)
    assert moved.max() <= (1e-9 if kind == "projected" else 0.0)


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_vertices_come_back_from_another_frame(name: str, tmp_path: Path) -> None:
    """A file in gcj02 or bd09 gives the WGS84 borders, and neighbours still share them."""
    areas = read_areas(STREETS, "wgs84")
    there = shapely.transform(
        np.asarray(areas.geometry.array),
        lambda xy: np.column_stack(convert(xy[:, 0], xy[:, 1], "wgs84", name)),
    )
    path = tmp_path / "there.geojson"
    gpd.GeoDataFrame(areas[["code", "name"]], geometry=there, crs=4326).to_file(path, COORDINATE_PRECISION=15)
    back = read_areas(path, name)
    assert shapely.hausdorff_distance(back.geometry.array, areas.geometry.array).max() < 1e-11
    assert shapely.union_all(back.geometry.array).area == pytest.approx(
        shapely.union_all(areas.geometry.array).area
    )


def test_numbers_and_gaps_in_columns(tmp_path: Path) -> None:
    """Codes told as numbers become text, missing ones and names become empty, other columns may be named."""
    table = gpd.GeoDataFrame(
        {"id": [110101001, None], "称": ["东华门", None]}, geometry=[shapely.box(0, 0, 1, 1), None], crs=4326
    )
    table.to_file(tmp_path / "a.gpkg")
    areas = read_areas(tmp_path / "a.gpkg", "gcj02", code="id", name="称")
    assert areas["code"].tolist() == ["110101001", ""]
    assert areas["name"].tolist() == ["东华门", ""]
    assert areas.geometry.isna().tolist() == [False, True]
    assert read_areas(tmp_path / "a.gpkg", "wgs84", code="id")["name"].tolist() == ["", ""]


def file_of(tmp_path: Path, content: str) -> Path:
    """Write a GeoJSON file."""
    path = tmp_path / "areas.geojson"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "areas_unreadable"),
        ("not json", "areas_unreadable"),
        (STREETS.read_text(encoding="utf-8")[:3000], "areas_unreadable"),
        (json.dumps({"type": "FeatureCollection", "features": []}), "areas_empty"),
        (STREETS.read_text(encoding="utf-8").replace('"code"', '"id"'), "areas_code_column"),
    ],
)
def test_broken_files_are_named(content: str, code: str, tmp_path: Path) -> None:
    """Empty, broken, cut and columnless files raise GeoError that names file and cure."""
    with pytest.raises(GeoError) as fault:
        read_areas(file_of(tmp_path, content), "wgs84")
    assert fault.value.code == code


def test_missing_files_frames_and_datums_are_named(tmp_path: Path) -> None:
    """A missing file, an unknown frame, another datum and metres without a CRS are told apart."""
    with pytest.raises(GeoError, match="areas_unreadable"):
        read_areas(tmp_path / "none.gpkg", "wgs84")
    with pytest.raises(GeoError, match="frame_unknown"):
        read_areas(STREETS, "mars")
    areas = frame([shapely.box(116.4, 39.9, 116.41, 39.91)])
    areas.to_crs(4610).to_file(tmp_path / "xian80.gpkg")
    areas.to_crs(4549).to_file(tmp_path / "projected.gpkg")
    areas.to_crs(4549).to_file(tmp_path / "metres.shp")
    (tmp_path / "metres.prj").unlink()
    for name, stated, code in [
        ("xian80.gpkg", "wgs84", "areas_datum"),
        ("projected.gpkg", "gcj02", "areas_datum"),
        ("metres.shp", "wgs84", "areas_not_degrees"),
    ]:
        with pytest.raises(GeoError, match=code):
            read_areas(tmp_path / name, stated)


@pytest.mark.parametrize("reading", READINGS)
def test_the_true_reading_agrees_most(reading: str) -> None:
    """Points sent in each frame, also with swapped axes, agree fully when read so, and clearly less else."""
    areas = read_areas(STREETS, "wgs84")
    index = AreaIndex.build(areas)
    random = np.random.default_rng(5)
    west, south, east, north = areas.total_bounds
    lng, lat = random.uniform(west, east, 600), random.uniform(south, north, 600)
    stated = [str(index.codes[row]) if row >= 0 else None for row in index.locate(lng, lat)]
    sent = convert(lng, lat, "wgs84", reading.removesuffix("_swapped"))
    evidence = frame_evidence(*(sent[::-1] if reading.endswith("_swapped") else sent), stated, index)
    assert evidence.suggested == reading
    assert evidence.rows == evidence.agreeing[reading] == sum(code is not None for code in stated)
    assert evidence.share(reading) == 1.0
    assert max(evidence.share(other) for other in READINGS if other != reading) < 0.8


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "", None, "none"]), min_size=0, max_size=20))
def test_only_rows_that_state_a_known_area_count(stated: list[str | None]) -> None:
    """Rows without a stated area, or with an unknown one, are no evidence; agreement never exceeds rows."""
    index = AreaIndex.build(frame([shapely.box(116, 39, 117, 40), shapely.box(116, 39, 118, 40)], ["a", "b"]))
    evidence = frame_evidence([116.5] * len(stated), [39.5] * len(stated), stated, index)
    assert evidence.rows == sum(code in {"a", "b"} for code in stated)
    # Both areas hold the point: agreeing with an overlapping one is agreeing.
    assert evidence.agreeing["wgs84"] == evidence.rows
    assert evidence.suggested == ("wgs84" if evidence.rows else None)
    assert evidence.share("gcj02") == (1.0 if evidence.rows else 0.0)


def test_evidence_refuses_what_it_cannot_count() -> None:
    """Codes must match points in number, and points be finite."""
    index = AreaIndex.build(frame([shapely.box(116, 39, 117, 40)]))
    with pytest.raises(GeoError, match="stated_lengths"):
        frame_evidence([116.5], [39.5], [], index)
    with pytest.raises(GeoError, match="point_not_finite"):
        frame_evidence([np.nan], [39.5], ["A000"], index)


def test_only_boundary_files_are_opened(tmp_path: Path) -> None:
    """A file that points elsewhere, an archive of two or of something else, and a folder are refused."""
    source = "<OGRVRTDataSource><OGRVRTLayer name='a'/></OGRVRTDataSource>"
    (tmp_path / "a.geojson").write_text(source, encoding="utf-8")
    (tmp_path / "a.shp").write_text(source, encoding="utf-8")
    for name, members in {"two.zip": ["a.shp", "b.shp"], "none.zip": ["a.csv"], "vrt.zip": ["a.shp"]}.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member in members:
                archive.writestr(member, source)
    for name in ("a.geojson", "a.shp", "two.zip", "none.zip", "vrt.zip", ""):
        with pytest.raises(GeoError, match="areas_unreadable"):
            read_areas(tmp_path / name, "wgs84")
    with pytest.raises(GeoError, match="areas_unreadable"):
        read_areas("/vsizip/areas.zip", "wgs84")
