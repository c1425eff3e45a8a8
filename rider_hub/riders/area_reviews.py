"""What staff see of held work areas, and the decision that ends a hold."""

from sqlalchemy import ColumnElement, RowMapping, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub
from rider_hub.errors import Absent, Conflict
from rider_hub.riders.tables import registration, rider, work_area_mark, work_area_review

__all__ = ["area_held", "held_areas", "release_work_area"]


def area_held() -> ColumnElement[bool]:
    """Return the condition for registrations whose work area waits for staff to look at."""
    review = work_area_review.c
    held = exists().where(review.registration_id == registration.c.id, review.held_at.is_not(None))
    return held.correlate(registration)


async def held_areas(connection: AsyncConnection, registration_ids: list[str]) -> dict[str, RowMapping]:
    """Return the open reviews of registrations, by registration."""
    c = work_area_review.c
    query = select(work_area_review).where(c.registration_id.in_(registration_ids), c.held_at.is_not(None))
    return {row["registration_id"]: row for row in (await connection.execute(query)).mappings()}


async def release_work_area(hub: Hub, actor: Actor, rider_id: str) -> None:
    """End the holds of a rider's work areas: the newest is matched by again, and counting begins anew.

    The marks go at once: what they were kept for is decided. Raises Absent where the rider is out of the
    viewer's scope, Conflict where nothing of theirs is held.
    """
    async with hub.change(actor, "riders.review", target=f"rider:{rider_id} work area") as work:
        query = select(rider.c.id).where(rider.c.id == rider_id, work.scope.where(rider.c.division))
        if (await work.connection.execute(query)).first() is None:
            raise Absent
        newest = func.max(work_area_mark.c.version_at)
        held = (
            select(registration.c.id, registration.c.version_at, newest.label("newest"))
            .outerjoin(work_area_mark, work_area_mark.c.registration_id == registration.c.id)
            .where(registration.c.rider_id == rider_id, area_held())
            .group_by(registration.c.id, registration.c.version_at)
        )
        rows = (await work.connection.execute(held)).all()
        if not rows:
            raise Conflict("这一条已处理过，请刷新页面。", "This was decided meanwhile: reload the page.")
        for row in rows:
            until = max(row.version_at, row.newest or row.version_at)
            done = {"held_at": None, "cleared_until": until, "decided_at": work.now, "decided_by": actor.id}
            mine = work_area_review.c.registration_id == row.id
            await work.connection.execute(update(work_area_review).where(mine).values(done))
            gone = delete(work_area_mark).where(work_area_mark.c.registration_id == row.id)
            await work.connection.execute(gone)
        work.opened([rider_id])
        work.count(riders=1)
