"""A file of riders is matched as the contract says."""

import os
from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from geo.datum import convert
from geo.errors import GeoError
from rider_hub.assignments.files import match_files, rejects_path
from rider_hub.errors import Invalid
from tests.rider_hub.assignments.match_scene import HEADER, LOVE, STREETS, areas_file, csv_file, refused, run


def test_the_contract_s_columns_and_statuses(tmp_path: Path) -> None:
    """Inside, border and outside; a border point keeps its area's code, an outside one has none."""
    report, rows = run(
        tmp_path,
        "rider_ref,lng,lat,frame\n"
        "骑手甲0001号,116.405,39.905,wgs84\n"
        "r2,116.40999,39.905,cgcs2000\n"
        "r3,116.41,39.905,wgs84\n"
        "r4,116.39999,39.905,wgs84\n"
        "r5,116.40001,39.905,wgs84\n",
    )
    assert rows[0] == HEADER + LOVE
    assert [row[:3] for row in rows[1:]] == [
        ["骑手甲0001号", "b", "inside"],
        ["r2", "b", "border"],
        # On the shared border the smallest code wins.
        ["r3", "a", "border"],
        # One metre off the outer border is still outside: asked, not guessed.
        ["r4", "", "outside"],
        ["r5", "b", "border"],
    ]
    assert all(row[3:] == [""] * 6 for row in rows[1:])
    assert (report.total, report.matched, report.rejected) == (5, 5, 0)
    assert (report.inside, report.border, report.outside, report.near_love_station) == (1, 3, 1, 0)
    assert refused(tmp_path) == []


def test_love_stations_come_nearest_first_within_the_radius(tmp_path: Path) -> None:
    """Three nearest in metres on the ellipsoid with one decimal, each in its own frame, ties by row."""
    far = convert(116.412, 39.905, "wgs84", "gcj02")
    text = (
        "code,lng,lat,frame,opening_hours\n"
        f"far,{float(far[0])!r},{float(far[1])!r},gcj02,\n"
        "east,116.406,39.905,wgs84,08:00-20:00\n"
        "twin-1,116.405,39.905,wgs84,\n"
        "twin-2,116.405,39.905,wgs84,\n"
    )
    love = csv_file(tmp_path, "love.csv", text)
    riders = "rider_ref,lng,lat,frame\nr1,116.405,39.905,wgs84\nr2,116.405,39.9121,wgs84\nr3,0,0,wgs84\n"
    report, rows = run(tmp_path, riders, love_stations=love, radius_m=700)
    near = Geod(ellps="WGS84").inv(116.405, 39.905, 116.406, 39.905)[2]
    assert rows[1][3:] == ["twin-1", "0.0", "twin-2", "0.0", "east", f"{near:.1f}"]
    assert rows[2][3:] == rows[3][3:] == [""] * 6
    assert report.near_love_station == 1
    _, rows = run(tmp_path, riders, love_stations=love)
    north = Geod(ellps="WGS84").inv(116.405, 39.9121, 116.405, 39.905)[2]
    assert rows[2][3:6] == ["twin-1", f"{north:.1f}", "twin-2"]


def test_a_rider_without_a_point_takes_the_station_s(tmp_path: Path) -> None:
    """The station's point stands in, an own point goes before it, and unknown stations are refused."""
    lng, lat = convert(116.415, 39.905, "wgs84", "bd09")
    stations = csv_file(
        tmp_path,
        "stations.csv",
        f"station_ref,lng,lat,frame\ns1,{float(lng)!r},{float(lat)!r},bd09\ns2,116,x,wgs84\n",
    )
    riders = (
        "rider_ref,lng,lat,frame,station_ref\n"
        "r1,,,,s1\n"
        "r2,116.405,39.905,wgs84,s1\n"
        "r3,,,,s9\n"
        "r4,,,wgs84,s2\n"
        "r5,116.405,39.905,wgs84,s9\n"
        "r6,,,wgs84,\n"
    )
    report, rows = run(tmp_path, riders, stations=stations)
    assert [row[:3] for row in rows[1:]] == [
        ["r1", "a", "inside"],
        ["r2", "b", "inside"],
        ["r5", "b", "inside"],
    ]
    assert refused(tmp_path) == [
        ("3", "station_ref", "station_unknown"),
        ("4", "station_ref", "station_unknown"),
        ("6", "lng", "required"),
        ("6", "lat", "required"),
        ("2", "stations.lat", "not_number"),
    ]
    assert (report.total, report.matched, report.rejected) == (6, 3, 3)
    run(tmp_path, "rider_ref,lng,lat,frame,station_ref\nr1,,,,s1\n")
    assert refused(tmp_path) == [("1", "lng", "point_missing")]


def test_unusable_areas_leave_nothing_behind(tmp_path: Path) -> None:
    """Broken areas, an unknown frame and a radius below nothing raise GeoError before anything is written."""
    riders = "rider_ref,lng,lat,frame\nr1,116.405,39.905,wgs84\n"
    broken = csv_file(tmp_path, "broken.geojson", "{")
    for options in ({"areas": broken}, {"areas_frame": "mars"}, {"radius_m": -1.0}, {"border_m": -1.0}):
        with pytest.raises(GeoError):
            run(tmp_path, riders, **options)
    assert not (tmp_path / "o.csv").exists()
    assert not list(tmp_path.glob("*.part"))


def test_the_output_spares_inputs_and_needs_a_folder(tmp_path: Path) -> None:
    """An output over an input, also as its rejects, or in no folder is refused."""
    riders = csv_file(tmp_path, "o.rejects.csv", "rider_ref,lng,lat,frame\nr1,116.405,39.905,wgs84\n")
    with pytest.raises(Invalid, match="overwrite"):
        run(tmp_path, riders)
    with pytest.raises(Invalid, match="folder"):
        match_files(riders, areas_file(tmp_path), out=tmp_path / "none" / "o.csv")


def test_devices_and_folders_that_take_no_file_are_named(tmp_path: Path) -> None:
    """A pipe or device is never replaced, a write that fails says so, and a link stays a link."""
    riders = csv_file(tmp_path, "r.csv", "rider_ref,lng,lat,frame\nr1,116.405,39.905,wgs84\n")
    os.mkfifo(tmp_path / "pipe")
    for out, code in ((tmp_path / "pipe", "out_folder"), (Path("/proc/o.csv"), "out_unwritable")):
        with pytest.raises(Invalid) as caught:
            match_files(riders, areas_file(tmp_path), out=out)
        assert caught.value.code == code
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "link.csv").symlink_to(tmp_path / "target.csv")
    match_files(riders, areas_file(tmp_path), out=tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert "r1,b,inside" in (tmp_path / "target.csv").read_text()


def test_rejects_stand_beside_the_output() -> None:
    """O.csv has O.rejects.csv; a name without .csv keeps all of it."""
    assert rejects_path(Path("a/O.csv")) == Path("a/O.rejects.csv")
    assert rejects_path(Path("O.2026")) == Path("O.2026.rejects.csv")


def test_no_riders_give_a_header(tmp_path: Path) -> None:
    """A file with a header alone is matched: nothing in, nothing out."""
    report, rows = run(tmp_path, "rider_ref,lng,lat,frame\n")
    assert rows == [HEADER + LOVE]
    assert report.total == report.matched == 0


def test_frames_make_no_difference_on_real_streets(tmp_path: Path) -> None:
    """The same 900 places told in three frames, over real streets told in gcj02, are matched alike."""
    random = np.random.default_rng(3)
    lng, lat = random.uniform(116.39, 116.43, 300), random.uniform(39.87, 39.90, 300)
    told = {
        frame: np.column_stack(convert(lng, lat, "wgs84", frame)).tolist()
        for frame in ("wgs84", "gcj02", "bd09")
    }
    lines = [
        f"{frame}-{n},{x!r},{y!r},{frame}"
        for frame, points in told.items()
        for n, (x, y) in enumerate(points)
    ]
    report, rows = run(tmp_path, "\n".join(["rider_ref,lng,lat,frame", *lines]), areas=STREETS)
    places = [row[1:3] for row in rows[1:]]
    assert places[:300] == places[300:600] == places[600:]
    assert min(report.inside, report.border, report.outside) > 0
