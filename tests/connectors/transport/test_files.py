"""Feed files: formats by content, encodings, spreadsheets, broken files, and the watched folder."""

import codecs
import csv
import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineError

from connectors.contract import check
from connectors.errors import FeedError
from connectors.problems import BrokenRow, LostDigits
from connectors.transport.files import read_rows, ready_files
from connectors.transport.workbook import rows as sheet_rows

HEADER = "站点编号,名称,备注\n"
TABLE = HEADER + "007,东四示例站,㼆𠮷\n\n008,=1+1,\n"
ROWS = [
    (1, {"站点编号": "007", "名称": "东四示例站", "备注": "㼆𠮷"}),
    (3, {"站点编号": "008", "名称": "=1+1", "备注": ""}),
]


def refused(data: bytes, **options: Any) -> str:
    """Return the code for which a file is refused as a whole."""
    with pytest.raises(FeedError) as caught:
        list(read_rows(data, **options))
    assert caught.value.zh
    assert caught.value.en
    return caught.value.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_is_read_in_any_usual_encoding(encoding: str) -> None:
    """UTF-8, UTF-16 with its mark and GB18030 give the same rows; blank rows keep their numbers."""
    assert list(read_rows(TABLE.encode(encoding))) == ROWS


def test_a_broken_byte_costs_a_line_and_never_garbles_the_others() -> None:
    """In NDJSON the line alone is unreadable; a CSV is refused as a whole, not read as GB18030."""
    good = '{"name":"东四示例站"}'.encode()
    data = b"\n".join([good, good, good.replace("站".encode(), "站".encode()[:2]), b"", good])
    assert list(read_rows(data)) == [(1, good), (2, good), (3, data.split(b"\n")[2]), (5, good)]
    # The cut character and the digit after it are four bytes that GB18030 knows.
    table = "名称\n东四示例站站\n骑手甲站\n".encode() + "骑手".encode()[:5] + b"0001\n"
    assert refused(table) == "encoding_unreadable"


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_a_delimiter_is_found(delimiter: str) -> None:
    """Tabs, semicolons and bars are found by the header; a stated one is taken."""
    data = TABLE.replace(",", delimiter).encode()
    assert list(read_rows(data)) == list(read_rows(data, delimiter=delimiter)) == ROWS


def test_dotted_columns_nest_and_cells_beyond_the_header_show() -> None:
    """`a.b` becomes a nested field; a cell without a heading becomes an unknown field, not a loss."""
    assert list(read_rows(b"a.b,a.c,d\n1,2,3,4\n")) == [
        (1, {"a": {"b": "1", "c": "2"}, "d": "3", "(column 4)": "4"})
    ]


def test_a_name_of_many_dots_is_a_name_and_no_depth() -> None:
    """Rows of the standard nest by two; a heading of a thousand dots would nest beyond what can be read."""
    name = ".".join("a" * 1000)
    assert list(read_rows(f"{name},b\n1,2\n".encode())) == [(1, {name: "1", "b": "2"})]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b" \n ", "file_empty"),
        (codecs.BOM_UTF8, "file_empty"),
        (b"\x81", "encoding_unreadable"),
        ("编号,名称".encode("utf-16-le"), "encoding_unreadable"),
        ("a,b\n".encode("utf-16-le"), "encoding_unreadable"),
        ("編號,かな\nカナ,ｱ".encode("shift-jis"), "encoding_unreadable"),
        (b"[1,", "json_unreadable"),
        (b"a,a\n1,2", "header_duplicate"),
        (b",".join(b"c%d" % n for n in range(1001)) + b"\n1,2", "too_many_columns"),
        (b"a,b\n1" + b",x" * 1000, "too_many_columns"),
        (b'a,"b\n1,2', "csv_unreadable"),
        (b"x" * 200_000, "csv_unreadable"),
        (b"PK\x03\x04 no workbook", "workbook_unreadable"),
    ],
)
def test_an_unreadable_file_is_refused_by_name(data: bytes, code: str) -> None:
    """A file that can't be read as a whole has its own code for each cause."""
    assert refused(data) == code


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        (["1,2", '"3,4', "5,6"], [2]),
        (["1,2", '3,"4"x', "5,6"], [2]),
        (["1,2", "3," + "x" * 200_000, "5,6"], [2]),
        (['1,"2', '3,"4', "5,6", '"7,8'], [1, 2, 4]),
        (['"1', '2",3', '4,"5"5'], [2]),
    ],
)
def test_a_stray_quote_costs_its_own_row(lines: list[str], broken: list[int]) -> None:
    """The rows before and after it are read, numbered as in the file; a quoted line end is no fault."""
    rows = list(read_rows(("a,b\n" + "\n".join(lines) + "\n").encode()))
    assert [number for number, row in rows if isinstance(row, BrokenRow)] == broken
    assert all(set(row) == {"a", "b"} for _, row in rows if isinstance(row, dict))
    assert len(rows) == len(lines) - (lines[0] == '"1')
    batch = check(rows, feed_type="registration")
    told = {one.row for one in batch.failures if one.code == "row_quoting"}
    assert (sorted(told), batch.total) == (broken, len(rows))


def test_json_lines_and_arrays_keep_each_row_apart() -> None:
    """NDJSON and JSON arrays give each row's own bytes, so one broken line is one refused row."""
    assert list(read_rows(b'{"a":1}\n\n{oops\n')) == [(1, b'{"a":1}'), (3, b"{oops")]
    assert list(read_rows(b' [{"a":1}, 2]')) == [(1, b'{"a":1}'), (2, b"2")]
    assert list(read_rows('{"a":"站"}'.encode("gb18030"))) == [(1, '{"a":"站"}'.encode())]
    assert list(read_rows(b"oops\n", name="x.ndjson")) == [(1, b"oops")]


def workbook(write: Any) -> bytes:
    """Return a workbook whose first sheet is filled by `write`."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False}) as book:
        write(book, book.add_worksheet("骑手"))
    return data.getvalue()


def test_a_workbook_is_read_as_text(tmp_path: Path) -> None:
    """Phones typed as numbers, leading zeros, dates and rare characters come out as a person sees them."""

    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(2, 1, ["手机号", "编号", "时间", "证件"])
        sheet.write_row(3, 1, [19900000001, "007", "", "𠮷=1"])
        sheet.write_datetime(
            3,
            3,
            datetime.fromisoformat("2026-11-01T08:30"),
            book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        )
        sheet.write_row(5, 1, [1.5, True, "", 110105194912310021])

    path = tmp_path / "骑手.xlsx"
    path.write_bytes(workbook(write))
    first, second = read_rows(path)
    assert first == (
        1,
        {"手机号": "19900000001", "编号": "007", "时间": "2026-11-01 08:30:00", "证件": "𠮷=1"},
    )
    assert second == (3, {"手机号": "1.5", "编号": "true", "时间": "", "证件": LostDigits("E6")})
    assert list(read_rows(path, sheet="骑手")) == [first, second]
    assert refused(path.read_bytes(), sheet="没有") == "sheet_missing"


def test_a_workbook_that_would_fill_memory_ends_its_own_process_only() -> None:
    """Two far-apart cells, a bomb for a dense reader, are refused as too large and we stay alive."""

    def write(_: Any, sheet: Any) -> None:
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "b")

    assert refused(workbook(write)) == "workbook_too_large"


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    """A zip file of other content is named unreadable."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    assert refused(data.getvalue()) == "workbook_unreadable"


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_rows_or_a_feed_error(data: bytes) -> None:
    """Whatever bytes come in, they are rows for the check or one FeedError; workbooks are tried elsewhere."""
    try:
        rows = list(read_rows(data))
    except FeedError:
        return
    assert check(rows, feed_type="registration").total == len(rows)


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip).filter(bool),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
    )
)
def test_a_csv_of_any_text_comes_back_equal(cells: list[list[str]]) -> None:
    """What a CSV writer wrote is read back equal, quotes and delimiters included."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["第一列", "第二列"], *cells])
    found = [list(row.values()) for _, row in read_rows(text.getvalue().encode()) if isinstance(row, dict)]
    assert found == cells


def test_only_files_at_rest_are_ready(tmp_path: Path) -> None:
    """A file is ready when it did not change between two looks; temporary names, links and folders never."""
    seen: dict[str, tuple[int, int]] = {}
    for name in ("b.csv", "a.csv", "c.csv.part", ".hidden", "~$d.xlsx"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    assert ready_files(tmp_path, seen) == []
    (tmp_path / "b.csv").write_text("more")
    assert ready_files(tmp_path, seen) == [tmp_path / "a.csv"]
    assert set(ready_files(tmp_path, seen)) == {tmp_path / "a.csv", tmp_path / "b.csv"}


def test_an_older_workbook_is_read_as_one() -> None:
    """An .xls is no archive: its own reader judges it, not the check of archives."""
    with pytest.raises(CalamineError):
        next(sheet_rows(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), None))
