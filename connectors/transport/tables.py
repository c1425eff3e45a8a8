"""Turns the rows of a table (CSV or workbook) into rows with named fields; every value stays text."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from connectors.errors import FeedError
from connectors.forbidden import forbidden_group
from connectors.problems import BrokenRow, LostDigits, MisfitRow, feed_error
from connectors.sources.file_form import DELIMITERS, FileForm
from connectors.transport.escaped import escaped_cells
from connectors.transport.limited import MEMORY, SECONDS, TOO_LARGE, lines_of
from connectors.transport.workbook import LOST, NO_SHEET

MAX_COLUMNS: Final = 1000
"""The most columns of a table."""

_MAX_DOTS: Final = 8  # the standard nests by one
_BY_COUNT: Final = (",", "\t", ";", "|")
#: So many names of columns in a first row make it a heading, not somebody's values.
_TELLING_NAMES: Final = 2
_FORM: Final = FileForm()
_LETTERS: Final = 26
# What is no column's name: a phone or identity number, a time, degrees.
_VALUE: Final = re.compile(
    r"\+?[0-9]{7,}[Xx]?|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9].*|[0-9]{1,3}\.[0-9]+", re.DOTALL
)


def csv_rows(
    text: str, delimiter: str | None, form: FileForm = _FORM
) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
    """Yield the rows of a CSV; a delimiter not given is the commonest of `, tab ; |` in the first line."""
    sign = delimiter or DELIMITERS.get(form.delimiter) or likely_delimiter(text)
    if form.escape == "backslash":
        cells = escaped_cells(text, sign, quotes=form.quotes)
    else:
        cells = _csv_cells(text, sign, quotes=form.quotes)
    return named_rows(cells, form.header, exact=True)


def first_of_text(text: str, form: FileForm) -> list[str] | None:
    """Return the first row of a text table that is not blank, as cells; None where none can be read."""
    sign = DELIMITERS.get(form.delimiter) or likely_delimiter(text)
    return _first(escaped_cells(text, sign, quotes=form.quotes))


def first_of_workbook(data: bytes) -> list[str] | None:
    """Return the first row of a workbook's first sheet that is not blank, as cells."""
    return _first(_workbook_cells(data, None))


def looks_like_values(cells: list[str]) -> bool:
    """Say whether a first row is somebody's values and not the names of columns."""
    return any(
        cell.strip() == "\\N" or cell.strip().isdigit() or _VALUE.fullmatch(cell.strip()) for cell in cells
    )


def _first(table: Iterable[list[str] | None]) -> list[str] | None:
    return next((cells for cells in table if cells and any(cell.strip() for cell in cells)), None)


def likely_delimiter(text: str) -> str:
    """Return the commonest delimiter of the first line that is not blank."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    return max(_BY_COUNT, key=first.count)


class _Lines:
    """Gives the lines of a text to a reader, which may give some back."""

    def __init__(self, text: str) -> None:
        self._lines = iter(io.StringIO(text, newline=""))
        self._back: list[str] = []
        #: Those given since the last call of `keep`.
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._lines)
        self.taken.append(line)
        return line

    def keep(self, count: int) -> None:
        """Keep the first lines taken; the others come again."""
        self._back += reversed(self.taken[count:])
        self.taken = []


def _csv_cells(text: str, delimiter: str, *, quotes: bool) -> Iterator[list[str] | None]:
    """Yield the cells of each record, None for a line whose quotes do not match.

    A quote that is never closed would swallow the lines after it: they are read anew, each for itself.
    """
    lines = _Lines(text)
    if quotes:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            lines.keep(1)
            yield None
            continue
        lines.keep(len(lines.taken))
        yield cells


def workbook_rows(
    data: bytes, sheet: str | None, form: FileForm = _FORM
) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
    """Yield the rows of one sheet of a workbook (the first if none is named)."""
    return named_rows(_workbook_cells(data, sheet), form.header)


def _workbook_cells(data: bytes, sheet: str | None) -> Iterator[list[str]]:
    chosen = [sheet] if sheet is not None else []
    for line in lines_of("connectors.transport.workbook", data, _workbook_error, *chosen):
        yield json.loads(line)


def _workbook_error(status: int) -> FeedError:
    if status == NO_SHEET:
        return feed_error("sheet_missing")
    if status != TOO_LARGE:
        return feed_error("workbook_unreadable")
    memory_mb = MEMORY // (1024 * 1024)
    return feed_error("workbook_too_large", status=413, memory_mb=memory_mb, seconds=SECONDS)


def named_rows(
    table: Iterable[list[str] | None], names: tuple[str, ...] = (), *, exact: bool = False
) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
    """Name the cells of each row by the first row that is not blank, and count rows from 1 after it.

    `names` stand for that row where the file has none; a first row that repeats them is passed over, and one
    that has them in another order costs the file. With `exact` a row then has one cell a name, or is a
    MisfitRow: a column that was dropped would let every later one be read as its neighbour.

    Blank rows are passed over but counted, so that a row number leads back to the sheet. `a.b` becomes a
    nested field. Empty cells stay as empty text: a forbidden name counts even where its cell is empty. None
    is a line that can't be read: a BrokenRow, which costs its own row; as the heading it costs the file.
    """
    header: list[str] | None = list(names) or None
    header_line, unread = 0, bool(names)
    for line, cells in enumerate(table, 1):
        if cells is None:
            if header is None:
                raise feed_error("csv_unreadable", line=line)
            yield line - header_line, BrokenRow()
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header, header_line = _header(cells), line
            continue
        if unread:
            unread = False
            if _repeats(cells, header):
                header_line = line
                continue
        if names and exact and len(cells) != len(names):
            yield line - header_line, MisfitRow()
        else:
            yield line - header_line, _named(header, cells, line)


def _repeats(cells: list[str], header: list[str]) -> bool:
    """Say whether a first row repeats the names agreed on; raises FeedError for other names of columns."""
    first = [cell.strip().casefold() for cell in cells]
    agreed = [name.casefold() for name in header]
    while first and not first[-1]:
        first.pop()
    if first == agreed:
        return True
    if len(set(first) & set(agreed)) >= min(_TELLING_NAMES, len(agreed)):
        raise feed_error("header_differs")
    if not looks_like_values(first) and any(map(forbidden_group, first)):
        # Other names, a forbidden one among them: by position it would pass as what is agreed there.
        raise feed_error("header_differs")
    return False


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    while not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise _too_wide()
    seen: set[str] = set()
    for index, name in enumerate(names):
        # The first row of a file without header is a person's; nothing of it may come back as a field's name.
        if name == LOST or _VALUE.fullmatch(name):
            raise feed_error("header_missing", column=index + 1)
        if name and name in seen:
            raise feed_error("header_duplicate", column=index + 1)
        seen.add(name)
    return [name or f"(column {index})" for index, name in enumerate(names, 1)]


def _too_wide() -> FeedError:
    return feed_error("too_many_columns", status=413, limit=MAX_COLUMNS)


def _named(header: list[str], cells: list[str], line: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for index, cell in enumerate(cells):
        if index < len(header):
            name = header[index]
        elif cell.strip():
            if index >= MAX_COLUMNS:
                raise _too_wide()
            name = f"(column {index + 1})"  # a cell beyond the header: the row is out of step
        else:
            continue
        if name.startswith("(column ") and not cell.strip():
            continue
        put(row, name, LostDigits(f"{_letters(index)}{line}") if cell == LOST else cell)
    return row


def put(row: dict[str, Any], name: str, value: Any) -> None:
    """Set a value under its name; a dotted name nests where nothing else stands in the way."""
    head, _, tail = name.partition(".")
    nests = head and tail and name.count(".") <= _MAX_DOTS
    inner = row.setdefault(head, {}) if nests else None
    if isinstance(inner, dict):
        put(inner, tail, value)
    else:
        row[name] = value


def _letters(index: int) -> str:
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, _LETTERS)
        name = chr(ord("A") + rest) + name
    return name
