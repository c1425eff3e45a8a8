"""What tests of outreach share: activities, consents, staff of a body, the ports as the app wires them."""

from datetime import datetime, timedelta

from rider_hub.access import Actor, Hub, Role
from rider_hub.clock import SHANGHAI
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare, opt_in
from rider_hub.outreach.activities import create_activity
from rider_hub.outreach.answers import cancel_withdrawn
from tests.factories import staff
from tests.rider_hub.membership.factories import BRANCH

__all__ = ["JOB", "OFF_PEAK", "PORTS", "add_activity", "declared", "opted_in", "secretary"]

PORTS = Ports(on_withdrawn=(cancel_withdrawn,))
JOB = Actor.job("surface")
#: A Monday, 14:30 in Beijing: messages may leave.
OFF_PEAK = datetime(2026, 11, 2, 14, 30, tzinfo=SHANGHAI)


def secretary(*bodies: str) -> Actor:
    """Return the secretary of some organizations, without any division."""
    return staff(Role.BRANCH_SECRETARY, divisions=(), organizations=frozenset(bodies or (BRANCH,)))


async def add_activity(
    hub: Hub, *, body: str = BRANCH, open_to_all: bool = False, in_hours: float = 48, title: str = "主题党日"
) -> str:
    """Announce an activity some hours ahead and return its id."""
    starts_at = hub.clock.now() + timedelta(hours=in_hours)
    return await create_activity(
        hub,
        secretary(body),
        organization=body,
        title=title,
        kind="theme_day",
        open_to_all=open_to_all,
        place="东四第一社区党群服务中心(示例)",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
    )


async def declared(hub: Hub, rider: Actor, body: str = BRANCH) -> None:
    """Have a rider declare and consent to be invited by a body."""
    await declare(
        hub,
        rider,
        kind=Kind.FULL,
        home_organization="外省某镇某村党支部(示例)",
        body=body,
        notice_version=1,
        invitations_version=1,
    )


async def opted_in(hub: Hub, rider: Actor, body: str = BRANCH) -> None:
    """Have a rider opt in to open activities."""
    await opt_in(hub, rider, purpose=Purpose.OPEN_ACTIVITIES, body=body, notice_version=1)
