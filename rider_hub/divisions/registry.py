"""What imports of registries have in common: references, ownership, all or nothing; owns no table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Scope
from rider_hub.divisions.faults import fault
from rider_hub.divisions.rows import Cells, Headings, ImportReport, Row, read_headings
from rider_hub.divisions.store import names
from rider_hub.storage import in_batches

__all__ = ["MAX_ROWS", "Entry", "check_divisions", "check_owned", "outcome", "read_entries"]

#: One transaction holds a registry's import; more rows would keep page readers' audit waiting.
MAX_ROWS: Final = 10_000
_CODES_A_QUERY: Final = 500


class Entry:
    """One row of a registry: its cells with their faults, and the values read from them."""

    def __init__(self, cells: Cells, values: dict[str, Any]) -> None:
        self.cells = cells
        self.values = values
        #: (path, division code) of every reference to a division.
        self.divisions: list[tuple[str, str]] = []

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with the row."""
        return not self.cells.failures


def read_entries(
    rows: Iterable[Row], headings: Headings, read: Callable[[Cells], Entry], *, key: str = "code"
) -> list[Entry]:
    """Read the rows of a registry; a row that repeats another's key is at fault."""
    entries: list[Entry] = []
    first: dict[str, int] = {}
    for number, row in read_headings(rows, headings):
        cells = Cells(number, row)
        entry = read(cells)
        entries.append(entry)
        value = entry.values.get(key)
        if value is not None and first.setdefault(value, number) != number:
            cells.fail(key, "duplicate", first=first[value])
    return entries


async def check_divisions(connection: AsyncConnection, scope: Scope, entries: Iterable[Entry]) -> None:
    """Note divisions that the code table does not know or that lie outside the scope."""
    wanted: dict[str, list[tuple[Cells, str]]] = defaultdict(list)
    for entry in entries:
        for path, code in entry.divisions:
            wanted[code].append((entry.cells, path))
    known = await names(connection, wanted)
    for code, places in wanted.items():
        wrong = None if scope.covers(code) else "outside_scope"
        if code not in known:
            wrong = "division_unknown"
        for cells, path in places if wrong else ():
            cells.fail(path, wrong or "")


async def check_owned(
    connection: AsyncConnection, scope: Scope, table: Table, entries: Sequence[Entry]
) -> None:
    """Note codes that are taken by an entry outside the scope: an import must not move it here."""
    by_code = {entry.values["code"]: entry for entry in entries if entry.values.get("code")}
    for part in in_batches(sorted(by_code), _CODES_A_QUERY):
        query = select(table.c.code, table.c.division).where(table.c.code.in_(part))
        for row in await connection.execute(query):
            if not scope.covers(row.division):
                by_code[row.code].cells.fail("code", "outside_scope")


def outcome(entries: Sequence[Entry], *, keep_good: bool) -> ImportReport:
    """Return what becomes of the entries: one bad row refuses all, unless good rows are to be kept."""
    failures = [failure for entry in entries for failure in entry.cells.failures]
    if not entries:
        failures.append(fault(0, "", "file_empty"))
    if len(entries) > MAX_ROWS:
        failures = [fault(0, "", "too_many_rows", limit=MAX_ROWS)]
    good = sum(entry.good for entry in entries)
    if failures and not (keep_good and good and len(entries) <= MAX_ROWS):
        return ImportReport.refused(len(entries), failures)
    return ImportReport(len(entries), good, len(entries) - good, stored=True, failures=tuple(failures))
