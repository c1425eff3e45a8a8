"""Workbooks, read back by two other libraries."""

from datetime import UTC, date, datetime
from io import BytesIO
from urllib.parse import unquote

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from rider_hub.errors import Invalid
from rider_hub.web.cells import Kind, Plain, plain_of
from rider_hub.web.export import MAX_ROWS, Sheet, SheetColumn, attachment, write_workbook

HEAD = 7  # the row of the header, counted from 1


def sheet(kinds: list[Kind], rows: list[list[Plain]]) -> Sheet:
    """Describe a sheet with columns of these kinds."""
    return Sheet(
        title="骑手台账",
        unit="东华门街道",
        reporter="张三丰收",
        as_of="2026-11-23 09:30",
        columns=[SheetColumn(f"列{number}", kind) for number, kind in enumerate(kinds)],
        rows=rows,
    )


def calamine(body: bytes) -> list[list[object]]:
    """Read the rows below the header with calamine, without leaving out empty ones."""
    book = CalamineWorkbook.from_filelike(BytesIO(body))
    return [list(row) for row in book.get_sheet_by_index(0).to_python(skip_empty_area=False)][HEAD:]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+86",
        "-1",
        "@SUM(A1)",
        "007",
        "19912345678",
        "110101199001010007",
        "𠮷㼆🚲",
        "http://a.example",
    ],
)
async def test_text_stays_the_text_it_was(text: str) -> None:
    """Nothing becomes a formula, a number or a link; leading zeros and rare characters stay."""
    body = await write_workbook(sheet(["text", "phone", "code"], [[text, text, text]]))
    cells = openpyxl.load_workbook(BytesIO(body)).active[HEAD + 1]
    assert [cell.value for cell in cells] == [text] * 3
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    assert {cell.number_format for cell in cells} == {"@"}
    assert {cell.hyperlink for cell in cells} == {None}
    assert calamine(body) == [[text] * 3]


async def test_text_that_looks_like_an_escape_stays_too() -> None:
    """A workbook writes odd characters as _xHHHH_; a text that has this form by itself is kept apart."""
    assert calamine(await write_workbook(sheet(["text"], [["_x0041_"]]))) == [["_x0041_"]]


@settings(max_examples=40)
@given(
    st.lists(
        st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40),
        min_size=1,
        max_size=5,
    )
)
async def test_any_printable_text_makes_the_round(texts: list[str]) -> None:
    """What a cell holds is what the row held."""
    body = await write_workbook(sheet(["text"], [[text] for text in texts]))
    assert [row[0] for row in calamine(body)] == texts


async def test_numbers_and_times_are_numbers_and_times() -> None:
    """A workbook can be summed and sorted; instants are Shanghai's; what is no number is empty."""
    instant = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
    kinds: list[Kind] = ["number", "metres", "date", "time", "number", "number"]
    given: list[object] = [1234.5, 312.4, date(2026, 11, 23), instant, float("nan"), None]
    row = [plain_of(value, kind) for value, kind in zip(given, kinds, strict=True)]
    body = await write_workbook(sheet(kinds, [row]))
    cells = openpyxl.load_workbook(BytesIO(body)).active[HEAD + 1]
    assert [cell.value for cell in cells] == [
        1234.5,
        312,
        datetime(2026, 11, 23),  # noqa: DTZ001 - a cell has no zone
        datetime(2026, 11, 23, 9, 30),  # noqa: DTZ001
        None,
        None,
    ]


async def test_a_sheet_says_who_filled_it_in_and_prints_well() -> None:
    """Title, four signing lines, header repeated, A4 landscape, one page wide."""
    page = openpyxl.load_workbook(BytesIO(await write_workbook(sheet(["text"], [["甲"]])))).active
    lines = [page.cell(row, 1).value for row in range(1, HEAD + 1)]
    assert lines[:5] == [
        "骑手台账",
        "填报单位：东华门街道",
        "填报人：张三丰收",
        "审核人：",
        "截至时间：2026-11-23 09:30",
    ]
    assert lines[5:] == ["筛选条件：无；共 1 行", "列0"]
    assert page.print_title_rows == f"${HEAD}:${HEAD}"
    assert (page.page_setup.orientation, page.page_setup.paperSize) == ("landscape", 9)
    assert (page.page_setup.fitToWidth or 1, page.page_setup.fitToHeight) == (1, 0)
    assert page.freeze_panes == f"B{HEAD + 1}"


async def test_too_many_rows_are_refused_with_the_cure() -> None:
    """Above what a sheet holds nothing is written, and the viewer is told to filter."""
    with pytest.raises(Invalid, match="Filter first") as caught:
        await write_workbook(sheet(["text"], [[None]] * (MAX_ROWS + 1)))
    assert caught.value.code == "export_too_large"


async def test_text_that_no_cell_holds_is_cut_and_says_so() -> None:
    """Overlong text ends in a mark, lone surrogates and control characters break nothing."""
    rows: list[list[Plain]] = [["长" * 40_000], ["a\ud800b"], ["a\x00\x0bb"]]
    cells = calamine(await write_workbook(sheet(["text"], rows)))
    assert str(cells[0][0]).endswith("…（过长，已截断）")
    assert len(str(cells[0][0])) == 32_767
    assert cells[1][0] == "a?b"


async def test_a_sheet_without_rows_is_still_a_sheet() -> None:
    """An export of nothing has its head and no row."""
    assert calamine(await write_workbook(sheet(["text", "number"], []))) == []


def test_chinese_file_names_travel_and_are_safe() -> None:
    """The name is given in UTF-8 and in ASCII; slashes, quotes and line breaks are gone."""
    header = attachment('骑手/台账"\r\n2026.xlsx')
    plain, encoded = header.removeprefix("attachment; ").split("; ")
    assert plain == 'filename="_2026.xlsx"' or plain.startswith('filename="export')
    assert unquote(encoded.removeprefix("filename*=UTF-8''")) == "骑手_台账_2026.xlsx"
    assert "\n" not in header


@given(st.text())
def test_any_name_gives_a_header_of_one_line(name: str) -> None:
    """No name can break out of the header."""
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
