"""No invitation is sent without live consent at the moment it is sent, over random histories."""

from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.errors import Conflict, HubError
from rider_hub.membership.service import withdraw
from rider_hub.membership.tables import declaration
from rider_hub.messages.tables import outbox
from rider_hub.outreach.answers import answer_invitation, own_invitations
from rider_hub.outreach.model import OPEN_STATES, Invitation
from rider_hub.outreach.sending import invite, worklist
from rider_hub.outreach.service import surface
from rider_hub.outreach.store import insert_invitation, of_rider
from rider_hub.outreach.tables import activity, invitation
from rider_hub.riders.tables import rider
from tests.factories import make_hub
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

_RIDERS = st.integers(0, 1)
_BODIES = st.sampled_from([BRANCH, INDUSTRY])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("declare"), _RIDERS, _BODIES),
        st.tuples(st.just("opt_in"), _RIDERS, _BODIES),
        st.tuples(
            st.just("withdraw"), _RIDERS, st.sampled_from([Purpose.DECLARATION, Purpose.OPEN_ACTIVITIES])
        ),
        st.tuples(st.just("withdraw"), _RIDERS, st.just(Purpose.PARTY_ACTIVITIES)),
        st.tuples(st.just("announce"), st.booleans(), _BODIES),
        st.tuples(st.just("surface"), st.none(), st.none()),
        st.tuples(st.just("killed"), st.integers(0, 2), st.none()),
        st.tuples(st.just("invite"), st.none(), _BODIES),
        st.tuples(st.just("answer"), _RIDERS, st.booleans()),
        st.tuples(st.just("wait"), st.sampled_from([1, 18, 80]), st.none()),
    ),
    min_size=4,
    max_size=24,
)


class _KilledError(Exception):
    """Stands for the end of the process."""


@dataclass
class _History:
    """What a reader of the story would say of consents, apart from the code that is tested."""

    #: Whether a withdrawal cancels what is open; sending must not rely on it.
    cancels: bool = True
    live: set[tuple[int, str, str]] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)

    def withdraw(self, rider: int, purpose: str) -> None:
        """End what ends with a purpose."""
        ends = {purpose} | ({Purpose.PARTY_ACTIVITIES} if purpose == Purpose.DECLARATION else set())
        self.live = {each for each in self.live if not (each[0] == rider and each[1] in ends)}

    def declare(self, rider: int, body: str) -> None:
        """Begin what begins with a declaration."""
        self.live |= {(rider, Purpose.DECLARATION, body), (rider, Purpose.PARTY_ACTIVITIES, body)}


async def _step(hub: Hub, riders: list[Actor], history: _History, step: tuple[str, object, object]) -> None:
    match step:
        case "announce", bool(open_to_all), str(body):
            await add_activity(hub, body=body, open_to_all=open_to_all)
        case "surface", _, _:
            await surface(hub, JOB)
        case "killed", int(after), _:
            await _killed_surface(hub, after)
        case "invite", _, str(body):
            await _invite_all(hub, riders, history, body)
        case _:
            await _rider_step(hub, riders, history, step)


async def _rider_step(
    hub: Hub, riders: list[Actor], history: _History, step: tuple[str, object, object]
) -> None:
    match step:
        case "declare", int(who), str(body):
            try:
                await declared(hub, riders[who], body)
            except Conflict:
                assert any(each[:2] == (who, Purpose.DECLARATION) for each in history.live)
            else:
                history.declare(who, body)
        case "opt_in", int(who), str(body):
            await opted_in(hub, riders[who], body)
            history.live.add((who, Purpose.OPEN_ACTIVITIES, body))
        case "withdraw", int(who), str(purpose):
            await withdraw(hub, riders[who], PORTS if history.cancels else Ports(), purpose=purpose)
            history.withdraw(who, purpose)
        case "answer", int(who), bool(accept):
            for own in await own_invitations(hub, riders[who]):
                if own.answerable:
                    await answer_invitation(hub, riders[who], own.invitation.id, accept=accept)


async def _killed_surface(hub: Hub, after: int) -> None:
    written = 0
    real = insert_invitation

    async def insert(*arguments: object) -> None:
        nonlocal written
        if written == after:
            raise _KilledError
        written += 1
        await real(*arguments)  # type: ignore[arg-type]

    with patch("rider_hub.outreach.service.insert_invitation", insert):
        try:
            await surface(hub, JOB)
        except _KilledError:
            return


async def _invite_all(hub: Hub, riders: list[Actor], history: _History, body: str) -> None:
    """Press the button on every row, also on those of the other body and those seen long ago."""
    for rider_number, row in [
        (number, row) for number, each in enumerate(riders) for row in await _rows(hub, each)
    ]:
        try:
            sent = await invite(hub, secretary(body), row.id)
        except HubError:
            continue
        assert (rider_number, sent.purpose, body) in history.live
        assert sent.body == body
        history.sent.add(sent.id)


async def _rows(hub: Hub, actor: Actor) -> list[Invitation]:
    assert actor.rider_id is not None
    async with hub.database.read() as connection:
        return await of_rider(connection, hub.keys, actor.rider_id)


async def _check(hub: Hub, riders: list[Actor], history: _History) -> None:
    """Hold that what is open, seen or on its way rests on a live consent, and nothing else was sent."""
    waiting = set()
    for number, actor in enumerate(riders):
        for row in await _rows(hub, actor):
            assert row.invited_at is None or row.id in history.sent
            is_live = (number, row.purpose, row.body) in history.live
            assert is_live or row.state not in OPEN_STATES or not history.cancels
            waiting |= {row.message} if row.message and is_live else set()
    for body in (BRANCH, INDUSTRY):
        for task in await worklist(hub, secretary(body)):
            number = [actor.rider_id for actor in riders].index(task.invitation.rider_id)
            assert (number, task.invitation.purpose, body) in history.live
    async with hub.database.read() as connection:
        query = select(outbox.c.id).where(outbox.c.state == "waiting")
        announced = set((await connection.execute(query)).scalars())
    assert announced <= waiting or not history.cancels


async def _wipe(hub: Hub) -> None:
    async with hub.database.write() as connection:
        for table in (invitation, declaration, activity, outbox):
            await connection.execute(delete(table))


@settings(
    max_examples=max(10, settings().max_examples // 5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    steps=[
        ("declare", 0, BRANCH),
        ("announce", False, BRANCH),
        ("surface", None, None),
        ("withdraw", 0, Purpose.DECLARATION),
        ("invite", None, BRANCH),
    ],
    cancels=False,
)
@given(steps=_STEPS, cancels=st.booleans())
async def test_nothing_is_sent_without_live_consent(
    database_url: str, tmp_path: Path, steps: list[tuple[str, object, object]], *, cancels: bool
) -> None:
    """Whatever order riders consent, withdraw and consent again in, and wherever the job is killed."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        await _wipe(hub)
        riders = await _settled(hub)
        history = _History(cancels)
        for step in steps:
            clock.advance(minutes=1, hours=step[1] if step[0] == "wait" and isinstance(step[1], int) else 0)
            await _step(hub, riders, history, step)
            await _check(hub, riders, history)


async def _settled(hub: Hub) -> list[Actor]:
    """Set the county up unless an earlier example has, and return its riders."""
    async with hub.database.read() as connection:
        known = list((await connection.execute(select(rider.c.id).order_by(rider.c.id))).scalars())
    if known:
        return [Actor.rider(rider_id) for rider_id in known]
    await settle(hub)
    return await add_riders(hub, 2)
