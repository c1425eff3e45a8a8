"""Emergency access lends a role in a place for some hours, and nothing of anybody's membership."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.actor import Grant
from rider_hub.access.answering import answer, end
from rider_hub.access.approval_model import Approval
from rider_hub.access.emergency import LENDABLE, ask_access, with_grants
from rider_hub.access.policy import LENT, OPERATIONS, acting, allows
from rider_hub.access.purposes import EMERGENCY_REASONS, Purpose
from rider_hub.access.tables import audit_row
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Conflict, Invalid, Refused
from tests.factories import make_hub, staff

PURPOSE = Purpose.stated(EMERGENCY_REASONS, "incident", "大风天联系骑手")
OWN, OTHER = "110101001", "110101002"
INSTRUCTOR = replace(
    staff(Role.INSTRUCTOR, divisions=(OWN,)), id="user:asker", organizations=frozenset({"HY"})
)
COUNTY = replace(staff(Role.COUNTY_STAFF), id="user:county")
SECURITY = replace(staff(Role.SECURITY_ADMIN), id="user:security")


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock the test moves."""
    return FixedClock()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Hub]:
    """Open an empty hub."""
    async with make_hub(database_url, tmp_path, clock) as opened:
        yield opened


async def _ask(hub: Hub, role: str = "street_staff", division: str = OTHER, minutes: int = 60) -> Approval:
    return await ask_access(
        hub, INSTRUCTOR, role=role, division=division, title="乙街道", minutes=minutes, purpose=PURPOSE
    )


async def _now(hub: Hub, actor: Actor = INSTRUCTOR) -> Actor:
    async with hub.database.read() as connection:
        return await with_grants(connection, hub.keys, actor, hub.clock.now())


async def test_it_is_live_between_the_yes_of_another_and_its_end(hub: Hub, clock: FixedClock) -> None:
    """Nothing before the approval, nothing for anybody else, nothing from the last minute on."""
    asked = await _ask(hub)
    assert await _now(hub) == INSTRUCTOR
    with pytest.raises(Refused):
        await answer(hub, INSTRUCTOR, asked.id, approve=True)
    await answer(hub, COUNTY, asked.id, approve=True)
    assert [grant.number for grant in (await _now(hub)).grants] == [asked.number]
    assert (await _now(hub, COUNTY)).grants == ()
    clock.advance(minutes=59, seconds=59)
    assert (await _now(hub)).grants
    clock.advance(seconds=1)
    assert await _now(hub) == INSTRUCTOR


@pytest.mark.parametrize("who", [INSTRUCTOR, COUNTY, SECURITY])
async def test_it_is_ended_at_once_by_either(hub: Hub, who: Actor) -> None:
    """The asker, who approved it, and a security administrator end it; the next request has nothing lent."""
    asked = await _ask(hub)
    await answer(hub, COUNTY, asked.id, approve=True)
    await end(hub, who, asked.id)
    assert await _now(hub) == INSTRUCTOR
    with pytest.raises(Conflict):
        await end(hub, who, asked.id)


async def test_only_who_holds_the_place_may_lend_it(hub: Hub) -> None:
    """Street staff, and county or security staff of elsewhere, can't; nobody can with powers lent to them."""
    asked = await _ask(hub)
    for who in (
        replace(staff(Role.STREET_STAFF, divisions=(OTHER,)), id="user:street"),
        replace(COUNTY, id="user:x", scope=Scope(divisions=("110105",))),
        replace(SECURITY, id="user:y", scope=Scope()),
    ):
        with pytest.raises(Absent):
            await answer(hub, who, asked.id, approve=True)
    county_role = await _ask(hub, role="county_staff", division="110101")
    await answer(hub, SECURITY, county_role.id, approve=True)
    lent = await _now(hub)
    other = await ask_access(
        hub,
        replace(INSTRUCTOR, id="user:z"),
        role="street_staff",
        division=OTHER,
        title="乙",
        minutes=30,
        purpose=PURPOSE,
    )
    with pytest.raises(Absent):
        await answer(hub, lent, other.id, approve=True)


@pytest.mark.parametrize(
    ("role", "division", "minutes", "field"),
    [
        ("system_admin", OTHER, 60, "role"),
        ("counselling_officer", OTHER, 60, "role"),
        ("branch_secretary", OTHER, 60, "role"),
        ("street_staff", "1101", 60, "division"),
        ("street_staff", "", 60, "division"),
        ("street_staff", OTHER, 241, "minutes"),
        ("street_staff", OTHER, 0, "minutes"),
    ],
)
async def test_what_can_be_asked_for_is_bounded(
    hub: Hub, role: str, division: str, minutes: int, field: str
) -> None:
    """No administrator's, secretary's or counsellor's role, no province, no more than four hours."""
    with pytest.raises(Invalid) as caught:
        await _ask(hub, role, division, minutes)
    assert [fault.path for fault in caught.value.errors] == [field]


async def test_every_act_under_it_carries_its_number(hub: Hub) -> None:
    """Looks and changes it lends are marked in the trail; what is done with one's own powers is not."""
    asked = await _ask(hub)
    await answer(hub, COUNTY, asked.id, approve=True)
    lent = await _now(hub)
    async with hub.change(lent, "riders.unmask", purpose="联系骑手") as work:
        assert work.scope == Scope(divisions=(OTHER,))
    async with hub.look(lent, "requests.view") as look:
        assert look.scope == Scope(divisions=(OWN, OTHER))
        look.count(requests=1)
    async with hub.look(lent, "invitations.view") as look:
        assert (look.scope, look.actor.grants) == (INSTRUCTOR.scope, ())
        look.count(rows=1)
    async with hub.database.read() as connection:
        query = select(audit_row.c.operation, audit_row.c.purpose)
        told = {one.operation: one.purpose for one in await connection.execute(query)}
    assert told["riders.unmask"] == f"【紧急访问 {asked.number}】联系骑手"
    assert told["requests.view"] == f"【紧急访问 {asked.number}】"
    assert told["invitations.view"] == ""


_ROLES = st.sampled_from(sorted(Role))
_PLACES = st.lists(st.sampled_from(["110101001", "110101002", "110105"]), max_size=2, unique=True)
_GRANTS = st.lists(
    st.tuples(st.sampled_from(LENDABLE), st.sampled_from(["110101002", "110105001"])), max_size=3
)


@given(role=_ROLES, places=_PLACES, lent=_GRANTS, operation=st.sampled_from(sorted(OPERATIONS)))
def test_what_is_lent_never_exceeds_the_grant(
    role: Role, places: list[str], lent: list[tuple[Role, str]], operation: str
) -> None:
    """For any person, grants and operation: own powers, the lent ones in their place, and no more."""
    own = staff(role, divisions=tuple(places), organizations=frozenset({"HY"}))
    ends = FixedClock().now() + timedelta(hours=1)
    grants = tuple(
        Grant(str(number), f"JJ-{number}", given, Scope(divisions=(place,)), "", ends)
        for number, (given, place) in enumerate(lent)
    )
    actor = replace(own, grants=grants)
    acts = acting(actor, operation)
    roles = OPERATIONS[operation]
    fitting = [grant for grant in grants if operation in LENT and grant.role in roles]
    assert allows(actor, operation) is bool(role in roles or fitting)
    assert acting(acts, operation) == acts
    assert acts.organizations == own.organizations
    expected = {place for grant in fitting for place in grant.scope.divisions}
    expected |= set(places) if role in roles or not fitting else set()
    assert set(acts.scope.divisions) == expected
    assert bool(acts.mark) is bool(fitting)


def test_no_operation_on_membership_approvals_or_accounts_is_lent() -> None:
    """What emergency access may never open stands outside the list, whoever adds to it."""
    forbidden = (
        "membership.",
        "invitations.",
        "activities.",
        "exports.",
        "emergency.",
        "approvals.",
        "users.",
    )
    others = (
        "audit.",
        "match.run",
        "match.approve",
        "match.apply",
        "feeds.",
        "senders.",
        "imports.",
        "rider.own",
    )
    assert [operation for operation in LENT if operation.startswith((*forbidden, *others))] == []
    assert OPERATIONS.keys() >= LENT
