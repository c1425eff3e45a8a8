"""What riders and staff do in the demo, by the use cases behind the pages: declare, invite, ask, answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from rider_hub.access import Actor, Hub
from rider_hub.access.actor import PUBLIC
from rider_hub.clock import SHANGHAI, local_date
from rider_hub.consent.model import Purpose
from rider_hub.consent.store import current
from rider_hub.demo.clock import DemoClock
from rider_hub.demo.world_model import Request, World
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import port_for
from rider_hub.outreach import answers, sending
from rider_hub.outreach.activities import create_activity
from rider_hub.outreach.service import surface
from rider_hub.requests import service as requests
from rider_hub.requests.store import counts_by_state
from rider_hub.riders.store import find_by_phone

__all__ = ["Lived", "live"]

_STAFF_ANSWER = "已联系物业和社区，现场看过并商定了办法，请您试试；如未解决请点“还没解决”。（演示答复）"


@dataclass(frozen=True)
class Lived:
    """What came of it."""

    surfaced: int
    requests: dict[str, int]
    #: The world's index of a rider who was invited and has not answered yet.
    invited: int | None


async def live(hub: Hub, clock: DemoClock, world: World, staff: Mapping[str, Actor]) -> Lived:
    """Play declarations, invitations and service requests; each act is a use case."""
    riders = await _rider_ids(hub, world)
    clock.set_back(hours=30)
    await _declare(hub, world, riders)
    await _announce(hub, world, staff["shuji"])
    clock.set_back(hours=0)
    surfaced = await surface(hub, Actor.job("surface_invitations"))
    invited = await _invite_some(hub, staff["shuji"])
    for request in world.requests:
        await _play_request(hub, clock, request, riders, staff["qu"])
    clock.set_back(hours=0)
    await requests.track_overdue(hub, Actor.job("track_requests"))
    async with hub.look(staff["qu"], "requests.view") as look:
        states = await counts_by_state(look.connection, look.scope, look.now)
    # What the story sent long ago is done with before the demo is served.
    port = port_for(hub.settings)
    while sum((counts := await deliver(hub, port)).values()) > counts["failed"]:
        continue
    waiting = next((index for index, rider_id in sorted(riders.items()) if rider_id in invited), None)
    return Lived(surfaced.get("surfaced", 0), dict(states), waiting)


async def _rider_ids(hub: Hub, world: World) -> dict[int, str]:
    """Return the hub's id of those world's riders who will act, found as a sign-in would find them."""
    acting = {member.rider for member in world.members} | {
        r.rider for r in world.requests if r.rider is not None
    }
    async with hub.database.read() as connection:
        found = {
            rider.index: await find_by_phone(connection, hub.keys, rider.phone)
            for rider in world.riders
            if rider.index in acting
        }
    return {index: rider_id for index, rider_id in found.items() if rider_id is not None}


async def _declare(hub: Hub, world: World, riders: Mapping[int, str]) -> None:
    """Have those who consent declare; the others among the members do nothing, as is their right."""
    async with hub.database.read() as connection:
        declaration = (await current(connection, Purpose.DECLARATION)).version
        invitations = (await current(connection, Purpose.PARTY_ACTIVITIES)).version
    for member in world.members:
        if member.consent and member.rider in riders:
            await declare(
                hub,
                Actor.rider(riders[member.rider]),
                kind=Kind(member.kind),
                home_organization=member.home_organization,
                body=member.body,
                notice_version=declaration,
                invitations_version=invitations,
            )


async def _announce(hub: Hub, world: World, secretary: Actor) -> None:
    """Announce a theme day of each body that somebody named, and the world's own coming activities."""
    names = {each.code: each.name for each in world.organizations}
    day = local_date(hub.clock.now()) + timedelta(days=5)
    for body in sorted({member.body for member in world.members if member.consent}):
        await create_activity(
            hub,
            secretary,
            organization=body,
            title="主题党日（演示）",
            kind="theme_day",
            open_to_all=False,
            place=f"{names[body]}活动室"[:60],
            starts_at=datetime.combine(day, time(14, 30), SHANGHAI),
            ends_at=datetime.combine(day, time(16, 0), SHANGHAI),
        )
    for activity in world.activities:
        if activity.starts_at > hub.clock.now() and activity.organization in secretary.organizations:
            await create_activity(
                hub,
                secretary,
                organization=activity.organization,
                title=activity.title,
                kind=activity.kind,
                open_to_all=activity.open_to_all,
                place=activity.place,
                starts_at=activity.starts_at,
                ends_at=activity.ends_at,
            )


async def _invite_some(hub: Hub, secretary: Actor) -> set[str]:
    """Invite every third rider on the worklist once; every second of them answers. Return those who wait."""
    tasks = [task for task in await sending.worklist(hub, secretary) if task.invitation.state == "surfaced"]
    # One each: who declined is left in peace for a while, and an invitation more would be refused.
    first_of_each = list({task.invitation.rider_id: task for task in reversed(tasks)}.values())
    waiting: set[str] = set()
    for number, task in enumerate(first_of_each[::3]):
        sent = await sending.invite(hub, secretary, task.invitation.id)
        if number % 2 == 0:
            waiting.add(sent.rider_id)
        else:
            await answers.answer_invitation(hub, Actor.rider(sent.rider_id), sent.id, accept=number % 4 == 1)
    return waiting


async def _play_request(
    hub: Hub, clock: DemoClock, request: Request, riders: Mapping[int, str], staff: Actor
) -> None:
    clock.set_back(hours=request.hours_ago)
    rider_id = riders.get(request.rider) if request.rider is not None else None
    reporter = Actor.rider(rider_id) if rider_id else PUBLIC
    filed = await requests.file_request(
        hub, reporter, category=request.category, community_code=request.community, text=request.text
    )
    if request.ending in {"answered", "confirmed"}:
        clock.set_back(hours=request.hours_ago * 0.6)
        await requests.answer(hub, staff, filed.id, _STAFF_ANSWER)
    if request.ending == "confirmed":
        clock.set_back(hours=request.hours_ago * 0.4)
        if rider_id:
            await requests.confirm(hub, reporter, request_id=filed.id)
        else:
            await requests.confirm(hub, reporter, query_code=filed.query_code)
