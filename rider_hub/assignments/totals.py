"""Counts of assignments in force, for the desk and for reports."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Scope
from rider_hub.assignments.tables import assignment

__all__ = ["AssignmentTotals", "assignment_totals"]


@dataclass(frozen=True)
class AssignmentTotals:
    """Active riders with an assignment, what kinds they have, and what is open by reason code."""

    riders: int
    by_kind: dict[str, int]
    unresolved: dict[str, int]


async def assignment_totals(connection: AsyncConnection, scope: Scope) -> AssignmentTotals:
    """Count the assignments in force in scope."""
    now = (assignment.c.valid_to.is_(None), scope.where(assignment.c.division))
    kinds = ("station_branch", "community_branch", "instructor")
    counted = [func.count(assignment.c[kind]) for kind in kinds]
    row = (await connection.execute(select(func.count(), *counted).select_from(assignment).where(*now))).one()
    open_ = select(assignment.c.unresolved, func.count()).where(*now).group_by(assignment.c.unresolved)
    found = sorted((code, count) for code, count in await connection.execute(open_) if code is not None)
    has_one = func.json_array_length(assignment.c.love_stations) > 0
    near = select(func.count()).select_from(assignment).where(*now, has_one)
    with_stations = (await connection.execute(near)).scalar_one()
    by_kind = dict(zip(kinds, row[1:], strict=True)) | {"love_stations": with_stations}
    return AssignmentTotals(row[0], by_kind, dict(found))
