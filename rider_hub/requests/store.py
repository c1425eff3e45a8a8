"""Queries on service requests and their events; every list of staff takes the viewer's scope."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Scope
from rider_hub.errors import Absent
from rider_hub.organizations.tables import party_organization
from rider_hub.requests.model import WAITING, EventKind, RequestState, Status
from rider_hub.requests.reach import Reach, inside
from rider_hub.requests.tables import request_event, service_request
from rider_hub.storage import insert_rows, new_id

__all__ = [
    "add_event",
    "anonymous_since",
    "counties_served",
    "counts_by_state",
    "counts_waiting",
    "events_of",
    "filed_by_since",
    "find_by_code",
    "find_in_scope",
    "find_own",
    "list_own",
    "list_requests",
    "mark_overdue",
    "newly_overdue",
    "on_time_rate",
    "update_request",
]

_COUNTY_DIGITS = 6
_ORDER = {
    "due_at": service_request.c.due_at,
    "filed_at": service_request.c.filed_at,
    "category": service_request.c.category,
    "place": service_request.c.division,
}


async def list_requests(
    connection: AsyncConnection,
    scope: Scope | Reach,
    *,
    filters: Mapping[str, str],
    now: datetime,
    soon: datetime,
    limit: int | None,
    offset: int,
    sort: str | None = None,
    descending: bool = False,
) -> tuple[list[RowMapping], int]:
    """Return the requests in scope that pass the filters, and how many there are.

    Filters: street (a code), category, state (a Status, or "pending" for whatever an answer is owed to).
    By default what an answer is owed to comes first, the soonest due before the others.
    """
    query = select(service_request).where(inside(scope))
    if street := filters.get("street"):
        query = query.where(Scope(divisions=(street,)).where(service_request.c.division))
    if category := filters.get("category"):
        query = query.where(service_request.c.category == category)
    if state := filters.get("state"):
        query = query.where(_in_status(state, now, soon))
    total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    rows = await connection.execute(_ordered(query, sort, descending).limit(limit).offset(offset))
    return list(rows.mappings()), total


def _ordered(query: Select[Any], sort: str | None, descending: bool) -> Select[Any]:
    column = _ORDER.get(sort or "")
    if column is not None:
        return query.order_by(column.desc() if descending else column.asc(), service_request.c.id)
    owed_first = case((_waiting(), 0), else_=1)
    return query.order_by(owed_first, service_request.c.due_at, service_request.c.id)


def _waiting() -> ColumnElement[bool]:
    return service_request.c.state.in_(WAITING)


def _in_status(status: str, now: datetime, soon: datetime) -> ColumnElement[bool]:
    due = service_request.c.due_at
    match status:
        case "pending":
            return _waiting()
        case Status.OVERDUE:
            return and_(_waiting(), due < now)
        case Status.SOON:
            return and_(_waiting(), due >= now, due <= soon)
        case Status.OPEN | Status.REOPENED:
            return and_(service_request.c.state == status, due > soon)
        case _:
            return service_request.c.state == status


async def counts_by_state(connection: AsyncConnection, scope: Scope | Reach, now: datetime) -> dict[str, int]:
    """Return how many requests in scope are open, answered, confirmed, reopened or overdue, each once.

    What an answer is owed to after its due time counts as overdue, whether or not the job has marked it.
    """
    late = case((and_(_waiting(), service_request.c.due_at < now), "overdue"), else_=service_request.c.state)
    found_late = select(late.label("state")).where(inside(scope)).subquery()
    rows = await connection.execute(select(found_late.c.state, func.count()).group_by(found_late.c.state))
    found = {row.state: row[1] for row in rows}
    return {state: found.get(state, 0) for state in (*RequestState, Status.OVERDUE)}


async def counts_waiting(connection: AsyncConnection, scope: Scope | Reach, now: datetime) -> tuple[int, int]:
    """Return to how many requests in scope an answer is owed, and how many of them are overdue."""
    late = func.count(case((service_request.c.due_at < now, 1)))
    query = select(func.count(), late).where(_waiting(), inside(scope))
    total, overdue = (await connection.execute(query)).one()
    return int(total), int(overdue)


async def on_time_rate(connection: AsyncConnection, scope: Scope | Reach, now: datetime) -> float | None:
    """Return the share answered in time, None where nothing is due yet.

    Counted are requests that were answered or are past their due time; one that was ever late, or is open
    past its due time, is not on time, so leaving the late ones open never improves the figure.
    """
    was_late = exists().where(
        request_event.c.request_id == service_request.c.id, request_event.c.kind == EventKind.OVERDUE
    )
    late_now = and_(_waiting(), service_request.c.due_at < now)
    counted = or_(service_request.c.state.not_in(WAITING), late_now, was_late)
    query = select(
        func.count(case((counted, 1))), func.count(case((and_(counted, or_(late_now, was_late)), 1)))
    ).where(inside(scope))
    total, late = (await connection.execute(query)).one()
    return (total - late) / total if total else None


async def find_in_scope(connection: AsyncConnection, scope: Scope | Reach, request_id: str) -> RowMapping:
    """Return one request in scope; raises Absent where there is none."""
    query = select(service_request).where(service_request.c.id == request_id, inside(scope))
    return await _one(connection, query)


async def find_own(connection: AsyncConnection, rider_id: str, request_id: str) -> RowMapping:
    """Return one request of a rider's own; raises Absent where there is none."""
    query = select(service_request).where(
        service_request.c.id == request_id, service_request.c.rider_id == rider_id
    )
    return await _one(connection, query)


async def find_by_code(connection: AsyncConnection, query_index: bytes) -> RowMapping | None:
    """Return the request a 查询码 belongs to, by the code's index."""
    query = select(service_request).where(service_request.c.query_index == query_index)
    return (await connection.execute(query)).mappings().first()


async def _one(connection: AsyncConnection, query: Select[Any]) -> RowMapping:
    row: RowMapping | None = (await connection.execute(query)).mappings().first()
    if row is None:
        raise Absent
    return row


async def list_own(connection: AsyncConnection, rider_id: str) -> list[RowMapping]:
    """Return a rider's own requests, the newest first."""
    query = (
        select(service_request)
        .where(service_request.c.rider_id == rider_id)
        .order_by(service_request.c.filed_at.desc(), service_request.c.id)
    )
    return list((await connection.execute(query)).mappings())


async def newly_overdue(
    connection: AsyncConnection, scope: Scope | Reach, now: datetime, limit: int
) -> list[RowMapping]:
    """Return requests past their due time that are not marked yet, the longest overdue first."""
    query = (
        select(service_request)
        .where(_waiting(), service_request.c.due_at < now, service_request.c.overdue_at.is_(None))
        .where(inside(scope))
        .order_by(service_request.c.due_at, service_request.c.id)
        .limit(limit)
    )
    return list((await connection.execute(query)).mappings())


async def update_request(connection: AsyncConnection, row: RowMapping, **values: Any) -> bool:
    """Change a request that is still in the state it was read in; says whether it was."""
    result = await connection.execute(
        update(service_request)
        .where(service_request.c.id == row["id"], service_request.c.state == row["state"])
        .values(**values)
    )
    return result.rowcount == 1


async def mark_overdue(
    connection: AsyncConnection, ids: Sequence[str], *, at: datetime, escalated: tuple[str, str] | None
) -> int:
    """Mark requests overdue, once each, watched over by one organization (code, name); says how many.

    What was answered or marked meanwhile is left alone. Nobody above keeps whoever watched before.
    """
    code, title = escalated or (None, "")
    values = {"overdue_at": at} | ({"escalated_to": code} if code else {})
    marked = await connection.execute(
        update(service_request)
        .where(service_request.c.id.in_(ids), _waiting(), service_request.c.overdue_at.is_(None))
        .values(values)
        .returning(service_request.c.id)
    )
    events = [_event(id_, EventKind.OVERDUE, at=at, title=title) for id_ in marked.scalars()]
    await insert_rows(connection, request_event, events)
    return len(events)


async def add_event(
    connection: AsyncConnection,
    request_id: str,
    kind: EventKind,
    *,
    at: datetime,
    title: str,
    event_id: str = "",
    sealed: bytes | None = None,
) -> None:
    """Append what happened; a text comes sealed for ("request_event", "sealed", event_id)."""
    row = _event(request_id, kind, at=at, title=title, event_id=event_id)
    await insert_rows(connection, request_event, [{**row, "sealed": sealed}])


def _event(
    request_id: str, kind: EventKind, *, at: datetime, title: str, event_id: str = ""
) -> dict[str, Any]:
    row = {"id": event_id or new_id(), "request_id": request_id, "at": at, "kind": kind}
    return {**row, "actor_title": title[:128], "sealed": None}


async def events_of(connection: AsyncConnection, request_id: str) -> list[RowMapping]:
    """Return what happened to a request, the oldest first."""
    query = select(request_event).where(request_event.c.request_id == request_id)
    rows = (await connection.execute(query)).mappings()
    order = list(EventKind)
    return sorted(rows, key=lambda row: (row["at"], order.index(row["kind"]), row["id"]))


async def anonymous_since(connection: AsyncConnection, since: datetime) -> int:
    """Return how many anonymous requests were filed after a time, over the whole hub."""
    query = select(func.count()).where(
        service_request.c.rider_id.is_(None),
        service_request.c.channel == "anonymous",
        service_request.c.filed_at > since,
    )
    return int((await connection.execute(query)).scalar_one())


async def filed_by_since(connection: AsyncConnection, rider_id: str, now: datetime) -> int:
    """Return how many requests a rider filed in the last 24 hours."""
    query = select(func.count()).where(
        service_request.c.rider_id == rider_id, service_request.c.filed_at > now - timedelta(days=1)
    )
    return int((await connection.execute(query)).scalar_one())


async def counties_served(connection: AsyncConnection) -> list[str]:
    """Return the counties where some party organization stands, so that a request finds a receiver."""
    county = func.substr(party_organization.c.division, 1, _COUNTY_DIGITS)
    query = select(county).where(func.length(county) == _COUNTY_DIGITS).distinct().order_by(county)
    return list((await connection.execute(query)).scalars())
