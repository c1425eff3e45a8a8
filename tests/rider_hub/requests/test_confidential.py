"""Counselling and legal requests: the officer's alone, in lists, counts, exports, messages and the trail."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.actor import STAFF_ROLES, Grant
from rider_hub.access.policy import OPERATIONS, acting
from rider_hub.access.purposes import Purpose
from rider_hub.errors import Absent
from rider_hub.messages.tables import outbox
from rider_hub.requests import listing, service, store
from rider_hub.requests.clock import soon_until
from rider_hub.requests.model import CONFIDENTIAL
from rider_hub.requests.reach import reach_of
from tests.factories import make_hub, staff
from tests.rider_hub.requests.ground import COMMUNITY, OTHER_STREET, STREET, lay_ground, rider_actor

OFFICER = staff(Role.COUNSELLING_OFFICER, divisions=(STREET,))
OTHERS = [staff(role, divisions=(STREET,)) for role in sorted(STAFF_ROLES - OFFICER.roles)]
_MAY = OPERATIONS["requests.view"]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with a county and one rider."""
    async with make_hub(database_url, tmp_path) as opened:
        await lay_ground(opened)
        yield opened


async def _file(hub: Hub, category: str) -> str:
    filed = await service.file_request(
        hub, rider_actor(), category=category, community_code=COMMUNITY, text="最近睡不好，想找人聊聊"
    )
    return filed.id


async def _seen(hub: Hub, viewer: Actor) -> tuple[set[str], int, int]:
    """Return the ids a viewer's list holds, and what the two counts say."""
    async with hub.database.read() as connection:
        now = hub.clock.now()
        rows, total = await store.list_requests(
            connection, reach_of(viewer), filters={}, now=now, soon=soon_until(now), limit=None, offset=0
        )
        waiting, _ = await store.counts_waiting(connection, reach_of(viewer), now)
        states = await store.counts_by_state(connection, reach_of(viewer), now)
    assert total == len(rows) == sum(states.values())
    return {row["id"] for row in rows}, waiting, total


@pytest.mark.parametrize("category", sorted(CONFIDENTIAL))
async def test_the_officer_alone_sees_counts_and_answers(hub: Hub, category: str) -> None:
    """No other role of the same place finds it in a list, a number, by its id or to answer."""
    request_id, ordinary = await _file(hub, category), await _file(hub, "entry")
    assert await _seen(hub, OFFICER) == ({request_id}, 1, 1)
    for viewer in OTHERS:
        assert await _seen(hub, viewer) == (({ordinary}, 1, 1) if viewer.roles & _MAY else (set(), 0, 0))
        with pytest.raises(Absent):
            await listing.show_request(hub, viewer, request_id)
        with pytest.raises(Absent):
            await service.answer(hub, viewer, request_id, "已转办")
    with pytest.raises(Absent):
        await listing.show_request(hub, OFFICER, ordinary)
    elsewhere = staff(Role.COUNSELLING_OFFICER, divisions=(OTHER_STREET,))
    assert await _seen(hub, elsewhere) == (set(), 0, 0)
    await service.answer(hub, OFFICER, request_id, "周三下午可以来谈谈")
    assert (await listing.show_own(hub, rider_actor(), request_id)).events[-1].text == "周三下午可以来谈谈"


async def test_an_officer_is_none_in_a_place_that_was_lent(hub: Hub) -> None:
    """Emergency access shows the ordinary requests of the place; the confidential ones stay its officer's."""
    private, ordinary = await _file(hub, "counselling"), await _file(hub, "entry")
    scope = Scope(divisions=(STREET,))
    grant = Grant("g", "JJ-1", Role.STREET_STAFF, scope, "甲", hub.clock.now())
    both = staff(Role.COUNSELLING_OFFICER, Role.INSTRUCTOR, divisions=(OTHER_STREET,))
    lent = acting(replace(both, grants=(grant,)), "requests.view")
    assert lent.scope.covers(COMMUNITY)
    assert await _seen(hub, lent) == ({ordinary}, 1, 1)
    at_home = acting(
        replace(both, scope=scope, grants=(replace(grant, scope=Scope(divisions=(OTHER_STREET,))),)),
        "requests.view",
    )
    assert await _seen(hub, at_home) == ({private, ordinary}, 2, 2)
    with pytest.raises(Absent):
        await listing.show_request(hub, replace(both, grants=(grant,)), private)


async def test_the_rider_is_told_who_sees_it_and_no_message_names_it(hub: Hub) -> None:
    """Who answers and why stands on the page; the message says that there is an answer, not to what."""
    request_id = await _file(hub, "counselling")
    found = await listing.show_own(hub, rider_actor(), request_id)
    assert found.organization == "心理法律专员"
    assert "都看不到" in found.reason
    await service.answer(hub, OFFICER, request_id, "周三下午可以来谈谈")
    async with hub.database.read() as connection:
        row = (await connection.execute(select(outbox))).mappings().one()
    text = hub.keys.unseal("personal", ("outbox", "sealed", row["id"]), row["sealed"])["body"]["text"]
    assert "已有答复" in text
    assert "心理" not in text


async def test_an_overdue_one_is_marked_and_handed_to_nobody(hub: Hub) -> None:
    """Escalation would show it to an organization above; it stays with the officer."""
    request_id = await _file(hub, "legal")
    hub.clock.advance(days=30)  # type: ignore[attr-defined]
    counts = await service.track_overdue(hub, Actor.job("track_requests"))
    assert counts == {"overdue": 1, "escalated": 0}
    assert (await listing.show_request(hub, OFFICER, request_id)).escalated_to == ""


async def test_two_roles_see_both_kinds_and_a_bare_scope_only_one(hub: Hub) -> None:
    """One who is officer and street staff sees both; a scope without a role never shows the confidential."""
    await _file(hub, "legal"), await _file(hub, "entry")
    both = staff(Role.COUNSELLING_OFFICER, Role.STREET_STAFF, divisions=(STREET,))
    assert (await _seen(hub, both))[2] == 2
    async with hub.database.read() as connection:
        states = await store.counts_by_state(connection, Scope.all(), hub.clock.now())
    assert sum(states.values()) == 1


async def test_an_officer_who_is_instructor_opens_no_ordinary_reporters_contact(hub: Hub) -> None:
    """Two roles in one account give what each gives: not the officer's opening on the instructor's rows."""
    confidential, ordinary = await _file(hub, "legal"), await _file(hub, "entry")
    both = staff(Role.COUNSELLING_OFFICER, Role.INSTRUCTOR, divisions=(STREET,))
    purpose = Purpose("办理诉求", "约时间面谈")
    assert (await listing.show_request(hub, both, ordinary)).id == ordinary
    with pytest.raises(Absent):
        await listing.open_request(hub, both, ordinary, purpose)
    assert (await listing.open_request(hub, both, confidential, purpose)).id == confidential


@pytest.mark.parametrize("role", sorted(STAFF_ROLES - {Role.COUNSELLING_OFFICER}))
async def test_contact_and_words_open_for_the_officer_only(hub: Hub, role: Role) -> None:
    """Opening the reporter's contact with a purpose is absent or refused for every other role."""
    request_id = await _file(hub, "counselling")
    purpose = Purpose("办理诉求", "约时间面谈")
    with pytest.raises(Absent):
        await listing.open_request(hub, staff(role, divisions=(STREET,)), request_id, purpose)
    assert (await listing.open_request(hub, OFFICER, request_id, purpose)).id == request_id
