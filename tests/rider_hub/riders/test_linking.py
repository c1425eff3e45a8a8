"""Links between registrations: explained, proposed or made by evidence, undone without loss."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rider_hub.access import Role
from rider_hub.errors import Absent, Conflict
from rider_hub.riders.identity import explain
from rider_hub.riders.model import LinkState
from rider_hub.riders.service import decide_link
from rider_hub.riders.tables import identity_link
from tests.factories import make_hub, staff
from tests.rider_hub.riders.build import PHONE, id_number, riders_of, row, take, tombstone


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> Any:
    """Open a hub on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


async def links(hub: Any) -> list[Any]:
    """Return all links, the oldest first."""
    async with hub.database.read() as connection:
        query = select(identity_link).order_by(identity_link.c.created_at, identity_link.c.id)
        return list((await connection.execute(query)).mappings())


async def test_one_identity_number_on_two_platforms_is_one_rider(hub: Any) -> None:
    """The two registrations are linked at once, and the link says why."""
    await take(hub, [row("R-1", id_number=id_number(1))], "jia")
    await take(hub, [row("R-9", id_number=id_number(1))], "yi")
    riders = await riders_of(hub)
    [link] = await links(hub)
    assert riders["jia/R-1"] == riders["yi/R-9"]
    assert explain(LinkState(link["state"]), link["evidence"]) == (
        "两条登记的证件号码一致，系统已关联为同一名骑手。"
    )


async def test_undoing_a_link_gives_each_rider_their_own_back(hub: Any) -> None:
    """After undoing, both registrations have the riders they had, and repetition does not link anew."""
    await take(hub, [row("R-1")], "jia")
    await take(hub, [row("R-9")], "yi")
    before = await riders_of(hub)
    await take(hub, [row("R-1", 2, id_number=id_number(1))], "jia")
    await take(hub, [row("R-9", 2, id_number=id_number(1))], "yi")
    [link] = await links(hub)
    assert len(set((await riders_of(hub)).values())) == 1
    await decide_link(hub, staff(Role.STREET_STAFF), link["id"], LinkState.UNDONE)
    assert await riders_of(hub) == before
    await take(hub, [row("R-9", 3, id_number=id_number(1))], "yi")
    assert await riders_of(hub) == before


async def test_one_phone_is_only_proposed_until_a_person_confirms(hub: Any) -> None:
    """The same phone merges nobody; confirming does, and undoing the confirmation parts them again."""
    await take(hub, [row("R-1", phone=PHONE)], "jia")
    await take(hub, [row("R-9", phone=PHONE)], "yi")
    before = await riders_of(hub)
    [link] = await links(hub)
    assert link["state"] == "proposed"
    assert len(set(before.values())) == 2
    clerk = staff(Role.STREET_STAFF)
    await decide_link(hub, clerk, link["id"], LinkState.CONFIRMED)
    assert len(set((await riders_of(hub)).values())) == 1
    await decide_link(hub, clerk, link["id"], LinkState.UNDONE)
    assert await riders_of(hub) == before


async def test_a_rejected_proposal_does_not_come_back(hub: Any) -> None:
    """What a person decided stays, however often the evidence is sent again."""
    await take(hub, [row("R-1", phone=PHONE)], "jia")
    await take(hub, [row("R-9", phone=PHONE)], "yi")
    [link] = await links(hub)
    await decide_link(hub, staff(Role.STREET_STAFF), link["id"], LinkState.REJECTED)
    await take(hub, [row("R-9", 2, phone=PHONE)], "yi")
    assert [one["state"] for one in await links(hub)] == ["rejected"]
    with pytest.raises(Conflict):
        await decide_link(hub, staff(Role.STREET_STAFF), link["id"], LinkState.CONFIRMED)


async def test_two_identity_numbers_with_one_phone_are_two_people(hub: Any) -> None:
    """Nothing is proposed where the identity numbers already answer."""
    await take(hub, [row("R-1", phone=PHONE, id_number=id_number(1))], "jia")
    await take(hub, [row("R-9", phone=PHONE, id_number=id_number(2))], "yi")
    assert await links(hub) == []


async def test_a_corrected_identity_number_parts_what_it_had_linked(hub: Any) -> None:
    """Of three linked registrations the corrected one goes home, the other two stay together."""
    await take(hub, [row("R-1", id_number=id_number(1)), row("R-2", id_number=id_number(1))], "jia")
    await take(hub, [row("R-9", id_number=id_number(1))], "yi")
    assert len(set((await riders_of(hub)).values())) == 1
    await take(hub, [row("R-1", 2, id_number=id_number(3))], "jia")
    riders = await riders_of(hub)
    assert riders["jia/R-2"] == riders["yi/R-9"] != riders["jia/R-1"]


async def test_leaving_one_platform_does_not_part_a_rider(hub: Any) -> None:
    """A tombstone is no evidence against a link: the history stays with the person."""
    await take(hub, [row("R-1", id_number=id_number(1))], "jia")
    await take(hub, [row("R-9", id_number=id_number(1))], "yi")
    await take(hub, [tombstone("R-1", 2)], "jia")
    assert len(set((await riders_of(hub)).values())) == 1


async def test_a_link_out_of_scope_looks_absent(hub: Any) -> None:
    """Staff of another county can't decide."""
    await take(hub, [row("R-1", phone=PHONE)], "jia")
    await take(hub, [row("R-9", phone=PHONE)], "yi")
    [link] = await links(hub)
    with pytest.raises(Absent):
        await decide_link(
            hub, staff(Role.STREET_STAFF, divisions=("110105",)), link["id"], LinkState.CONFIRMED
        )
