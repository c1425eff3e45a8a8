"""Assignments and differences as rows for pages: names beside codes, reasons in words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Scope
from rider_hub.assignments.model import Assignment
from rider_hub.assignments.reasons import explain
from rider_hub.assignments.store import changes_of, load, read
from rider_hub.assignments.tables import assignment
from rider_hub.divisions import store as divisions
from rider_hub.lovestations import store as love_stations
from rider_hub.organizations import store as organizations

__all__ = ["Names", "list_assignments", "list_differences"]


class Names:
    """Names of the codes that stand in some assignments, looked up at once."""

    def __init__(
        self,
        places: Mapping[str, str],
        bodies: Mapping[str, str],
        near: Mapping[str, str],
        stations: Mapping[str, str],
    ) -> None:
        self._places = places
        self._stations = stations
        self._bodies = bodies
        self._near = near

    @classmethod
    async def of(cls, connection: AsyncConnection, assignments: Iterable[Assignment]) -> "Names":
        """Look up the names in these assignments."""
        found = list(assignments)
        places = {code for a in found for code in (a.community, a.street, a.division) if code}
        bodies = {code for a in found for code in (a.station_branch, a.community_branch) if code}
        posts = {a.instructor for a in found if a.instructor}
        near = sorted({station.code for a in found for station in a.love_stations})
        return cls(
            await divisions.names(connection, places),
            await organizations.titles(connection, bodies)
            | await organizations.instructor_titles(connection, posts),
            {code: station.name for code, station in (await love_stations.find(connection, near)).items()},
            await organizations.station_titles(connection, {a.station for a in found if a.station}),
        )

    def row(self, found: Assignment) -> dict[str, Any]:
        """Return an assignment as a row of a ledger."""
        first = found.love_stations[0] if found.love_stations else None
        return {
            "rider": found.rider_id[:8],
            "rider_id": found.rider_id,
            "street": self._places.get(found.street or ""),
            "community": self._places.get(found.community or ""),
            "station": self._stations.get(found.station, found.station) if found.station else None,
            "station_branch": self._body(found.station_branch),
            "community_branch": self._body(found.community_branch),
            "instructor": self._body(found.instructor),
            "love_station": self._near.get(first.code, first.code) if first else None,
            "metres": first.metres if first else None,
            "love_stations": [
                f"{self._near.get(s.code, s.code)} {round(s.metres)} 米" for s in found.love_stations
            ],
            "reason": self.reason(found),
            "unresolved": explain(found.unresolved) if found.unresolved else None,
        }

    def reason(self, found: Assignment) -> str:
        """Return why an assignment is what it is, as a clerk reads it."""
        first = found.love_stations[0] if found.love_stations else None
        names = {
            "community": self._places.get(found.community or ""),
            "street": self._places.get(found.street or ""),
            "station": self._stations.get(found.station or ""),
            "station_branch": self._body(found.station_branch),
            "community_branch": self._body(found.community_branch),
            "instructor": self._body(found.instructor),
            "love_station": self._near.get(first.code, first.code) if first else None,
            "metres": str(round(first.metres)) if first else None,
        }
        parts = ("place", "station_branch", "community_branch", "instructor", "love_stations")
        codes = [found.reasons[part] for part in parts if part in found.reasons]
        if found.unresolved is not None and found.unresolved not in codes:
            codes.append(found.unresolved)
        return "；".join(explain(code, names) for code in codes)

    def words(self, found: Assignment | None) -> str:
        """Return where an assignment leads, in a few words."""
        if found is None:
            return "无"
        row = self.row(found)
        parts = [
            row["community"] or row["street"],
            row["station_branch"] or row["community_branch"],
            row["love_station"],
        ]
        return " · ".join(part for part in parts if part) or "待确认"

    def _body(self, code: str | None) -> str | None:
        return self._bodies.get(code, code) if code else None


async def list_assignments(
    connection: AsyncConnection,
    scope: Scope,
    *,
    filters: Mapping[str, str],
    limit: int | None,
    offset: int,
    sort: str | None = None,
    descending: bool = False,
) -> tuple[list[dict[str, Any]], int]:
    """Return the assignments in force in scope that pass the filters, and how many there are.

    Filters: street (a code), unresolved ("yes", "no" or a reason code), cover (station_branch,
    community_branch, instructor).
    """
    query = select(assignment).where(assignment.c.valid_to.is_(None), scope.where(assignment.c.division))
    query = _filtered(query, filters)
    total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    order = {
        "street": assignment.c.street,
        "station": assignment.c.station,
        "valid_from": assignment.c.valid_from,
    }
    column = order.get(sort or "street", assignment.c.street)
    query = query.order_by(
        (column.desc() if descending else column.asc()).nulls_last(), assignment.c.rider_id
    )
    rows = (await connection.execute(query.limit(limit).offset(offset))).mappings().all()
    found = [(read(row), row["valid_from"]) for row in rows]
    names = await Names.of(connection, [each for each, _ in found])
    return [{**names.row(each), "valid_from": since} for each, since in found], total


async def list_differences(
    connection: AsyncConnection,
    scope: Scope,
    run_id: str,
    *,
    kind: str | None,
    limit: int | None,
    offset: int,
) -> tuple[list[dict[str, Any]], int]:
    """Return a run's differences in scope, before and after in words, and how many there are."""
    query = changes_of(run_id, scope)
    if kind:
        query = query.where(query.selected_columns.kind == kind)
    total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    rows = (await connection.execute(query.limit(limit).offset(offset))).mappings().all()
    staged = [(row, load(row["before"]), load(row["after"])) for row in rows]
    names = await Names.of(connection, _present([a for _, *pair in staged for a in pair]))
    listed = [
        {
            "rider": row["rider_id"][:8],
            "rider_id": row["rider_id"],
            "kind": row["kind"],
            "before": names.words(before),
            "after": names.words(after),
            "reason": names.reason(after) if after else "不再是在册骑手",
            "outcome": "已生效" if row["applied"] else "已跳过，待重新匹配" if row["skipped"] else "未生效",
        }
        for row, before, after in staged
    ]
    return listed, total


def _present(found: Sequence[Assignment | None]) -> list[Assignment]:
    return [each for each in found if each is not None]


def _filtered(query: Select[Any], filters: Mapping[str, str]) -> Select[Any]:
    if street := filters.get("street"):
        query = query.where(assignment.c.street == street)
    match filters.get("unresolved"):
        case "yes":
            query = query.where(assignment.c.unresolved.is_not(None))
        case "no":
            query = query.where(assignment.c.unresolved.is_(None))
        case str(code):
            query = query.where(assignment.c.unresolved == code)
    match filters.get("cover"):
        case "station_branch":
            query = query.where(assignment.c.station_branch.is_not(None))
        case "community_branch":
            query = query.where(
                assignment.c.station_branch.is_(None), assignment.c.community_branch.is_not(None)
            )
        case "instructor":
            query = query.where(assignment.c.instructor.is_not(None))
    return query
