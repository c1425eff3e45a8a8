"""A correction reaches what was made from the wrong value, and stays when the platform sends that again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from rider_hub.access import Actor, Hub
from rider_hub.clock import FixedClock
from rider_hub.consent.correcting import (
    answer_request,
    ask,
    correct_for_staff,
    find_request,
    own_requests,
)
from rider_hub.consent.queue import list_requests
from rider_hub.consent.tables import rights_request
from rider_hub.errors import Absent, Conflict, Invalid
from rider_hub.intake.model import Receipt
from rider_hub.messages.tables import outbox
from rider_hub.riders.model import LinkState
from rider_hub.riders.store import find_by_phone, identities
from rider_hub.riders.tables import identity_link, registration, registration_correction, rider
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import STREETS, bring_in_county, push, sender_of, station
from tests.rider_hub.intake.build import rider as row
from tests.rider_hub.outreach.factories import OFF_PEAK

REF, WRONG, RIGHT = "D00001", "19900000001", "19911112222"
STAFF = county_staff()
WHY = "本人到窗口，已核对身份证"


async def _ground(hub: Hub) -> Any:
    await bring_in_county(hub)
    sender, _ = await sender_of(hub)
    await push(hub, sender, [station(0), station(1)], feed_type="station")
    await push(hub, sender, [row(1), row(2)])
    return sender


async def _mine(hub: Hub) -> Any:
    async with hub.database.read() as connection:
        query = select(registration).where(registration.c.platform_rider_ref == REF)
        return (await connection.execute(query)).mappings().one()


async def _correct(hub: Hub, field: Any, value: str, **given: Any) -> str:
    rider_id = (await _mine(hub))["rider_id"]
    given = {"registration_ref": f"ding/{REF}", "purpose": WHY} | given
    return await correct_for_staff(hub, STAFF, rider_id, field=field, value=value, **given)


async def _send(hub: Hub, sender: Any, day: int, **values: Any) -> Receipt:
    at = {"record_id": f"{REF}-{day}", "updated_at": f"2026-10-{day:02d}T09:00:00+08:00"}
    return await push(hub, sender, [row(1, **at, **values)])


async def _person(hub: Hub) -> Any:
    rider_id = (await _mine(hub))["rider_id"]
    async with hub.look(STAFF, "riders.view") as look:
        return (await identities(look, hub.keys, [rider_id]))[rider_id]


async def test_a_wrong_phone_is_right_everywhere_and_stays(database_url: str, tmp_path: Path) -> None:
    """It is found by the new number alone; newer records with the old one change nothing and are told."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        sender = await _ground(hub)
        assert await _correct(hub, "phone", f"+86 {RIGHT}") == "110101"
        for day in (5, 6):
            taken = await _send(hub, sender, day, name=f"骑手甲0000{day}号")
            assert taken.accepted == 1
            assert [one["code"] for one in taken.warnings] == ["differs_from_confirmed"]
            assert RIGHT not in str(taken.warnings)
            assert WRONG not in str(taken.warnings)
            person = await _person(hub)
            assert (person.phone, person.name) == (RIGHT, f"骑手甲0000{day}号")
        async with hub.database.read() as connection:
            assert await find_by_phone(connection, hub.keys, RIGHT) == (await _mine(hub))["rider_id"]
            assert await find_by_phone(connection, hub.keys, WRONG) is None
            kept = (await connection.execute(select(registration_correction))).mappings().one()
        assert kept["conflict_at"] is not None


async def test_a_newer_truth_ends_the_correction(database_url: str, tmp_path: Path) -> None:
    """The right value is well and keeps it; a third value is newer than what was corrected, and is taken."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        sender = await _ground(hub)
        await _correct(hub, "phone", RIGHT)
        assert (await _send(hub, sender, 5, phone=RIGHT)).warnings == ()
        assert len((await _send(hub, sender, 6)).warnings) == 1
        assert (await _person(hub)).phone == RIGHT
        assert (await _send(hub, sender, 7, phone="19933334444")).warnings == ()
        assert (await _person(hub)).phone == "19933334444"
        assert (await _send(hub, sender, 8)).warnings == ()
        assert (await _person(hub)).phone == WRONG


async def test_whoever_left_stays_left(database_url: str, tmp_path: Path) -> None:
    """A platform that goes on sending a rider as active is told; its leave agrees; joining anew works."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        sender = await _ground(hub)
        await _correct(hub, "state", "")
        assert [one["code"] for one in (await _send(hub, sender, 5)).warnings] == ["differs_from_confirmed"]
        assert (await _mine(hub))["state"] == "left"


async def test_a_station_moves_the_rider(database_url: str, tmp_path: Path) -> None:
    """The rider's place follows the corrected station, also when the wrong one is sent again."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        sender = await _ground(hub)
        dedicated: dict[str, Any] = {"employment": "dedicated", "work_area": None, "station_ref": "S-0"}
        await _send(hub, sender, 4, **dedicated)
        await _correct(hub, "station_ref", "S-1")
        await _send(hub, sender, 5, **dedicated)
        found = await _mine(hub)
        async with hub.database.read() as connection:
            place = select(rider.c.division).where(rider.c.id == found["rider_id"])
            division = (await connection.execute(place)).scalar_one()
        assert (found["station_ref"], found["hold"]) == ("S-1", None)
        assert division.startswith(STREETS[1])


async def test_links_follow_the_corrected_phone(database_url: str, tmp_path: Path) -> None:
    """Two riders with one phone are proposed as one; once the number is corrected, they no longer are."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        sender = await _ground(hub)
        await push(hub, sender, [row(3, phone=WRONG)])
        await _correct(hub, "phone", RIGHT)
        async with hub.database.read() as connection:
            states = list((await connection.execute(select(identity_link.c.state))).scalars())
        assert states == [LinkState.UNDONE]


@pytest.mark.parametrize(
    ("field", "value"), [("phone", "123"), ("name", "甲"), ("station_ref", "S-99"), ("name", "甲\u0000乙")]
)
async def test_a_value_that_can_not_be_is_refused(
    database_url: str, tmp_path: Path, field: str, value: str
) -> None:
    """Nothing changes, and no correction is kept."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await _ground(hub)
        before = dict(await _mine(hub))
        with pytest.raises(Invalid):
            await _correct(hub, field, value)
        with pytest.raises(Invalid):
            await _correct(hub, "phone", RIGHT, purpose=" ")
        with pytest.raises(Absent):
            await _correct(hub, "phone", RIGHT, registration_ref="ding/D00002")
        async with hub.database.read() as connection:
            assert (await connection.execute(select(registration_correction))).first() is None
        assert dict(await _mine(hub)) == before


async def test_a_rider_asks_and_staff_of_the_place_answer(database_url: str, tmp_path: Path) -> None:
    """The queue shows it in scope alone; the answer corrects, reaches the rider, and leaves the queue."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        await _ground(hub)
        mine = await _mine(hub)
        me = Actor.rider(mine["rider_id"])
        due = clock.now() + timedelta(days=21)
        wish: dict[str, Any] = {"kind": "correct", "due_at": due, "registration_id": mine["id"]}
        for bad in ({"what": "shoes"}, {"what": "other"}, {"what": "name", "registration_id": "x"}):
            with pytest.raises(Invalid):
                await ask(hub, me, **(wish | bad))
        asked = await ask(hub, me, **wish, what="phone", value=RIGHT, note="换号了")
        for staff, seen in ((STAFF, 1), (county_staff("110105"), 0)):
            async with hub.look(staff, "rights.handle") as look:
                assert len(await list_requests(look, hub, "open")) == seen
        with pytest.raises(Absent):
            await answer_request(hub, county_staff("110105"), asked, accept=True, answer="已核对")
        async with hub.look(STAFF, "rights.handle") as look:
            shown, registrations = await find_request(look, hub, asked)
        assert (shown.value, registrations[0]["phone"], registrations[0]["chosen"]) == (
            RIGHT,
            "199****0001",
            True,
        )
        assert await answer_request(hub, STAFF, asked, accept=True, answer="已核对，改好了") == "110101"
        assert (await _person(hub)).phone == RIGHT
        async with hub.look(me, "rider.own") as look:
            (own,) = await own_requests(look, hub)
        assert (own.state, own.answer) == ("done", "已核对，改好了")
        with pytest.raises(Absent):
            await answer_request(hub, STAFF, asked, accept=True, answer="再答一次")
        async with hub.database.read() as connection:
            waiting = select(outbox.c.kind).where(outbox.c.state == "waiting")
            assert list((await connection.execute(waiting)).scalars()) == ["rights"]


@pytest.mark.parametrize("what", ["phone", "name", "station"])
async def test_nothing_given_takes_nothing_away(database_url: str, tmp_path: Path, what: str) -> None:
    """A wish without a value is not filed; one on file is not carried out until staff give the value."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await _ground(hub)
        before = await _mine(hub)
        me = Actor.rider(before["rider_id"])
        wish: dict[str, Any] = {"kind": "correct", "due_at": hub.clock.now(), "registration_id": before["id"]}
        for bad in ("", " ", "1"):
            with pytest.raises(Invalid) as refused:
                await ask(hub, me, **wish, what=what, value=bad if what != "station" else "")
            assert refused.value.errors[0].path == "value"
        asked = await ask(hub, me, **wish, what="station", note="在国贸站")
        async with hub.database.write() as connection:
            content = {"what": what, "registration": before["id"], "value": "", "note": "", "answer": ""}
            sealed = hub.keys.seal("personal", ("rights_request", "sealed", asked), content)
            await connection.execute(update(rights_request).values(sealed=sealed))
        with pytest.raises(Invalid) as refused:
            await answer_request(hub, STAFF, asked, accept=True, answer="已核对，属实")
        assert refused.value.errors[0].path == "value"
        assert dict(await _mine(hub)) == dict(before)
        async with hub.look(STAFF, "rights.handle") as look:
            assert [one.id for one in await list_requests(look, hub, "open")] == [asked]


async def test_not_me_takes_the_phone_away(database_url: str, tmp_path: Path) -> None:
    """A stranger's registration with my phone loses the phone, and does not get it back from the platform."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        sender = await _ground(hub)
        mine = await _mine(hub)
        me, due = Actor.rider(mine["rider_id"]), hub.clock.now()
        asked = await ask(hub, me, kind="correct", due_at=due, what="not_me", registration_id=mine["id"])
        await answer_request(hub, STAFF, asked, accept=True, answer="核对属实")
        await _send(hub, sender, 5)
        assert (await _mine(hub))["phone_index"] is None
        assert (await _person(hub)).phone is None


async def test_requests_have_a_limit(database_url: str, tmp_path: Path) -> None:
    """Nobody fills the queue: five open at once."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await _ground(hub)
        mine = await _mine(hub)
        me, due = Actor.rider(mine["rider_id"]), hub.clock.now()
        wish: dict[str, Any] = {
            "kind": "correct",
            "due_at": due,
            "registration_id": mine["id"],
            "what": "left",
        }
        for _ in range(5):
            await ask(hub, me, **wish)
        with pytest.raises(Conflict):
            await ask(hub, me, **wish)
