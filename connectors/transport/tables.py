"""Turns the rows of a table (CSV or workbook) into rows with named fields; every value stays text."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from connectors.errors import FeedError
from connectors.problems import BrokenRow, LostDigits, feed_error
from connectors.transport.limited import MEMORY, SECONDS, TOO_LARGE, lines_of
from connectors.transport.workbook import LOST, NO_SHEET

MAX_COLUMNS: Final = 1000
"""The most columns of a table."""

_MAX_DOTS: Final = 8  # the standard nests by one
_DELIMITERS: Final = (",", "\t", ";", "|")
_LETTERS: Final = 26
# What is no column's name: a phone or identity number, a time, degrees.
_VALUE: Final = re.compile(
    r"\+?[0-9]{7,}[Xx]?|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9].*|[0-9]{1,3}\.[0-9]+", re.DOTALL
)


def csv_rows(text: str, delimiter: str | None) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
    """Yield the rows of a CSV; a delimiter not given is the commonest of `, tab ; |` in the first line."""
    first = text.lstrip().split("\n", 1)[0]
    return named_rows(_csv_cells(text, delimiter or max(_DELIMITERS, key=first.count)))


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


def _csv_cells(text: str, delimiter: str) -> Iterator[list[str] | None]:
    """Yield the cells of each record, None for a line whose quotes do not match.

    A quote that is never closed would swallow the lines after it: they are read anew, each for itself.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
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


def workbook_rows(data: bytes, sheet: str | None) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
    """Yield the rows of one sheet of a workbook (the first if none is named)."""
    return named_rows(_workbook_cells(data, sheet))


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


def named_rows(table: Iterable[list[str] | None]) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
    """Name the cells of each row by the first row that is not blank, and count rows from 1 after it.

    Blank rows are passed over but counted, so that a row number leads back to the sheet. `a.b` becomes a
    nested field. Empty cells stay as empty text: a forbidden name counts even where its cell is empty. None
    is a line that can't be read: a BrokenRow, which costs its own row; as the heading it costs the file.
    """
    header: list[str] | None = None
    header_line = 0
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
        else:
            yield line - header_line, _named(header, cells, line)


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
