"""Every row of a file is either matched or refused with its fault, whatever it holds."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rider_hub.errors import Invalid
from tests.rider_hub.assignments.match_scene import csv_file, refused, run


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


def test_a_short_name_in_gb18030_is_not_taken_for_another_script(tmp_path: Path) -> None:
    """The two bytes of 站 are valid UTF-8 too; a lone one is still read as Chinese, as feeds read it."""
    text = "rider_ref,lng,lat,frame\n站,116.405,39.905,wgs84\n"
    _, rows = run(tmp_path, csv_file(tmp_path, "r.csv", text, "gb18030"))
    assert [row[0] for row in rows[1:]] == ["站"]


def test_nul_is_no_text(tmp_path: Path) -> None:
    """A row that holds NUL is refused and does not reach the output."""
    _, rows = run(tmp_path, "rider_ref,lng,lat,frame\nr\x001,116.405,39.905,wgs84\nr2,116.405,39.905,wgs84\n")
    assert [row[0] for row in rows[1:]] == ["r2"]
    assert refused(tmp_path) == [("1", "row", "cell_encoding")]


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
