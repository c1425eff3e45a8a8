"""Invitations from surfacing to attendance: only under live consent, only to the body named in it."""

from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Hub, Role
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.errors import Absent, Conflict, Refused
from rider_hub.membership.service import withdraw
from rider_hub.messages.tables import outbox
from rider_hub.outreach.answers import answer_invitation, erase, export, own_invitations
from rider_hub.outreach.model import State
from rider_hub.outreach.sending import Task, find_task, invite, mark_attended, worklist
from rider_hub.outreach.service import surface
from rider_hub.outreach.tables import invitation
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.membership.factories import BRANCH, INDUSTRY, add_riders, settle
from tests.rider_hub.outreach.factories import (
    JOB,
    OFF_PEAK,
    PORTS,
    add_activity,
    declared,
    opted_in,
    secretary,
)


async def _messages(hub: Hub) -> list[str]:
    async with hub.database.read() as connection:
        rows = await connection.execute(select(outbox.c.state).where(outbox.c.kind == "invitation"))
        return sorted(rows.scalars())


async def _only(hub: Hub, body: str = BRANCH) -> Task:
    (task,) = await worklist(hub, secretary(body))
    return task


async def test_from_declaration_to_attendance(database_url: str, tmp_path: Path) -> None:
    """Surfaced by the job, sent by the secretary, accepted by the rider, marked as attended."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        assert (await surface(hub, JOB))["surfaced"] == 1
        assert "surfaced" not in await surface(hub, JOB)
        task = await _only(hub)
        assert (task.name, task.invitation.state) == ("骑*", State.SURFACED)
        assert "本人同意接收" in task.why
        assert await own_invitations(hub, rider) == []
        await invite(hub, secretary(), task.invitation.id)
        assert await _messages(hub) == ["waiting"]
        (own,) = await own_invitations(hub, rider)
        assert (own.activity.title, own.answerable) == ("主题党日", True)
        await answer_invitation(hub, rider, own.invitation.id, accept=True)
        with pytest.raises(Conflict):
            await mark_attended(hub, secretary(), own.invitation.id)
        clock.advance(hours=49)
        assert (await _only(hub)).next_step == "请登记是否到场"
        await mark_attended(hub, secretary(), own.invitation.id)
        assert (await _only(hub)).invitation.state == State.ATTENDED


async def test_without_consent_to_invitations_nobody_is_surfaced(database_url: str, tmp_path: Path) -> None:
    """A rider without consent is not surfaced; an opted-in one is, for open activities only."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        _, open_only = await add_riders(hub, 2)
        await add_activity(hub)
        await add_activity(hub, open_to_all=True, title="急救技能培训")
        assert await surface(hub, JOB) == {}
        await opted_in(hub, open_only)
        assert (await surface(hub, JOB))["surfaced"] == 1
        assert (await _only(hub)).activity.title == "急救技能培训"


async def test_only_the_body_named_in_the_consent_sees_and_sends(database_url: str, tmp_path: Path) -> None:
    """County and street staff, another body's secretary and a stranger's id all meet absence."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        invitation_id = (await _only(hub)).invitation.id
        for actor in (county_staff(), secretary(INDUSTRY), staff(Role.STREET_STAFF)):
            assert await worklist(hub, actor) == []
            for use in (find_task, invite, mark_attended):
                with pytest.raises(Absent):
                    await use(hub, actor, invitation_id)
        for actor in (rider, staff(Role.PLATFORM_ACCOUNT, organizations=frozenset({BRANCH}))):
            with pytest.raises(Refused):
                await worklist(hub, actor)


async def test_withdrawal_takes_everything_back_at_once(database_url: str, tmp_path: Path) -> None:
    """Open invitations are cancelled, the message still waiting is stopped, the worklist is empty."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        await add_activity(hub, in_hours=50)
        await surface(hub, JOB)
        first, second = await worklist(hub, secretary())
        await invite(hub, secretary(), first.invitation.id)
        await withdraw(hub, rider, PORTS, purpose=Purpose.DECLARATION)
        assert await worklist(hub, secretary()) == []
        assert await own_invitations(hub, rider) == []
        assert await _messages(hub) == ["dead"]
        for task in (first, second):
            with pytest.raises(Absent):
                await invite(hub, secretary(), task.invitation.id)
            with pytest.raises(Absent):
                await answer_invitation(hub, rider, task.invitation.id, accept=True)
        await declared(hub, rider)
        assert await worklist(hub, secretary()) == []
        assert (await surface(hub, JOB))["surfaced"] == 2


async def test_what_was_attended_is_hidden_once_consent_ended(database_url: str, tmp_path: Path) -> None:
    """The body sees nothing of a rider who withdrew, not even what is past."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        task = await _only(hub)
        await invite(hub, secretary(), task.invitation.id)
        clock.advance(hours=49)
        await mark_attended(hub, secretary(), task.invitation.id)
        await withdraw(hub, rider, PORTS, purpose=Purpose.PARTY_ACTIVITIES)
        assert await worklist(hub, secretary()) == []


async def test_messages_wait_for_the_off_peak_window(database_url: str, tmp_path: Path) -> None:
    """Invited in the evening, the rider sees it on the page; the message leaves next afternoon, once."""
    clock = FixedClock(OFF_PEAK.replace(hour=20))
    async with make_hub(database_url, tmp_path, clock) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        await invite(hub, secretary(), (await _only(hub)).invitation.id)
        assert len(await own_invitations(hub, rider)) == 1
        await surface(hub, JOB)
        assert await _messages(hub) == []
        clock.advance(hours=18.5)
        assert (await surface(hub, JOB))["announced"] == 1
        await surface(hub, JOB)
        assert await _messages(hub) == ["waiting"]


async def test_what_nobody_decided_or_answered_is_closed(database_url: str, tmp_path: Path) -> None:
    """When the activity began, an unsent one lapses out of sight and a sent one counts as not answered."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        await add_activity(hub, in_hours=50)
        await surface(hub, JOB)
        first, _ = await worklist(hub, secretary())
        await invite(hub, secretary(), first.invitation.id)
        clock.advance(hours=60)
        counts = await surface(hub, JOB)
        assert (counts["lapsed"], counts["no_answer"]) == (1, 1)
        assert (await _only(hub)).invitation.state == State.NO_ANSWER
        with pytest.raises(Conflict):
            await answer_invitation(hub, rider, first.invitation.id, accept=True)


async def test_a_rider_answers_their_own_only_and_may_change_it(database_url: str, tmp_path: Path) -> None:
    """Another rider's invitation is absent; yes may become no before the activity begins."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        rider, other = await add_riders(hub, 2)
        await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        task = await _only(hub)
        with pytest.raises(Absent):
            await answer_invitation(hub, rider, task.invitation.id, accept=True)
        await invite(hub, secretary(), task.invitation.id)
        with pytest.raises(Conflict):
            await invite(hub, secretary(), task.invitation.id)
        with pytest.raises(Absent):
            await answer_invitation(hub, other, task.invitation.id, accept=True)
        for accept, state in ((True, State.ACCEPTED), (True, State.ACCEPTED), (False, State.DECLINED)):
            answered = await answer_invitation(hub, rider, task.invitation.id, accept=accept)
            assert answered.state == state


async def test_rows_to_open_and_party_activities_look_alike(database_url: str, tmp_path: Path) -> None:
    """In every state the envelopes have one length, and a row tells neither rider nor body nor purpose."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        member, open_only = await add_riders(hub, 2)
        await declared(hub, member)
        await opted_in(hub, open_only)
        await add_activity(hub)
        await add_activity(hub, open_to_all=True)
        await surface(hub, JOB)
        task = (await worklist(hub, secretary()))[0]
        await invite(hub, secretary(), task.invitation.id)
        async with hub.database.read() as connection:
            rows = (await connection.execute(select(invitation))).all()
        assert len(rows) == 3
        assert len({len(row.sealed) for row in rows}) == 1
        assert {len(row.body_index) for row in rows} == {36}
        for secret in (BRANCH, Purpose.PARTY_ACTIVITIES, Purpose.OPEN_ACTIVITIES, str(member.rider_id)):
            assert not any(secret.encode() in bytes(row.sealed) for row in rows)


async def test_copy_and_erasure_of_invitations(database_url: str, tmp_path: Path) -> None:
    """The copy holds what was sent to the rider; after erasure no row is left."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        assert rider.rider_id is not None
        async with hub.change(JOB, "membership.surface") as work:
            assert await export(work, hub.keys, rider.rider_id) == []
        await invite(hub, secretary(), (await _only(hub)).invitation.id)
        async with hub.change(JOB, "membership.surface") as work:
            (section,) = await export(work, hub.keys, rider.rider_id)
            assert section.entries[:2] == [("活动", "主题党日"), ("进展", "已邀请")]
            assert await erase(work, hub.keys, rider.rider_id) == 1
        assert await worklist(hub, secretary()) == []
