"""Activities: an organization announces one, staff see those of their scope; they hold no person's data."""

import unicodedata
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Change, Hub, Look
from rider_hub.clock import check_aware
from rider_hub.errors import Absent, Failure, Invalid
from rider_hub.organizations.tables import party_organization
from rider_hub.outreach.model import KINDS
from rider_hub.outreach.tables import activity
from rider_hub.storage import insert_rows, new_id

__all__ = ["create_activity", "list_activities", "own_organizations"]

_TITLE, _PLACE = 60, 60


async def create_activity(
    hub: Hub,
    actor: Actor,
    *,
    organization: str,
    title: str,
    kind: str,
    open_to_all: bool,
    place: str | None,
    starts_at: datetime,
    ends_at: datetime,
) -> str:
    """Announce an activity of one's own organization, or of one in scope, and return its id.

    Raises Invalid naming each field that can't be used, Absent where the organization is not the actor's.
    """
    row: dict[str, Any] = {
        "title": _clean(title),
        "kind": kind,
        "open_to_all": open_to_all,
        "place": _clean(place or "") or None,
        "starts_at": check_aware(starts_at),
        "ends_at": check_aware(ends_at),
    }
    async with hub.change(actor, "activities.change", target=organization) as work:
        faults = _faults(row, work.now)
        if faults:
            raise Invalid(
                "活动信息有误，请按提示修改。", "The activity has faults: mend them.", errors=faults
            )
        division = await _division_of(work, organization)
        row |= {"id": new_id(), "organization": organization, "division": division}
        await insert_rows(work.connection, activity, [row])
    return str(row["id"])


async def list_activities(
    look: Look, *, coming: bool, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return activities in scope or of one's own organizations with the organization's name, and how many."""
    mine = activity.c.organization.in_(sorted(look.actor.organizations))
    when = activity.c.ends_at > look.now if coming else activity.c.ends_at <= look.now
    seen = (look.scope.where(activity.c.division) | mine) & when
    total = await look.connection.execute(select(func.count()).select_from(activity).where(seen))
    order = activity.c.starts_at if coming else activity.c.starts_at.desc()
    query = (
        select(activity, party_organization.c.name.label("organizer"))
        .outerjoin(party_organization, party_organization.c.code == activity.c.organization)
        .where(seen)
        .order_by(order, activity.c.id)
        .limit(limit)
        .offset(offset)
    )
    rows = (await look.connection.execute(query)).mappings()
    return [dict(row) for row in rows], total.scalar_one()


async def own_organizations(look: Look) -> list[tuple[str, str]]:
    """Return the organizations an actor may announce for: their own, else those of their divisions."""
    table = party_organization
    mine = sorted(look.actor.organizations)
    condition = table.c.code.in_(mine) if mine else look.scope.where(table.c.division)
    query = select(table.c.code, table.c.name).where(condition).order_by(table.c.division, table.c.code)
    return [(row.code, row.name) for row in await look.connection.execute(query)]


async def _division_of(work: Change, organization: str) -> str:
    found = await _find_division(work.connection, organization)
    if found is None or not (organization in work.actor.organizations or work.scope.covers(division=found)):
        raise Absent
    return found


async def _find_division(connection: AsyncConnection, organization: str) -> str | None:
    query = select(party_organization.c.division).where(party_organization.c.code == organization)
    return (await connection.execute(query)).scalar_one_or_none()


def _faults(row: dict[str, Any], now: datetime) -> list[Failure]:
    checks = [
        ("title", 0 < len(row["title"]) <= _TITLE, f"请填写活动名称，最多 {_TITLE} 个字", "give a title"),
        ("kind", row["kind"] in KINDS, "请选择活动类别", "choose a kind"),
        ("place", len(row["place"] or "") <= _PLACE, f"地点最多 {_PLACE} 个字", "the place is too long"),
        ("starts_at", row["starts_at"] > now, "开始时间应晚于现在", "it must begin in the future"),
        (
            "ends_at",
            row["ends_at"] > row["starts_at"],
            "结束时间应晚于开始时间",
            "it must end after it began",
        ),
    ]
    return [
        Failure(row=0, path=path, code=f"{path}_invalid", zh=zh, en=en)
        for path, holds, zh, en in checks
        if not holds
    ]


def _clean(text: str) -> str:
    kept = "".join(sign for sign in unicodedata.normalize("NFC", text) if sign.isprintable())
    return " ".join(kept.split())
