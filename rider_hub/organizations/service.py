"""Use cases: bringing in platforms, organizations and instructors' posts, row by row or all at once."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Change, Hub
from rider_hub.clock import local_date
from rider_hub.divisions.registry import Entry, check_divisions, check_owned, outcome
from rider_hub.divisions.rows import ImportReport, Row
from rider_hub.organizations.entries import (
    person_columns,
    read_instructors,
    read_organizations,
    read_platforms,
)
from rider_hub.organizations.stations import StationOutcome, import_stations, upsert_stations
from rider_hub.organizations.tables import coverage, instructor, party_organization, platform
from rider_hub.storage import in_batches, upsert_rows

__all__ = [
    "StationOutcome",
    "add_platforms",
    "import_instructors",
    "import_organizations",
    "import_stations",
    "upsert_stations",
]

_OPERATION: Final = "imports.change"
_CODES_A_QUERY: Final = 500


async def add_platforms(
    hub: Hub, actor: Actor, rows: Iterable[Row], *, keep_good: bool = False
) -> ImportReport:
    """Bring in platforms by code and name; those there already get the new name."""
    entries = read_platforms(rows)
    async with hub.change(actor, _OPERATION, target="platforms") as work:
        report = outcome(entries, keep_good=keep_good)
        await upsert_rows(work.connection, platform, _values(entries, report), key=["code"])
        _count(work, report)
    return report


async def import_organizations(
    hub: Hub, actor: Actor, rows: Iterable[Row], *, keep_good: bool = False
) -> ImportReport:
    """Bring in organizations; one that is there already is changed, its coverage replaced as of today.

    One bad row refuses all, unless the good ones are to be kept.
    """
    entries = read_organizations(rows, local_date(hub.clock.now()))
    async with hub.change(actor, _OPERATION, target="organizations") as work:
        await check_divisions(work.connection, work.scope, entries)
        await check_owned(work.connection, work.scope, party_organization, entries)
        await _check_parents(work.connection, entries)
        report = outcome(entries, keep_good=keep_good)
        rows_ = _values(entries, report)
        plain = [{name: row[name] for name in row if name != "covers"} for row in rows_]
        await upsert_rows(work.connection, party_organization, plain, key=["code"])
        await _replace_coverage(work, rows_)
        _count(work, report)
    return report


async def import_instructors(
    hub: Hub, actor: Actor, rows: Iterable[Row], *, keep_good: bool = False
) -> ImportReport:
    """Bring in instructors' posts; a table with a column about persons is refused."""
    given = list(rows)
    persons = person_columns(given)
    entries = read_instructors(given, local_date(hub.clock.now()))
    async with hub.change(actor, _OPERATION, target="instructors") as work:
        await check_divisions(work.connection, work.scope, entries)
        await check_owned(work.connection, work.scope, instructor, entries)
        report = outcome(entries, keep_good=keep_good)
        if persons:
            report = ImportReport.refused(len(entries), persons)
        await upsert_rows(work.connection, instructor, _values(entries, report), key=["code"])
        _count(work, report)
    return report


def _values(entries: Sequence[Entry], report: ImportReport) -> list[dict[str, Any]]:
    return [entry.values for entry in entries if entry.good] if report.stored else []


def _count(work: Change, report: ImportReport) -> None:
    work.count(total=report.total, accepted=report.accepted, rejected=report.rejected)


async def _check_parents(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Note parents that are neither known nor among the good rows, and circles."""
    query = select(party_organization.c.code, party_organization.c.parent)
    known: dict[str, str | None] = {row.code: row.parent for row in await connection.execute(query)}
    parents = known | {entry.values["code"]: entry.values["parent"] for entry in entries if entry.good}
    for entry in entries:
        if entry.good and _circles(entry.values["code"], parents):
            entry.cells.fail("parent", "parent_cycle")
    settled = False
    while not settled:
        # A row that falls takes those below it along.
        settled = True
        there = known.keys() | {entry.values["code"] for entry in entries if entry.good}
        for entry in entries:
            parent = entry.values["parent"]
            if entry.good and parent is not None and parent not in there:
                entry.cells.fail("parent", "organization_unknown")
                settled = False


def _circles(code: str, parents: dict[str, str | None]) -> bool:
    seen: set[str] = set()
    at: str | None = code
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at == code


async def _replace_coverage(work: Change, organizations: Sequence[dict[str, Any]]) -> None:
    """Open what is newly covered, end what no longer is; what stays keeps its first day.

    An organization that is here already covers a new place from today on, however old it is itself.
    """
    today = local_date(work.now)
    wanted = {(one["code"], kind, ref): one for one in organizations for kind, ref in one["covers"]}
    rows: dict[tuple[str, str, str], dict[str, Any]] = {
        key: _coverage_row(key, one["valid_from"], one["valid_to"]) for key, one in wanted.items()
    }
    first_days: dict[tuple[str, str, str], date] = {}
    old: set[str] = set()
    for part in in_batches(sorted(one["code"] for one in organizations), _CODES_A_QUERY):
        query = select(coverage).where(coverage.c.organization.in_(part))
        for row in (await work.connection.execute(query)).mappings():
            key = (row["organization"], row["covered_kind"], row["covered_ref"])
            old.add(row["organization"])
            if row["valid_to"] is not None and row["valid_to"] < today:
                continue
            first_days[key] = row["valid_from"]
            if key not in rows:
                rows[key] = _coverage_row(key, row["valid_from"], today - timedelta(days=1))
    for key, row_ in rows.items():
        if key[0] in old:
            row_["valid_from"] = first_days.get(key, max(today, row_["valid_from"]))
    ordered = [rows[key] for key in sorted(rows)]
    await upsert_rows(work.connection, coverage, ordered, key=["organization", "covered_kind", "covered_ref"])


def _coverage_row(key: tuple[str, str, str], start: Any, end: Any) -> dict[str, Any]:
    organization, kind, ref = key
    return {
        "organization": organization,
        "covered_kind": kind,
        "covered_ref": ref,
        "valid_from": start,
        "valid_to": end,
    }
