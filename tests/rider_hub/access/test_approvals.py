"""Nothing is used without another person's live yes, whoever does what in whatever order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from rider_hub.access import Actor, Hub, Role, Scope, approvals
from rider_hub.access.approval_model import Approval, Kind, State
from rider_hub.access.purposes import EXPORT_REASONS, Purpose
from rider_hub.access.tables import approval, audit_row
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Conflict, HubError, Refused
from tests.factories import make_hub, staff

PURPOSE = Purpose.stated(EXPORT_REASONS, "check", "核对十一月台账")
STREET, COUNTY = ("110101001",), ("110101",)
ASK, HOLDS, USES = timedelta(hours=72), timedelta(hours=24), 3
#: Two log-ins of one person, a colleague, the county, another street, and one whose role can't approve.
PEOPLE = {
    "first": replace(staff(Role.STREET_STAFF, divisions=STREET), id="user:first", person=b"one"),
    "second": replace(staff(Role.COUNTY_STAFF, divisions=COUNTY), id="user:second", person=b"one"),
    "colleague": replace(staff(Role.STREET_STAFF, divisions=STREET), id="user:colleague", person=b"two"),
    "county": replace(staff(Role.COUNTY_STAFF, divisions=COUNTY), id="user:county"),
    "elsewhere": replace(staff(Role.STREET_STAFF, divisions=("110101002",)), id="user:elsewhere"),
    "instructor": replace(staff(Role.INSTRUCTOR, divisions=STREET), id="user:instructor"),
}
#: Whose asks whom may answer, said apart from the code.
ANSWERS = {
    "first": {"colleague", "county"},
    "second": {"county"},
    "colleague": {"first", "second", "county"},
    "county": {"second"},
    "instructor": {"first", "second", "colleague", "county"},
    "elsewhere": {"second", "county"},
}
WHO = st.sampled_from(sorted(PEOPLE))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), WHO, st.just(0)),
        st.tuples(st.sampled_from(["approve", "reject", "use", "end"]), WHO, st.integers(0, 3)),
        st.tuples(st.sampled_from(["approve", "use", "use", "end"]), st.just("asker"), st.integers(0, 3)),
        st.tuples(st.just("approve"), st.just("county"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.just(""), st.sampled_from([1, 23, 72])),
    ),
    min_size=3,
    max_size=25,
)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open an empty hub."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        yield opened


async def ask(hub: Hub, actor: Actor, **details: str) -> Approval:
    """Ask for an export of the actor's scope."""
    async with hub.change(actor, "exports.ask") as work:
        return await approvals.ask(
            work, hub.keys, Kind.EXPORT, scope=actor.scope, purpose=PURPOSE, details=details, lapses=ASK
        )


async def decide(hub: Hub, actor: Actor, asked: str, *, approve: bool = True) -> Approval:
    """Answer an ask."""
    async with hub.change(actor, "exports.approve") as work:
        return await approvals.decide(work, hub.keys, asked, approve=approve, lasts=HOLDS, max_uses=USES)


async def use(hub: Hub, actor: Actor, asked: str) -> Approval:
    """Take one use of an approval."""
    async with hub.change(actor, "exports.take") as work:
        return await approvals.use(work, hub.keys, asked)


async def end(hub: Hub, actor: Actor, asked: str) -> Approval:
    """End an ask."""
    async with hub.change(actor, "approvals.view") as work:
        return await approvals.end(work, hub.keys, asked)


@dataclass
class _Told:
    """What a reader of the story would say of one ask."""

    by: str
    until: datetime
    state: str = "asked"
    approver: str = ""
    uses: int = 0

    def is_now(self, now: datetime, *states: str) -> bool:
        """Say whether it is in one of these states and its time is not over."""
        return self.state in states and now < self.until

    def expect(self, step: str, who: str, now: datetime) -> bool:
        """Say whether a step is allowed, and take it."""
        others = ANSWERS[self.by]
        match step:
            case "approve" | "reject" if who in others and self.is_now(now, "asked"):
                self.state, self.approver = ("approved", who) if step == "approve" else ("rejected", who)
                self.until = now + HOLDS if step == "approve" else self.until
                return True
            case "use" if who == self.by and self.is_now(now, "approved") and self.uses < USES:
                assert self.approver in others
                self.uses += 1
                self.state = "used" if self.uses == USES else "approved"
                return True
            case "end" if who in others | {self.by} and self.is_now(now, "asked", "approved"):
                self.state = "ended"
                return True
        return False


@dataclass
class _Story:
    hub: Hub
    clock: FixedClock
    told: list[_Told] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def take(self, step: str, who: str, number: int) -> None:
        """Take a step for real, and compare whether it was allowed."""
        if step == "wait":
            self.clock.advance(hours=number)
        elif step == "ask":
            self.ids.append((await ask(self.hub, PEOPLE[who])).id)
            self.told.append(_Told(who, self.clock.now() + ASK))
        elif self.ids:
            number %= len(self.ids)
            who = self.told[number].by if who == "asker" else who
            expected = self.told[number].expect(step, who, self.clock.now())
            assert await self._tried(step, PEOPLE[who], self.ids[number]) is expected

    async def _tried(self, step: str, actor: Actor, asked: str) -> bool:
        try:
            match step:
                case "use":
                    await use(self.hub, actor, asked)
                case "end":
                    await end(self.hub, actor, asked)
                case _:
                    await decide(self.hub, actor, asked, approve=step == "approve")
        except (Absent, Conflict):
            return False
        return True

    async def check(self) -> None:
        """Compare what is stored with what was told."""
        async with self.hub.database.read() as connection:
            rows = {row.id: row for row in await connection.execute(select(approval))}
        for told, asked in zip(self.told, self.ids, strict=True):
            row = rows[asked]
            assert (row.state, row.uses) == (told.state, told.uses)
            if row.uses:
                assert row.decided_by not in {None, row.asked_by}


@example(steps=[("ask", "first", 0), ("approve", "asker", 0), ("use", "asker", 0)])
@example(steps=[("ask", "first", 0), ("approve", "second", 0), ("use", "asker", 0)])
@example(steps=[("ask", "first", 0), ("approve", "county", 0), ("end", "county", 0), ("use", "asker", 0)])
@example(steps=[("ask", "first", 0), ("approve", "county", 0), *4 * [("use", "asker", 0)]])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
async def test_any_history_uses_only_what_another_person_approved(
    hub: Hub, steps: list[tuple[str, str, int]]
) -> None:
    """Random asks, answers, uses, ends and waits: what is allowed is exactly what the story says."""
    async with hub.database.write() as connection:
        await connection.execute(delete(approval))
    assert isinstance(hub.clock, FixedClock)
    story = _Story(hub, hub.clock)
    for step, who, number in steps:
        await story.take(step, who, number)
    await story.check()


async def test_of_many_at_once_one_answers_and_three_use(hub: Hub) -> None:
    """Answers and uses that arrive together don't add up to more than one answer and three uses."""
    asked = await ask(hub, PEOPLE["first"])
    answers = await asyncio.gather(
        *(decide(hub, PEOPLE[who], asked.id) for who in ("colleague", "county", "colleague")),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Approval) for one in answers) == 1
    uses = await asyncio.gather(
        *(use(hub, PEOPLE["first"], asked.id) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, Approval) for one in uses) == USES
    assert all(isinstance(one, (Approval, HubError)) for one in (*answers, *uses))


async def test_an_ask_is_answered_by_those_who_may_open_the_ledger(hub: Hub) -> None:
    """Whoever lacks the ledger's own operation can't judge its export."""
    asked = await ask(hub, PEOPLE["first"], operation="match.approve")
    with pytest.raises(Refused):
        await decide(hub, PEOPLE["colleague"], asked.id)
    assert (await decide(hub, PEOPLE["county"], asked.id)).state is State.APPROVED


async def test_a_refused_answer_is_on_record(hub: Hub) -> None:
    """The trail has the try to approve one's own ask, with its number."""
    asked = await ask(hub, PEOPLE["first"])
    with pytest.raises(Refused):
        await decide(hub, PEOPLE["first"], asked.id)
    async with hub.database.read() as connection:
        query = select(audit_row.c.target, audit_row.c.outcome).where(
            audit_row.c.operation == "exports.approve"
        )
        assert (await connection.execute(query)).all() == [(asked.number, "refused")]


async def test_what_is_asked_for_is_sealed(hub: Hub) -> None:
    """A filter may be a phone, a purpose may name somebody: neither stands in the database."""
    await ask(hub, PEOPLE["first"], query="q=13800005678")
    async with hub.database.read() as connection:
        [row] = (await connection.execute(select(approval))).all()
    assert "13800005678" not in repr(row)
    assert PURPOSE.words not in repr(row)


async def test_lists_show_what_concerns_one(hub: Hub) -> None:
    """One's own asks and those one may answer; nothing of another street."""
    asked = await ask(hub, PEOPLE["first"])
    for who, sees in (("first", 1), ("colleague", 1), ("county", 1), ("elsewhere", 0), ("instructor", 0)):
        async with hub.look(PEOPLE[who], "approvals.view") as look:
            assert len(await approvals.listed(look, hub.keys)) == sees
            if not sees:
                with pytest.raises(Absent):
                    await approvals.find(look, hub.keys, asked.id)


async def test_an_account_cannot_bury_the_approvers(hub: Hub) -> None:
    """After twenty unanswered asks the next is refused; an empty scope can't ask at all."""
    for _ in range(20):
        await ask(hub, PEOPLE["first"])
    with pytest.raises(Conflict):
        await ask(hub, PEOPLE["first"])
    await ask(hub, PEOPLE["colleague"])
    with pytest.raises(Conflict):
        await ask(hub, replace(PEOPLE["county"], scope=Scope()))


@pytest.mark.parametrize(
    ("one", "other", "holds"),
    [
        (Scope(("110101",)), Scope(("110101001", "110101002")), True),
        (Scope(("110101001",)), Scope(("110101",)), False),
        (Scope(("110101",)), Scope(("110101001", "110105")), False),
        (Scope(("110101",)), Scope((), ("jia",)), False),
        (Scope(("110101",)), Scope(("110101",), ("jia",)), True),
        (Scope((), ("jia",)), Scope(("110101",), ("jia",)), True),
        (Scope(("110101",), ("jia",)), Scope(("110101",)), False),
        (Scope((), ("jia",)), Scope((), ("jia", "yi")), False),
        (Scope((), (), ("p",)), Scope((), ("jia",), ("p",)), True),
        (Scope(), Scope(), False),
        (Scope(("110101",)), Scope(), False),
        (Scope.all(), Scope(("1",)), True),
        (Scope(("1",)), Scope.all(), False),
    ],
)
def test_a_scope_holds_another(one: Scope, other: Scope, holds: bool) -> None:
    """Whoever approves must see all that the approved thing shows, of each kind that is named."""
    assert one.holds(other) is holds
