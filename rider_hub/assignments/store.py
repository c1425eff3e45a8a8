"""Queries on match runs, staged changes and assignments."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Scope
from rider_hub.assignments.matching import Current
from rider_hub.assignments.model import Assignment, Change, ChangeKind
from rider_hub.assignments.tables import assignment, match_change, match_run
from rider_hub.errors import Absent
from rider_hub.storage import in_batches, insert_rows

__all__ = [
    "close",
    "current",
    "current_of_county",
    "find_run",
    "history",
    "insert_versions",
    "last_run",
    "list_changes",
    "mark_changes",
    "stage",
    "update_run",
]

_FIELDS = [name for name in Assignment.__struct_fields__ if name != "love_stations"]


def read(row: RowMapping) -> Assignment:
    """Return the assignment a row holds."""
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    return msgspec.convert({**values, "love_stations": row["love_stations"]}, Assignment)


def load(value: Any) -> Assignment | None:
    """Return the assignment staged as JSON, None where there was none."""
    return None if value is None else msgspec.convert(value, Assignment)


async def current(connection: AsyncConnection, rider_ids: Iterable[str]) -> dict[str, Assignment]:
    """Return the assignments in force of these riders; the caller has checked that they are in scope."""
    found: dict[str, Assignment] = {}
    for batch in in_batches(sorted(set(rider_ids)), 500):
        query = select(assignment).where(assignment.c.valid_to.is_(None), assignment.c.rider_id.in_(batch))
        found |= {row["rider_id"]: read(row) for row in (await connection.execute(query)).mappings()}
    return found


async def current_of_county(
    connection: AsyncConnection, scope: Scope, county: str, riders: Iterable[str]
) -> dict[str, Current]:
    """Return what the riders have now, and the assignments in the county of others, with versions.

    A rider without an assignment in force keeps the version of the last one, so that versions never repeat.
    """
    inside = Scope(divisions=(county,)).where(assignment.c.division)
    in_force = select(assignment).where(
        assignment.c.valid_to.is_(None), inside, scope.where(assignment.c.division)
    )
    found = {
        row["rider_id"]: Current(read(row), row["version"])
        for row in (await connection.execute(in_force)).mappings()
    }
    missing = sorted(set(riders) - found.keys())
    for batch in in_batches(missing, 500):
        query = (
            select(assignment.c.rider_id, func.max(assignment.c.version))
            .where(assignment.c.rider_id.in_(batch))
            .group_by(assignment.c.rider_id)
        )
        found |= {rider: Current(None, version) for rider, version in await connection.execute(query)}
        elsewhere = select(assignment).where(
            assignment.c.valid_to.is_(None), assignment.c.rider_id.in_(batch)
        )
        found |= {
            row["rider_id"]: Current(read(row), row["version"])
            for row in (await connection.execute(elsewhere)).mappings()
        }
    return found


async def history(connection: AsyncConnection, rider_id: str) -> Sequence[RowMapping]:
    """Return every version of one rider's assignment, the newest first."""
    query = select(assignment).where(assignment.c.rider_id == rider_id).order_by(assignment.c.version.desc())
    return (await connection.execute(query)).mappings().all()


async def stage(connection: AsyncConnection, run: dict[str, Any], changes: Sequence[Change]) -> None:
    """Write a run and its differences."""
    await insert_rows(connection, match_run, [run])
    rows = [
        {
            "run_id": run["id"],
            "rider_id": change.rider_id,
            "kind": change.kind.value,
            "before": msgspec.to_builtins(change.before),
            "after": msgspec.to_builtins(change.after),
            "base_version": change.base_version,
            "division": (change.after or change.before).division,  # type: ignore[union-attr]
            "applied": False,
            "skipped": False,
        }
        for change in changes
        if change.kind is not ChangeKind.UNCHANGED
    ]
    for batch in in_batches(rows):
        await insert_rows(connection, match_change, batch)


async def find_run(connection: AsyncConnection, scope: Scope, run_id: str) -> RowMapping:
    """Return a run of a county in scope; raises Absent."""
    query = select(match_run).where(match_run.c.id == run_id, scope.where(match_run.c.county))
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    return row


async def last_run(connection: AsyncConnection, scope: Scope, county: str, state: str) -> RowMapping | None:
    """Return the newest run of a county in a state."""
    query = (
        select(match_run)
        .where(match_run.c.county == county, match_run.c.state == state, scope.where(match_run.c.county))
        .order_by(match_run.c.created_at.desc())
        .limit(1)
    )
    return (await connection.execute(query)).mappings().first()


async def update_run(connection: AsyncConnection, run_id: str, **values: Any) -> None:
    """Change columns of a run."""
    await connection.execute(update(match_run).where(match_run.c.id == run_id).values(**values))


def changes_of(run_id: str, scope: Scope) -> Select[Any]:
    """Return the query of a run's differences in scope, ordered by rider."""
    return (
        select(match_change)
        .where(match_change.c.run_id == run_id, scope.where(match_change.c.division))
        .order_by(match_change.c.rider_id)
    )


async def list_changes(connection: AsyncConnection, run_id: str, scope: Scope) -> Sequence[RowMapping]:
    """Return all differences of a run in scope."""
    rows: Sequence[RowMapping] = (await connection.execute(changes_of(run_id, scope))).mappings().all()
    return rows


async def versions_now(
    connection: AsyncConnection, riders: Iterable[str]
) -> dict[str, tuple[int, bool, str]]:
    """Return (greatest version, whether it is in force, its run) of each rider that has one."""
    found: dict[str, tuple[int, bool, str]] = {}
    for batch in in_batches(sorted(riders), 500):
        newest = (
            select(assignment.c.rider_id, func.max(assignment.c.version).label("version"))
            .where(assignment.c.rider_id.in_(batch))
            .group_by(assignment.c.rider_id)
            .subquery()
        )
        query = select(
            assignment.c.rider_id, assignment.c.version, assignment.c.valid_to, assignment.c.run_id
        ).join(
            newest,
            and_(assignment.c.rider_id == newest.c.rider_id, assignment.c.version == newest.c.version),
        )
        for rider, version, valid_to, run_id in await connection.execute(query):
            found[rider] = (version, valid_to is None, run_id)
    return found


async def close(connection: AsyncConnection, riders: Sequence[str], at: datetime) -> None:
    """End the assignments in force of these riders."""
    for batch in in_batches(riders, 500):
        await connection.execute(
            update(assignment)
            .where(assignment.c.rider_id.in_(batch), assignment.c.valid_to.is_(None))
            .values(valid_to=at)
        )


async def insert_versions(
    connection: AsyncConnection, rows: Sequence[tuple[Assignment, int, str]], at: datetime
) -> None:
    """Put new versions in force: (assignment, version, run id)."""
    for batch in in_batches(rows):
        await insert_rows(
            connection,
            assignment,
            [
                {**msgspec.to_builtins(found), "version": version, "run_id": run_id, "valid_from": at}
                for found, version, run_id in batch
            ],
        )


async def mark_changes(
    connection: AsyncConnection, run_id: str, *, applied: Sequence[str] = (), skipped: Sequence[str] = ()
) -> None:
    """Note which staged differences were applied and which were skipped."""
    for column, riders in (("applied", applied), ("skipped", skipped)):
        for batch in in_batches(riders, 500):
            await connection.execute(
                update(match_change)
                .where(match_change.c.run_id == run_id, match_change.c.rider_id.in_(batch))
                .values({column: True})
            )
