"""Verification: asked by the rider, listed for the home organization alone, answered once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.errors import Absent, Conflict, Invalid, Refused
from rider_hub.membership.model import Kind
from rider_hub.membership.ports import erase
from rider_hub.membership.service import declare, own_membership, withdraw
from rider_hub.membership.tables import declaration, home_list
from rider_hub.membership.verification import (
    answer_verification,
    ask_verification,
    find_homes,
    find_waiting,
    gather_homes,
    waiting_list,
)
from rider_hub.riders.indexes import phone_index
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.membership.factories import BRANCH, INDUSTRY, OTHER_COUNTY, add_riders, settle

SECRETARY = staff(Role.BRANCH_SECRETARY, organizations=frozenset({INDUSTRY}))
OTHER = staff(Role.BRANCH_SECRETARY, organizations=frozenset({BRANCH}))
JOB = Actor.job("gather_verifications")


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with organizations and published notices."""
    async with make_hub(database_url, tmp_path) as opened:
        await settle(opened)
        yield opened


async def _ask(hub: Hub, actor: Actor, body: str = INDUSTRY) -> None:
    """Declare to the branch of the community, and ask another organization to verify."""
    await declare(hub, actor, kind=Kind.FULL, home_organization="某行业党委", body=BRANCH, notice_version=1)
    await ask_verification(hub, actor, body=body, notice_version=1)
    await gather_homes(hub, JOB)


async def test_the_home_organization_answers_once_and_the_rider_sees_it(hub: Hub) -> None:
    """The secretary sees name, masked phone and kind, says yes, cannot say it again; the rider reads it."""
    rider, _ = await add_riders(hub, 2)
    await _ask(hub, rider)
    (waiting,) = await waiting_list(hub, SECRETARY)
    assert (waiting.name, waiting.kind, waiting.verified) == ("骑手甲0001号", Kind.FULL, None)
    assert "*" in waiting.phone
    assert (await own_membership(hub, rider)).answer is None
    await answer_verification(hub, SECRETARY, waiting.id, yes=True)
    with pytest.raises(Conflict):
        await answer_verification(hub, SECRETARY, waiting.id, yes=False)
    await gather_homes(hub, JOB)
    answer = (await own_membership(hub, rider)).answer
    assert answer is not None
    assert answer.verified is True
    assert [each.verified for each in await waiting_list(hub, SECRETARY)] == [True]


async def test_nobody_else_sees_or_answers_it(hub: Hub) -> None:
    """Another body's secretary finds an empty list and no entry; other roles of the body are refused."""
    (rider,) = await add_riders(hub)
    await _ask(hub, rider)
    (waiting,) = await waiting_list(hub, SECRETARY)
    assert await waiting_list(hub, OTHER) == []
    for open_one in (
        find_waiting(hub, OTHER, waiting.id),
        answer_verification(hub, OTHER, waiting.id, yes=True),
    ):
        with pytest.raises(Absent):
            await open_one
    for role in set(Role) - {Role.BRANCH_SECRETARY}:
        with pytest.raises(Refused):
            await waiting_list(hub, staff(role, organizations=frozenset({INDUSTRY})))
    with pytest.raises(Refused):
        await waiting_list(hub, county_staff())


@pytest.mark.parametrize("purpose", [Purpose.VERIFICATION, Purpose.DECLARATION])
async def test_withdrawing_takes_it_off_the_list_at_once(hub: Hub, purpose: str) -> None:
    """Before any job ran the entry is gone for the secretary, and can't be answered."""
    (rider,) = await add_riders(hub)
    await _ask(hub, rider)
    (waiting,) = await waiting_list(hub, SECRETARY)
    await withdraw(hub, rider, Ports(), purpose=purpose)
    assert await waiting_list(hub, SECRETARY) == []
    with pytest.raises(Absent):
        await answer_verification(hub, SECRETARY, waiting.id, yes=True)


async def test_asking_another_organization_moves_the_asking(hub: Hub) -> None:
    """Only one is home: the first sees nothing from that moment, an old answer does not go along."""
    (rider,) = await add_riders(hub)
    await _ask(hub, rider)
    (waiting,) = await waiting_list(hub, SECRETARY)
    await answer_verification(hub, SECRETARY, waiting.id, yes=False)
    hub.clock.advance(minutes=1)  # type: ignore[attr-defined]
    await ask_verification(hub, rider, body=BRANCH, notice_version=1)
    assert await waiting_list(hub, SECRETARY) == []
    assert (await own_membership(hub, rider)).answer is None
    await gather_homes(hub, JOB)
    assert [each.verified for each in await waiting_list(hub, OTHER)] == [None]


async def test_nobody_verifies_themselves(hub: Hub) -> None:
    """A secretary whose own phone is the rider's finds no such entry and can't answer it."""
    (rider,) = await add_riders(hub)
    await _ask(hub, rider)
    (waiting,) = await waiting_list(hub, SECRETARY)
    oneself = replace(SECRETARY, person=phone_index(hub.keys, "19900000001"))
    assert await waiting_list(hub, oneself) == []
    with pytest.raises(Absent):
        await answer_verification(hub, oneself, waiting.id, yes=True)


async def test_asking_needs_its_own_consent_a_declaration_and_a_body_of_the_county(hub: Hub) -> None:
    """Each is refused without: the notice, the declaration, an organization the county knows."""
    (rider,) = await add_riders(hub)
    with pytest.raises(Conflict):
        await ask_verification(hub, rider, body=INDUSTRY, notice_version=1)
    await declare(hub, rider, kind=Kind.FULL, home_organization="某党委", body=BRANCH, notice_version=1)
    with pytest.raises(Invalid):
        await ask_verification(hub, rider, body=INDUSTRY, notice_version=None)
    with pytest.raises(Invalid):
        await ask_verification(hub, rider, body=OTHER_COUNTY, notice_version=1)
    found = [each.code for each in await find_homes(hub, rider, "行业党委")]
    assert found == [INDUSTRY]
    assert await find_homes(hub, rider, "委") == []


async def test_erasure_takes_the_rider_off_the_list(hub: Hub) -> None:
    """No page of any organization holds the pseudonym afterwards."""
    (rider,) = await add_riders(hub)
    await _ask(hub, rider)
    async with hub.change(JOB, "membership.gather") as work:
        assert await erase(work, hub.keys, rider.rider_id or "") == 2
        rows = (await work.connection.execute(select(home_list))).mappings().all()
        opened = [
            hub.keys.unseal("membership", ("home_list", "sealed", row["id"]), row["sealed"]) for row in rows
        ]
    assert [page["entries"] for page in opened] == [[]]


async def test_a_copied_database_does_not_join_a_rider_to_a_home(hub: Hub) -> None:
    """Records of both look alike, pages are as long, and the trail names no rider and no row."""
    asked, silent = await add_riders(hub, 2)
    await _ask(hub, asked)
    await withdraw(hub, silent, Ports(), purpose=Purpose.OPEN_ACTIVITIES)
    (waiting,) = await waiting_list(hub, SECRETARY)
    await answer_verification(hub, SECRETARY, waiting.id, yes=True)
    async with hub.database.read() as connection:
        sealed = (await connection.execute(select(declaration.c.sealed))).scalars().all()
        pages = (await connection.execute(select(home_list.c.sealed))).scalars().all()
        trail = (await connection.execute(select(audit_row))).mappings().all()
        named = set((await connection.execute(select(audit_subject.c.rider_id))).scalars())
    assert {len(each) for each in [*sealed, *pages]} == {len(sealed[0])}
    said = [row for row in trail if row["operation"] == "membership.verify"]
    assert said
    assert {row["target"] for row in said} == {""}
    assert not named & {asked.rider_id, silent.rider_id}
