"""Emergency access (紧急访问): another role or place for some hours, with a reason and a second person's yes.

Grants are read at each request and copied nowhere, so an end ends at once. They lend the operations of
`policy.LENT` alone: never membership, invitations, approvals, accounts or exports.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import approvals
from rider_hub.access.actor import Actor, Grant, Role
from rider_hub.access.approval_model import Approval, Kind, State
from rider_hub.access.hub import Hub
from rider_hub.access.keys import Keyring
from rider_hub.access.purposes import Purpose
from rider_hub.access.scope import Scope
from rider_hub.access.tables import approval
from rider_hub.errors import Failure, Invalid, Refused
from rider_hub.parameters import parameter

__all__ = ["LENDABLE", "MINUTES", "ask_access", "with_grants"]

#: Roles that may be lent: those of daily work with riders; never an administrator's, a company's or a body's.
LENDABLE = (Role.STREET_STAFF, Role.COUNTY_STAFF, Role.INSTRUCTOR)
#: How long one may ask for.
MINUTES = (30, 60, 120, 240)
_PLACE = re.compile(r"[0-9]{6}([0-9]{3}){0,2}")


async def ask_access(
    hub: Hub, actor: Actor, *, role: str, division: str, title: str, minutes: int, purpose: Purpose
) -> Approval:
    """Ask for a role in a county, street or community for some minutes; `title` names the place on pages.

    Raises Invalid with every fault by field, Refused for a company's account.
    """
    longest = int(parameter("access.emergency_hours").value * 60)
    faults = []
    if role not in LENDABLE:
        faults.append(_fault("role", "请选择角色", "choose a role"))
    if not _PLACE.fullmatch(division):
        faults.append(_fault("division", "请选择地方", "choose a place"))
    if not 0 < minutes <= longest:
        faults.append(_fault("minutes", f"最长 {longest // 60} 小时", f"at most {longest // 60} hours"))
    if faults:
        raise Invalid("请改正以下内容。", "Mend the following.", errors=faults)
    details = {"role": role, "minutes": minutes, "title": title, "unit": actor.scope_title}
    async with hub.change(actor, "emergency.ask", purpose=purpose.text) as work:
        if actor.scope.of_company:
            raise Refused
        return await approvals.ask(
            work,
            hub.keys,
            Kind.EMERGENCY,
            scope=Scope(divisions=(division,)),
            purpose=purpose,
            details=details,
            lapses=timedelta(hours=parameter("access.emergency_ask_hours").value),
        )


async def with_grants(connection: AsyncConnection, keys: Keyring, actor: Actor, now: datetime) -> Actor:
    """Return the actor with the emergency access that is live at this moment."""
    query = select(approval).where(
        approval.c.asked_by == actor.id,
        approval.c.kind == Kind.EMERGENCY,
        approval.c.state == State.APPROVED,
        approval.c.lapses_at > now,
    )
    rows = (await connection.execute(query.order_by(approval.c.lapses_at))).mappings().all()
    grants = approvals.whole(keys, rows, now)
    return replace(actor, grants=tuple(_grant(one) for one in grants)) if grants else actor


def _grant(given: Approval) -> Grant:
    return Grant(
        id=given.id,
        number=given.number,
        role=Role(given.details["role"]),
        scope=given.scope,
        scope_title=given.details["title"],
        ends_at=given.lapses_at,
    )


def _fault(path: str, zh: str, en: str) -> Failure:
    return Failure(row=0, path=path, code="emergency_invalid", zh=zh, en=en)
