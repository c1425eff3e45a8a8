"""A feed file that goes back to its sender: a reason column, forbidden cells blank, other cells as they were.

A workbook or Parquet file comes back as a workbook of text cells, a CSV as a CSV, NDJSON and JSON arrays as
NDJSON.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import msgspec
import xlsxwriter

from connectors.forbidden import forbidden_group, without_forbidden
from connectors.problems import LostDigits, printable
from connectors.transport.files import FileRow
from connectors.transport.parquet import MAGIC

__all__ = ["MAX_CELLS", "Annotated", "annotate", "annotated_csv", "kind_of"]

Kind = Literal["xlsx", "csv", "ndjson"]

_REASON, _ROW = "拒收原因", "行号"
#: Every row gets every column, so one wide row would make a file of a thousand times what was sent.
MAX_CELLS: Final = 5_000_000
_REASON_ALONE: Final = "拒收原因（单元格过多，未附原数据）"
#: Names no field of the standard has, so that the file can be sent again once they are taken out.
_REASON_KEY, _ROW_KEY = "rfs_reason", "rfs_row"
#: Spreadsheets also read the full-width signs as formulas, and skip blanks before them.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_WORKBOOK: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_TYPES: Final[Mapping[Kind, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
}
_MAX_TEXT: Final = 32_767  # characters in a cell
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
Row = Mapping[str, Any] | bytes


@dataclass(frozen=True)
class Annotated:
    """A file as it goes back."""

    kind: Kind
    body: bytes

    @property
    def content_type(self) -> str:
        """The type it is sent as."""
        return _TYPES[self.kind]


def kind_of(data: bytes, rows: Sequence[FileRow]) -> Kind:
    """Return as what a file goes back, by what it is."""
    if data.startswith((*_WORKBOOK, MAGIC)):
        return "xlsx"
    # A line of a CSV that can't be read is bytes too; a table has at least one other row, or nothing to show.
    tables = any(isinstance(row, Mapping) for _, row in rows)
    return "csv" if tables or data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] not in (b"{", b"[") else "ndjson"


def annotate(
    rows: Sequence[FileRow], failures: Iterable[Mapping[str, Any]], kind: Kind, *, every: bool
) -> Annotated:
    """Return a file with the reasons beside its rows: every row of it, or those refused alone."""
    by_row = _by_row(failures)
    if kind == "csv":
        return Annotated(kind, annotated_csv(rows, failures, every=every).encode("utf-8-sig"))
    if kind == "ndjson":
        lines = [
            _line(number, row, by_row.get(number, ())) for number, row in rows if every or number in by_row
        ]
        return Annotated(kind, b"".join(lines))
    return Annotated(kind, _workbook(_table(rows, by_row, every=every)))


def annotated_csv(
    rows: Iterable[FileRow], failures: Iterable[Mapping[str, Any]], *, every: bool = False
) -> str:
    """Return the refused rows of a file (or all) as CSV text, in order, each with its number and reasons.

    A column named by a forbidden field is blank throughout; a line that could not be read has no cells. Where
    rows times columns pass MAX_CELLS, numbers and reasons come alone.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for cells in _table(rows, _by_row(failures), every=every):
        writer.writerow([_safe(cell) for cell in cells])
    return text.getvalue()


def _by_row(failures: Iterable[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    by_row: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for one in failures:
        by_row[one["row"]].append(one)
    return by_row


def _table(
    rows: Iterable[FileRow], by_row: Mapping[int, Sequence[Mapping[str, Any]]], *, every: bool
) -> Iterator[list[str]]:
    """Yield a heading and rows of cells: number, reasons, then the file's own columns."""
    faults = (one for some in by_row.values() for one in some)
    forbidden = {one["path"] for one in faults if one["code"] == "field_forbidden"}
    shown = [(number, dict(_cells(row))) for number, row in rows if every or number in by_row]
    columns = list(dict.fromkeys(name for _, cells in shown for name in cells))
    fits = len(columns) * len(shown) <= MAX_CELLS
    columns = columns if fits else []
    named = _beginnings(forbidden)
    # None is a column that stays blank.
    kept = [None if _is_forbidden(name, named) else name for name in columns]
    yield [_ROW, _REASON if fits else _REASON_ALONE, *columns]
    for number, cells in shown:
        values = ["" if name is None else cells.get(name, "") for name in kept]
        yield [str(number), _reasons(by_row.get(number, ())), *values]


def _reasons(faults: Iterable[Mapping[str, Any]]) -> str:
    return "；".join(f"{one['path']}：{one['zh']}" if one["path"] else one["zh"] for one in faults)


def _workbook(table: Iterable[Sequence[str]]) -> bytes:
    target = io.BytesIO()
    with (
        TemporaryDirectory(prefix="rider-hub-annotated-") as folder,
        xlsxwriter.Workbook(target, {**_OPTIONS, "tmpdir": folder}) as book,
    ):
        plain = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet()
        sheet.set_column(1, 1, 48)
        sheet.freeze_panes(1, 2)
        for line, cells in enumerate(table):
            for column, cell in enumerate(cells):
                if cell:
                    text = cell.encode("utf-8", "replace").decode()
                    sheet.write_string(line, column, text[:_MAX_TEXT], plain)
    return target.getvalue()


def _line(number: int, row: Row, faults: Sequence[Mapping[str, Any]]) -> bytes:
    content = _object(row)
    reason = {_REASON_KEY: _reasons(faults)} if faults else {}
    kept = {} if content is None else _without_lost(without_forbidden(content))
    return msgspec.json.encode({_ROW_KEY: number, **reason, **kept}) + b"\n"


def _without_lost(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_lost(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_lost(one) for one in value]
    return None if isinstance(value, LostDigits) else value


def _object(row: Row) -> Mapping[str, Any] | None:
    if isinstance(row, Mapping):
        return row
    try:
        return msgspec.json.decode(row, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None  # a line that is no object: its reason says so


def _cells(row: Row, prefix: str = "") -> Iterable[tuple[str, str]]:
    content = _object(row)
    for name, value in (content or {}).items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{prefix}{name}.")
        elif value is not None and not isinstance(value, LostDigits):
            yield f"{prefix}{name}", str(value)


def _beginnings(paths: Iterable[str]) -> set[str]:
    """Return the paths and what they begin with: `a.b[0]` is also `a.b` and `a`."""
    return {path[:end] for path in paths for end in (*_ends(path), len(path))}


def _ends(path: str) -> Iterable[int]:
    return (place for place, sign in enumerate(path) if sign in ".[")


def _is_forbidden(name: str, named: Collection[str]) -> bool:
    return any(forbidden_group(part) for part in (name, *name.split("."))) or printable(name) in named


def _safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text[:1] in {"\t", "\r", "\n"} else text
