"""Reads one sheet of a workbook as text, in a process of its own: a hostile file ends that process alone.

Run as `python -m connectors.transport.workbook MEMORY_BYTES SECONDS [SHEET]` (see `limited`): each row goes
out as one JSON array of cells.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from io import BytesIO
from typing import Any, Final
from zipfile import ZipFile

from connectors.transport.limited import TOO_LARGE, limit

LOST: Final = "\x00lost"
"""Marks a number too long for a spreadsheet to hold; no cell can hold this text, XML has no NUL."""

NO_SHEET: Final = 3
"""The exit status that says the workbook has no sheet of the name asked for."""

_MOST_INFLATED: Final = 512 * 1024 * 1024
"""The most bytes its parts may say they inflate to: 100,000 rows of 12 cells are some 60 MB of XML."""

_ZIP: Final = b"PK\x03\x04"

_EXACT: Final = 10**15
"""Spreadsheets keep 15 digits of a number; a longer one has lost its end."""


def cell_text(value: Any) -> str:
    """Return a cell as the text a person sees: whole numbers without `.0`, times as ISO text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if abs(value) >= _EXACT:
            return LOST
        return str(int(value)) if float(value).is_integer() else repr(value)
    if isinstance(value, datetime):
        # Midnight is how a sheet holds a plain date.
        return value.isoformat(sep=" ") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return "" if value is None else str(value)


def rows(data: bytes, sheet: str | None) -> Iterator[list[str]]:
    """Yield the rows of a sheet (the first if none is named), counted from the sheet's row 1 and column A."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - loaded under the limits

    if data.startswith(_ZIP):  # the older .xls is not packed; the limits hold for what says less than it is
        with ZipFile(BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MOST_INFLATED:
                raise SystemExit(TOO_LARGE)
    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    names = workbook.sheet_names
    if not names or (sheet is not None and sheet not in names):
        raise SystemExit(NO_SHEET)
    chosen = workbook.get_sheet_by_name(sheet or names[0])
    left = [""] * (chosen.start or (0, 0))[1]
    for row in chosen.iter_rows():
        yield left + [cell_text(value) for value in row]


def main(argv: list[str]) -> None:
    """Limit memory and time, then print the rows."""
    memory, seconds, *sheet = argv
    limit(memory, seconds)
    for row in rows(sys.stdin.buffer.read(), sheet[0] if sheet else None):
        sys.stdout.write(json.dumps(row, ensure_ascii=True))
        sys.stdout.write("\n")


if __name__ == "__main__":
    main(sys.argv[1:])
