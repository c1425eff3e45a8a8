"""Refused rows as a table that goes back to their sender: a reason column, forbidden cells blank."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.problems import LostDigits, printable
from connectors.transport.files import FileRow

__all__ = ["annotated_csv"]

_REASON, _ROW = "拒收原因", "行号"
#: Spreadsheets also read the full-width signs as formulas, and skip blanks before them.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def annotated_csv(rows: Iterable[FileRow], failures: Iterable[Mapping[str, Any]]) -> str:
    """Return the refused rows of a file as CSV text, in order, each with its number and reasons.

    A column named by a forbidden field is blank throughout; a line that could not be read has no cells.
    """
    by_row: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for one in failures:
        by_row[one["row"]].append(one)
    forbidden = {one["path"] for one in _faults(by_row) if one["code"] == "field_forbidden"}
    refused = [(number, dict(_cells(row))) for number, row in rows if number in by_row]
    columns = list(dict.fromkeys(name for _, cells in refused for name in cells))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_ROW, _REASON, *map(_safe, columns)])
    for number, cells in refused:
        reasons = "；".join(f"{one['path']}：{one['zh']}" for one in by_row[number])
        values = ["" if _is_forbidden(name, forbidden) else _safe(cells.get(name, "")) for name in columns]
        writer.writerow([number, _safe(reasons), *values])
    return text.getvalue()


def _faults(by_row: Mapping[int, Sequence[Mapping[str, Any]]]) -> Iterable[Mapping[str, Any]]:
    """Yield all faults of all rows."""
    return (one for faults in by_row.values() for one in faults)


def _cells(row: Mapping[str, Any] | bytes, prefix: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(row, bytes):
        try:
            row = msgspec.json.decode(row, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return  # a line that is no object: its reason says so
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{prefix}{name}.")
        elif value is not None and not isinstance(value, LostDigits):
            yield f"{prefix}{name}", str(value)


def _is_forbidden(name: str, forbidden: Iterable[str]) -> bool:
    shown = printable(name)
    return any(path == shown or path.startswith((f"{shown}.", f"{shown}[")) for path in forbidden)


def _safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text[:1] in {"\t", "\r", "\n"} else text
