"""What was sent is called off within a minute of a withdrawal or an erasure (promise 38)."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from jobs import deliver_messages
from jobs.job import Every
from jobs.running import run_slot
from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.consent.erasing import erase_own
from rider_hub.consent.model import Purpose
from rider_hub.membership.service import withdraw
from rider_hub.messages.tables import outbox
from rider_hub.outreach.answers import answer_invitation
from rider_hub.outreach.model import OPEN_STATES, State
from rider_hub.outreach.sending import invite, mark_attended, worklist
from rider_hub.outreach.service import surface
from rider_hub.outreach.store import of_rider
from rider_hub.views.ports import wired
from tests.factories import make_hub
from tests.rider_hub.membership.factories import BRANCH, add_riders, settle
from tests.rider_hub.outreach.factories import (
    JOB,
    OFF_PEAK,
    PORTS,
    add_activity,
    declared,
    opted_in,
    secretary,
)

TEXT = "【骑手服务】此前的活动通知已取消，请忽略。"
#: States whose activity is ahead and whose message has left.
_TOLD = {State.INVITED, State.ACCEPTED, State.DECLINED}


async def _run_job(hub: Hub) -> list[dict[str, Any]]:
    """Run the job as the scheduler does and return what the port was given in it."""
    path = hub.settings.data_dir / "messages.jsonl"
    before = path.read_text("utf-8").count("\n") if path.exists() else 0
    due = deliver_messages.JOB.due
    assert isinstance(due, Every)
    ends = due.slot(hub.clock.now()) + timedelta(seconds=due.seconds)
    hub.clock.advance(seconds=(ends - hub.clock.now()).total_seconds())  # type: ignore[attr-defined]
    assert await run_slot(hub, deliver_messages.JOB)
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines[before:]]


async def _waiting(hub: Hub) -> list[tuple[str, str]]:
    async with hub.database.read() as connection:
        query = select(outbox.c.kind, outbox.c.id, outbox.c.sealed).where(outbox.c.state == "waiting")
        rows = (await connection.execute(query)).all()
    return [
        (row.kind, hub.keys.unseal("personal", ("outbox", "sealed", row.id), row.sealed)["to"])
        for row in rows
    ]


async def _states(hub: Hub, rider: Actor) -> list[State]:
    async with hub.database.read() as connection:
        return [each.state for each in await of_rider(connection, hub.keys, rider.rider_id or "")]


async def _bring_to(hub: Hub, rider: Actor, state: State) -> None:
    """Live through an invitation up to a state, its message delivered where there is one."""
    (task,) = await worklist(hub, secretary())
    if state in {State.SURFACED, State.LAPSED}:
        if state == State.LAPSED:
            hub.clock.advance(hours=49)  # type: ignore[attr-defined]
            await surface(hub, JOB)
        return
    await invite(hub, secretary(), task.invitation.id)
    assert [message["kind"] for message in await _run_job(hub)] == ["invitation"]
    if state in {State.ACCEPTED, State.DECLINED}:
        await answer_invitation(hub, rider, task.invitation.id, accept=state == State.ACCEPTED)
    if state in {State.NO_ANSWER, State.ATTENDED}:
        hub.clock.advance(hours=49)  # type: ignore[attr-defined]
        await surface(hub, JOB)
    if state == State.ATTENDED:
        await mark_attended(hub, secretary(), task.invitation.id)


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
@pytest.mark.parametrize("state", sorted(set(State) - {State.CANCELLED}))
async def test_what_was_sent_is_called_off_within_a_minute(
    database_url: str, tmp_path: Path, state: State, how: str
) -> None:
    """One neutral message, with the job's next run, exactly where an invitation left and is ahead."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        rider, other = await add_riders(hub, 2)
        await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        await _bring_to(hub, rider, state)
        assert await _states(hub, rider) == [state]
        await _run_job(hub)
        hub.clock.advance(seconds=1)  # type: ignore[attr-defined]
        at = hub.clock.now()
        if how == "withdrawn":
            await withdraw(hub, rider, PORTS, purpose=Purpose.DECLARATION)
            assert not OPEN_STATES & set(await _states(hub, rider))
        else:
            await erase_own(hub, rider, wired())
            assert await _states(hub, rider) == []
        expected = 1 if state in _TOLD else 0
        waiting = await _waiting(hub)
        assert [kind for kind, _ in waiting] == ["cancellation"] * expected
        sent = await _run_job(hub)
        assert (hub.clock.now() - at).total_seconds() < 60
        assert [(m["kind"], m["to"], m["body"]) for m in sent] == [
            ("cancellation", to, {"text": TEXT}) for _, to in waiting
        ]
        assert await _run_job(hub) == []
        assert await _waiting(hub) == []
        async with hub.database.read() as connection:
            kinds = (await connection.execute(select(outbox.c.kind))).scalars().all()
        assert "cancellation" not in kinds
        await erase_own(hub, other, wired())
        assert await _waiting(hub) == []


async def test_a_message_that_waits_is_dropped_and_needs_no_calling_off(
    database_url: str, tmp_path: Path
) -> None:
    """Withdrawn before the job ran, or invited in quiet hours: nothing leaves at all."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        early, quiet = await add_riders(hub, 2)
        await declared(hub, early)
        await add_activity(hub, in_hours=90)
        await surface(hub, JOB)
        (task,) = await worklist(hub, secretary())
        await invite(hub, secretary(), task.invitation.id)
        await withdraw(hub, early, PORTS, purpose=Purpose.PARTY_ACTIVITIES)
        hub.clock.advance(hours=9)  # type: ignore[attr-defined]
        await declared(hub, quiet)
        await surface(hub, JOB)
        (task,) = await worklist(hub, secretary())
        await invite(hub, secretary(), task.invitation.id)
        await withdraw(hub, quiet, PORTS, purpose=Purpose.DECLARATION)
        assert await _run_job(hub) == []
        hub.clock.advance(hours=15)  # type: ignore[attr-defined]
        await surface(hub, JOB)
        assert await _run_job(hub) == []


async def test_several_invitations_are_called_off_once(database_url: str, tmp_path: Path) -> None:
    """A withdrawal that ends several invitations is one message; what rests on another consent stays."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await opted_in(hub, rider, BRANCH)
        for hours, open_to_all in ((40, False), (48, True)):
            await add_activity(hub, in_hours=hours, open_to_all=open_to_all)
        await surface(hub, JOB)
        for task in await worklist(hub, secretary()):
            await invite(hub, secretary(), task.invitation.id)
        assert len(await _run_job(hub)) == 2
        await withdraw(hub, rider, PORTS, purpose=Purpose.DECLARATION)
        assert sorted(await _states(hub, rider)) == [State.CANCELLED, State.INVITED]
        await withdraw(hub, rider, PORTS, purpose=Purpose.OPEN_ACTIVITIES)
        assert [message["kind"] for message in await _run_job(hub)] == ["cancellation"]
