"""Rights requests as staff list them: what waits for an answer, and what was answered."""

from sqlalchemy import case, func, select

from rider_hub.access import Hub, Look
from rider_hub.consent.correcting import Asked, opened_request
from rider_hub.consent.tables import rights_request

__all__ = ["count_waiting", "decided_request", "list_requests"]


async def list_requests(look: Look, hub: Hub, state: str | None = None) -> list[Asked]:
    """Return the requests in scope, of one state or all: those that wait first, the soonest due before."""
    c = rights_request.c
    query = select(rights_request).where(look.scope.where(c.division))
    if state:
        query = query.where(c.state == state)
    order = (case((c.state == "open", 0), else_=1), c.decided_at.desc(), c.due_at, c.id)
    rows = await look.connection.execute(query.order_by(*order))
    return [opened_request(hub, row) for row in rows.mappings()]


async def decided_request(look: Look, hub: Hub, request_id: str) -> Asked | None:
    """Return one request in scope that was answered, else None. The trail keeps whose it was."""
    c = rights_request.c
    query = select(rights_request).where(c.id == request_id, c.state != "open", look.scope.where(c.division))
    row = (await look.connection.execute(query)).mappings().first()
    if row is None:
        return None
    asked = opened_request(hub, row)
    look.opened([asked.rider_id] if asked.rider_id else [])
    return asked


async def count_waiting(look: Look) -> tuple[int, int]:
    """Count the requests in scope that wait for an answer, and those of them past their time."""
    c = rights_request.c
    late = func.coalesce(func.sum(case((c.due_at < look.now, 1), else_=0)), 0)
    query = select(func.count(), late).where(c.state == "open", look.scope.where(c.division))
    waiting, overdue = (await look.connection.execute(query)).one()
    return int(waiting), int(overdue)
