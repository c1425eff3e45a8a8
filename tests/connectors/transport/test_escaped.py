"""Tables as MySQL writes them: escapes, NULL, columns by position; what can't be told apart costs its row."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import FeedError
from connectors.problems import LostDigits, MisfitRow
from connectors.sources.file_form import FileForm
from connectors.transport.files import read_rows

NAMES = ("id", "name", "note")
DUMP = FileForm(delimiter="tab", escape="backslash", header=NAMES)
cells = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12).filter(
    lambda text: not text.startswith("\ufeff")
)


def outfile(rows: list[tuple[str | None, ...]], *, quoted: bool = False) -> bytes:
    """Write rows as SELECT … INTO OUTFILE does, with ENCLOSED BY a quote where `quoted`."""
    signs = {"\\": "\\\\", "\t": "\\\t", "\n": "\\\n", "\0": "\\0"} | ({'"': '\\"'} if quoted else {})
    around = '"' if quoted else ""

    def cell(text: str | None) -> str:
        return "\\N" if text is None else around + "".join(signs.get(sign, sign) for sign in text) + around

    return "".join("\t".join(map(cell, row)) + "\n" for row in rows).encode()


@given(st.lists(st.tuples(st.just("7"), st.one_of(st.none(), cells), cells), min_size=1), st.booleans())
def test_what_mysql_writes_reads_back(rows: list[tuple[str | None, ...]], quoted: bool) -> None:
    r"""Tabs, line ends, backslashes and quotes within values; NULL is an empty cell, the text `\N` is not."""
    # A cell that begins with a quote is read as quoted, unless the mapping says there are none.
    form = FileForm(delimiter="tab", escape="backslash", quotes=quoted, header=NAMES, encoding="utf-8")
    read = [row for _, row in read_rows(outfile(rows, quoted=quoted), form=form)]
    assert read == [dict(zip(NAMES, (cell or "" for cell in row), strict=True)) for row in rows]


def test_a_null_is_told_from_the_letters_behind_a_backslash() -> None:
    r"""`\N` alone is no value; `\\N` is a backslash and an N."""
    read = [row for _, row in read_rows(b"1\t\\N\t\\\\N\n", form=DUMP)]
    assert read == [{"id": "1", "name": "", "note": "\\N"}]


def test_a_row_of_another_width_costs_itself_alone() -> None:
    """A column added or dropped would let every later one be read as its neighbour."""
    read = dict(read_rows(b"1\ta\tb\n2\ta\n3\ta\tb\tc\n4\ta\tb\n", form=DUMP))
    assert [number for number, row in read.items() if isinstance(row, MisfitRow)] == [2, 3]
    assert read[4] == {"id": "4", "name": "a", "note": "b"}


def test_a_heading_that_comes_all_the_same_is_passed_over_or_refuses_the_file() -> None:
    """The agreed names are no row; the same names in another order would exchange columns.

    Nor are names a row of which one is forbidden.
    """
    assert list(read_rows(b"ID\tname\tnote\n1\ta\tb\n", form=DUMP)) == [
        (1, {"id": "1", "name": "a", "note": "b"})
    ]
    for other in ("id\tnote\tname", "骑手号\t备注\t政治面貌"):
        with pytest.raises(FeedError) as caught:
            list(read_rows(f"{other}\n1\ta\tb\n".encode(), form=DUMP))
        assert caught.value.code == "header_differs"


@pytest.mark.parametrize("sign", ["\n", "\t"])
def test_a_cell_of_a_million_escapes_is_read_in_the_time_of_its_length(sign: str) -> None:
    """Joined anew with each of them it would take an hour, and the server's only reader with it."""
    body = "1\ta\t" + f"\\{sign}" * 1_000_000 + ".\n"
    [(_, row)] = read_rows(body.encode(), form=DUMP)
    assert row == {"id": "1", "name": "a", "note": sign * 1_000_000 + "."}


def test_a_stated_table_is_no_json_whatever_its_first_cell() -> None:
    """A row may begin with a bracket; a file named as JSON is JSON still."""
    form = FileForm(delimiter="pipe", quotes=False, header=NAMES)
    assert list(read_rows(b'[1|"a|b\n', form=form)) == [(1, {"id": "[1", "name": '"a', "note": "b"})]
    assert list(read_rows(b'{"id": "1"}\n', name="x.ndjson", form=form)) == [(1, b'{"id": "1"}')]


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1))
def test_a_csv_without_names_is_read_by_position(rows: list[list[str]]) -> None:
    """The same cells as with a heading of the names."""
    told = io.StringIO()
    csv.writer(told, quoting=csv.QUOTE_ALL).writerows([["7", *row[1:]] for row in rows])
    body = told.getvalue().encode()
    form = FileForm(delimiter="comma", header=NAMES, encoding="utf-8")
    with_heading = list(read_rows(b"id,name,note\n" + body, encoding="utf-8", delimiter=","))
    found = list(read_rows(body, form=form))
    assert [told_of(row) for _, row in found] == [told_of(row) for _, row in with_heading]


def told_of(row: Any) -> Any:
    """Return a row without the names of cells: with a heading it stands one line lower."""
    lost = {name: LostDigits("") for name, value in row.items() if isinstance(value, LostDigits)}
    return {**row, **lost}
