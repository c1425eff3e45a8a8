"""Bringing in what became of division codes: splits, mergers, new codes (access.successions)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Keyring, Scope
from rider_hub.access.row_macs import is_whole, signed
from rider_hub.access.tables import division_change
from rider_hub.divisions.registry import Entry, outcome, read_entries
from rider_hub.divisions.rows import Cells, ImportReport, Row
from rider_hub.divisions.store import known_before, names
from rider_hub.storage import insert_rows

__all__ = ["CODE_CHANGE", "import_code_changes"]

CODE_CHANGE: Final = {
    "from_code": ("原代码", "变更前代码"),
    "to_code": ("新代码", "现代码", "变更后代码"),
}
Pair = tuple[str, str]


async def import_code_changes(hub: Hub, actor: Actor, rows: Iterable[Row], *, as_of: date) -> ImportReport:
    """Bring in a table of changed codes, a row a pair of old and new code; all rows or none.

    A split has several rows with one old code, a merger several with one new code. A code that was there
    before and takes in others stands beside itself too, so that nobody gains it through them. An old code
    named gets exactly the new codes named with it. All codes lie in the actor's own scope.
    """
    entries = read_entries(rows, CODE_CHANGE, _read, key="row")
    async with hub.change(actor, "imports.change", target="code_changes") as work:
        await _check_codes(work.connection, work.scope, entries, as_of)
        report = outcome(entries, keep_good=False)
        if report.stored:
            named = {entry.values["row"] for entry in entries}
            rows_now = await _changed(work.connection, hub.keys, named, as_of)
            await work.connection.execute(delete(division_change))
            await insert_rows(work.connection, division_change, rows_now)
        work.count(total=report.total, accepted=report.accepted, rejected=report.rejected)
    return report


def _read(cells: Cells) -> Entry:
    pair = (cells.code("from_code", required=True), cells.code("to_code", required=True))
    entry = Entry(cells, {"row": pair})
    if pair[0] and pair[1] and len(pair[0]) != len(pair[1]):
        cells.fail("to_code", "change_of_level")
    return entry


async def _check_codes(
    connection: AsyncConnection, scope: Scope, entries: Sequence[Entry], as_of: date
) -> None:
    good = [entry for entry in entries if entry.good]
    pairs = {entry.values["row"] for entry in good}
    now = await names(connection, {to for _, to in pairs})
    before = await known_before(connection, {code for pair in pairs for code in pair}, as_of)
    for entry in good:
        old, new = entry.values["row"]
        if not scope.covers(old):
            entry.cells.fail("from_code", "outside_scope")
        elif old not in before:
            entry.cells.fail("from_code", "change_of_unknown")
        if not scope.covers(new):
            entry.cells.fail("to_code", "outside_scope")
        elif new not in now:
            entry.cells.fail("to_code", "division_unknown")
        elif new in before and (new, new) not in pairs:
            entry.cells.fail("to_code", "change_into_existing")


async def _changed(
    connection: AsyncConnection, keys: Keyring, named: set[Pair], as_of: date
) -> list[dict[str, Any]]:
    """Return every pair from now on, signed: the named ones, and the stored ones of other old codes."""
    replaced = {old for old, _ in named}
    dates: dict[Pair, date] = {}
    for row in (await connection.execute(select(division_change))).mappings():
        # A row written past the hub is not made good; one that was taken out is told by its neighbours.
        if is_whole(keys, division_change, row):
            told = {(old, row["to_code"]) for old in row["made_of"]}
            told |= {(row["from_code"], new) for new in row["became"]}
            dates.update(dict.fromkeys((pair for pair in told if pair[0] not in replaced), row["as_of"]))
    dates.update(dict.fromkeys(named, as_of))
    made_of, became = defaultdict(list), defaultdict(list)
    for old, new in sorted(dates):
        made_of[new].append(old)
        became[old].append(new)
    rows: list[dict[str, Any]] = [
        {"from_code": old, "to_code": new, "made_of": made_of[new], "became": became[old], "as_of": day}
        for (old, new), day in sorted(dates.items())
    ]
    return [signed(keys, division_change, row) for row in rows]
