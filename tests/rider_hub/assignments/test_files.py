"""A file of riders is matched as the contract says, and every row is either matched or refused."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geo.datum import convert
from geo.errors import GeoError
from rider_hub.assignments.files import MatchFilesReport, match_files, rejects_path
from rider_hub.assignments.files_command import match_files_command
from rider_hub.errors import Invalid
from tests.geo.shapes import DATA

STREETS = DATA / "streets_sample.geojson"
HEADER = ["rider_ref", "area_code", "area_status"]
LOVE = ["love_station_1", "metres_1", "love_station_2", "metres_2", "love_station_3", "metres_3"]
# Two squares side by side, about 853 m by 1110 m each.
SQUARES = {"b": shapely.box(116.40, 39.90, 116.41, 39.91), "a": shapely.box(116.41, 39.90, 116.42, 39.91)}


def areas_file(folder: Path) -> Path:
    """Write the two squares as GeoJSON."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": code},
            "geometry": shapely.geometry.mapping(shape),
        }
        for code, shape in SQUARES.items()
    ]
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def csv_file(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """Write a file of text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def run(folder: Path, riders: str | Path, **options: object) -> tuple[MatchFilesReport, list[list[str]]]:
    """Match riders (text of a CSV, or its path) with the squares; give the report and the rows written."""
    path = riders if isinstance(riders, Path) else csv_file(folder, "riders.csv", riders)
    report = match_files(
        path, options.pop("areas", None) or areas_file(folder), out=folder / "o.csv", **options
    )
    return report, rows_of(folder / "o.csv")


def rows_of(path: Path) -> list[list[str]]:
    """Read a CSV file whole."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def refused(folder: Path) -> list[tuple[str, str, str]]:
    """Read row, path and code of the refused rows."""
    rows = rows_of(folder / "o.rejects.csv")
    assert rows[0] == ["row", "path", "code", "zh", "en"]
    assert all(zh and en for *_, zh, en in rows[1:])
    return [(row[0], row[1], row[2]) for row in rows[1:]]


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


def test_bad_rows_come_back_and_good_ones_are_matched(tmp_path: Path) -> None:
    """Every fault of a row is named by row, field and code; no refused value is written."""
    riders = (
        "rider_ref,lng,lat,frame\n"
        "good,116.405,39.905,wgs84\n"
        ",116.405,39.905,wgs84\n"
        "r3,secret1,39.905,secret2\n"
        "r4,,39.905,\n"
        "r5,39.905,116.405,wgs84\n"
        "r6,1e400,nan,wgs84\n"
        "r7,１１６,1_0,wgs84\n"
        "good,116.405,39.905,wgs84\n"
        "r9,116.405,39.905,wgs84,extra\n"
        'r10,"116"1,39.905,wgs84\n'
        "\n"
        "r11,116.405\n"
        "r12,-180,-90,bd09\n"
    )
    report, rows = run(tmp_path, riders)
    assert [row[0] for row in rows[1:]] == ["good", "r12"]
    assert refused(tmp_path) == [
        ("2", "rider_ref", "required"),
        ("3", "lng", "not_number"),
        ("3", "frame", "frame_unknown"),
        ("4", "lng", "required"),
        ("4", "frame", "required"),
        ("5", "lat", "out_of_range"),
        ("6", "lng", "out_of_range"),
        ("6", "lat", "not_number"),
        ("7", "lng", "not_number"),
        ("7", "lat", "not_number"),
        ("8", "rider_ref", "duplicate"),
        ("9", "row", "row_shape"),
        ("10", "row", "row_quoting"),
        ("11", "lat", "required"),
        ("11", "frame", "required"),
    ]
    assert (report.total, report.matched, report.rejected) == (12, 2, 10)
    assert "secret" not in (tmp_path / "o.rejects.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_encodings_are_read(encoding: str, tmp_path: Path) -> None:
    """UTF-8 with and without a mark and GB18030 give the same output."""
    text = "rider_ref,lng,lat,frame\n骑手甲0001号,116.405,39.905,wgs84\n骑手乙㼆𠮷,116.405,39.905,wgs84\n"
    _, rows = run(tmp_path, csv_file(tmp_path, "riders.csv", text, encoding))
    assert [row[0] for row in rows[1:]] == ["骑手甲0001号", "骑手乙㼆𠮷"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_one_broken_byte_costs_one_row(encoding: str, tmp_path: Path) -> None:
    """A byte that is no text refuses its row alone, and does not turn the file into another encoding."""
    lines = [f"骑手{n}号,116.405,39.905,wgs84\n".encode(encoding) for n in range(20)]
    lines[7] = b"\xff" + lines[7]
    path = tmp_path / "riders.csv"
    path.write_bytes(b"rider_ref,lng,lat,frame\n" + b"".join(lines))
    _, rows = run(tmp_path, path)
    assert [row[0] for row in rows[1:]] == [f"骑手{n}号" for n in range(20) if n != 7]
    assert refused(tmp_path) == [("8", "row", "cell_encoding")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"\n\n", "file_empty"),
        (b"rider_ref,lng,lng,lat\nr1,1,1,1\n", "file_columns"),
        ("rider_ref,lng,lat,frame\n".encode("utf-16"), "file_encoding"),
        (b'rider_ref,lng,lat,frame\nr1,"1,1,wgs84\nr2,1,1,wgs84\n', "file_quoting"),
        (None, "file_unreadable"),
    ],
)
def test_files_unreadable_as_a_whole_are_named(content: bytes | None, code: str, tmp_path: Path) -> None:
    """Nothing is written when a file can't be trusted; the error names file and cure."""
    path = tmp_path / "riders.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Invalid) as fault:
        run(tmp_path, path)
    assert fault.value.code == code
    assert "riders.csv" in fault.value.zh
    assert "riders.csv" in fault.value.en
    assert not (tmp_path / "o.csv").exists()


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


def test_rejects_stand_beside_the_output() -> None:
    """O.csv has O.rejects.csv; a name without .csv keeps all of it."""
    assert rejects_path(Path("a/O.csv")) == Path("a/O.rejects.csv")
    assert rejects_path(Path("O.2026")) == Path("O.2026.rejects.csv")


def test_no_riders_give_a_header(tmp_path: Path) -> None:
    """A file with a header alone is matched: nothing in, nothing out."""
    report, rows = run(tmp_path, "rider_ref,lng,lat,frame\n")
    assert rows == [HEADER + LOVE]
    assert report.total == report.matched == 0


CELL = st.one_of(
    st.sampled_from(["", "116.405", "39.905", "wgs84", "gcj02", "nan", "x", "r1", "r2", '"', "1e3", "骑手"]),
    st.text(max_size=4).filter(lambda text: "\r" not in text and "\n" not in text),
)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=12))
def test_any_rows_are_matched_or_refused(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    """Total = matched + rejected whatever the rows hold; each refused row has a fault; bytes repeat."""
    folder = tmp_path_factory.mktemp("any")
    path = folder / "riders.csv"
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file).writerows([["rider_ref", "lng", "lat", "frame"], *cells])
    report, rows = run(folder, path)
    assert report.total == report.matched + report.rejected
    assert report.matched == len(rows) - 1 == report.inside + report.border + report.outside
    assert {int(row) for row, *_ in refused(folder)} == {failure.row for failure in report.failures}
    assert len({failure.row for failure in report.failures}) == report.rejected
    first = (folder / "o.csv").read_bytes(), (folder / "o.rejects.csv").read_bytes()
    run(folder, path)
    assert ((folder / "o.csv").read_bytes(), (folder / "o.rejects.csv").read_bytes()) == first


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


def test_the_command_says_how_it_ended(tmp_path: Path) -> None:
    """Exit 0 when all is read, 1 with refused rows, 2 when nothing was written; stdout stays empty."""
    areas = areas_file(tmp_path)
    love = csv_file(tmp_path, "love.csv", "code,lng,lat,frame\nL1,116.405,39.906,wgs84\n")
    good = csv_file(tmp_path, "good.csv", "rider_ref,lng,lat,frame\nr1,116.405,39.905,wgs84\n")
    bad = csv_file(tmp_path, "bad.csv", "rider_ref,lng,lat,frame\nr1,116.405,39.905,mars\n")
    for riders, status in ((good, 0), (bad, 1), (tmp_path / "none.csv", 2)):
        options = ["--areas", areas, "--riders", riders, "--love-stations", love, "--out", tmp_path / "o.csv"]
        result = CliRunner().invoke(match_files_command, [str(option) for option in options])
        assert result.exit_code == status, result.output
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 1
    assert "file_unreadable" in result.stderr
