"""Reads a sample of a feed into columns and their values, and guesses how its file is written."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.problems import LostDigits, feed_error
from connectors.records import FeedType
from connectors.sources.file_form import FileForm
from connectors.sources.suggestion import columns_of
from connectors.sources.values import get_path
from connectors.transport.files import decode_text, first_cells, read_rows
from connectors.transport.tables import looks_like_values

__all__ = ["NAMELESS", "Sample", "likely_form", "names_in", "read_sample"]

#: How a column is called that nobody has named, by its place.
NAMELESS: Final = re.compile(r"列[1-9][0-9]*")
_MOST: Final = 2_000
#: As many as a form takes; each is looked for in every row.
_MOST_COLUMNS: Final = 300
_SEPARATORS: Final = re.compile(r"[\s,，、;；|]+")
_ESCAPED: Final = re.compile(r"(?m)(?:^|[\t,;|])\\N(?:[\t,;|\r]|$)|\\\n|\\\\")


class Sample(msgspec.Struct, frozen=True):
    """The columns of a sample with their values; `names` are those of a file without names, by position."""

    columns: dict[str, list[Any]]
    rows: int
    is_table: bool
    form: FileForm


def likely_form(data: bytes, name: str = "") -> tuple[FileForm, bool]:
    """Guess how a text table is written, and whether its first row names the columns."""
    cells = first_cells(data, name)
    if cells is None:
        return FileForm(), True
    form = FileForm()
    if not data.startswith((b"PK", b"\xd0\xcf")) and _ESCAPED.search(decode_text(data)):
        form = FileForm(escape="backslash")
        cells = first_cells(data, name, form) or cells
    return form, not looks_like_values(cells)


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of columns a person wrote or pasted, in order: by commas, blanks or lines."""
    return tuple(part.strip("`\"'") for part in _SEPARATORS.split(text.strip()) if part.strip("`\"'"))


def read_sample(
    data: bytes, feed_type: FeedType, *, name: str = "", form: FileForm, named: bool = True
) -> Sample:
    """Read the first rows of a sample; a file without names whose names nobody wrote gets 列1, 列2 ….

    Raises FeedError where it can't be read as a whole, holds no row, has more than 300 columns, or another
    number of them than names were written.
    """
    cells = first_cells(data, name, form)
    if cells is None or named:
        form = msgspec.structs.replace(form, header=())
    else:
        form = msgspec.structs.replace(form, header=_names(cells, form.header))
    rows: list[dict[str, Any]] = []
    for _, row in read_rows(data, name=name, form=form):
        read = row if isinstance(row, dict) else _object(row)
        if read is not None:
            rows.append(read)
        if len(rows) == _MOST:
            break
    if not rows:
        raise feed_error("rows_missing")
    found = form.header or columns_of(rows, feed_type)
    if len(found) > _MOST_COLUMNS:
        raise feed_error("too_many_columns", status=413, limit=_MOST_COLUMNS)
    columns = {column: [_plain(get_path(row, column)) for row in rows] for column in found}
    return Sample(columns, len(rows), cells is not None, form)


def _names(cells: Sequence[str], written: tuple[str, ...]) -> tuple[str, ...]:
    if not written:
        return tuple(f"列{number}" for number in range(1, len(cells) + 1))
    if len(written) != len(cells):
        raise feed_error("names_miscounted", columns=len(cells), names=len(written))
    if len(set(written)) != len(written):
        raise feed_error("names_repeated")
    return written


def _object(row: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(row, type=dict[str, Any]) if row else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    return None if isinstance(value, LostDigits) else value
