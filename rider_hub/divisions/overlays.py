"""Bringing in parks and other overlay areas: each a set of divisions that a scope may name."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Keyring, Scope
from rider_hub.access.row_macs import signed
from rider_hub.access.tables import park, park_member
from rider_hub.divisions.model import LEVELS
from rider_hub.divisions.registry import Entry, check_divisions, outcome, read_entries
from rider_hub.divisions.rows import Cells, ImportReport, Row
from rider_hub.storage import in_batches, insert_rows, upsert_rows

__all__ = ["PARK", "import_parks"]

PARK: Final = {
    "code": ("编号", "园区编号"),
    "name": ("名称", "园区名称"),
    "division": ("区划代码", "街道代码", "社区代码"),
}
_CODES_A_QUERY: Final = 500


async def import_parks(hub: Hub, actor: Actor, rows: Iterable[Row]) -> ImportReport:
    """Bring in parks, one row a division of a park; all rows or none.

    A park that is named gets exactly the divisions named with it, and whoever has it in scope sees those at
    once. Every division, and a park that is there already, must lie in the actor's own scope.
    """
    entries = read_entries(rows, PARK, _read, key="row")
    async with hub.change(actor, "imports.change", target="parks") as work:
        await check_divisions(work.connection, work.scope, entries)
        await _check_parks(work.connection, work.scope, entries)
        report = outcome(entries, keep_good=False)
        if report.stored:
            await _replace(work.connection, hub.keys, [entry.values for entry in entries])
        work.count(total=report.total, accepted=report.accepted, rejected=report.rejected)
    return report


def _read(cells: Cells) -> Entry:
    code = cells.text("code", limit=48, required=True)
    division = cells.code("division", required=True)
    values = {
        "code": code,
        "name": cells.text("name", limit=128, required=True),
        "division": division,
        "row": (code, division),
    }
    entry = Entry(cells, values)
    if division is not None:
        entry.divisions.append(("division", division))
    return entry


async def _check_parks(connection: AsyncConnection, scope: Scope, entries: Sequence[Entry]) -> None:
    """Note parks of others, and one park under two names."""
    names: dict[str, str] = {}
    for entry in entries:
        if (
            entry.good
            and names.setdefault(entry.values["code"], entry.values["name"]) != entry.values["name"]
        ):
            entry.cells.fail("name", "duplicate", first=entries.index(entry))
    for part in in_batches(sorted(names), _CODES_A_QUERY):
        query = select(park.c.code, park.c.division).where(park.c.code.in_(part))
        taken = {row.code for row in await connection.execute(query) if not scope.covers(row.division)}
        for entry in entries:
            if entry.values["code"] in taken:
                entry.cells.fail("code", "outside_scope")


async def _replace(connection: AsyncConnection, keys: Keyring, rows: Sequence[dict[str, Any]]) -> None:
    members: dict[str, list[str]] = {}
    for row in rows:
        members.setdefault(row["code"], []).append(row["division"])
    names = {row["code"]: row["name"] for row in rows}
    found = [
        {"code": code, "name": names[code], "division": _around(codes)} for code, codes in members.items()
    ]
    await upsert_rows(connection, park, found, key=["code"])
    for part in in_batches(sorted(members), _CODES_A_QUERY):
        await connection.execute(delete(park_member).where(park_member.c.park.in_(part)))
    members_now = [{"park": row["code"], "division": row["division"]} for row in rows]
    await insert_rows(connection, park_member, [signed(keys, park_member, each) for each in members_now])


def _around(codes: Sequence[str]) -> str:
    """Return the smallest division that holds all of these; "" where they share none."""
    return next(
        (
            codes[0][:digits]
            for digits in sorted(LEVELS, reverse=True)
            if all(code[:digits] == codes[0][:digits] and len(code) >= digits for code in codes)
        ),
        "",
    )
