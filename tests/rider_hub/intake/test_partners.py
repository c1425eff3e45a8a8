"""A partner hands in for its own stations alone, sees what came of it, and reaches nobody else's rider."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select, update

from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.accounts import grant
from rider_hub.access.users import add_user
from rider_hub.demo.ground import console
from rider_hub.errors import Conflict, Invalid
from rider_hub.intake import batches, store
from rider_hub.intake.checking import check_batch
from rider_hub.intake.quarantine import release_held
from rider_hub.intake.tables import quarantine, receipt, sender
from rider_hub.organizations.tables import station
from rider_hub.riders.ports import contents
from rider_hub.riders.tables import registration, registration_history
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import WEST, WIDTH, codes, push, rider
from tests.rider_hub.intake.handing_in import P, Q, bring_in, csv_of, hand_in, partner_account, rows_of
from tests.rider_hub.riders.staff_site import staff_site

PAGES = [
    "rider_hub.intake.pages",
    "rider_hub.intake.snapshot_pages",
    "rider_hub.intake.check_pages",
    "rider_hub.intake.upload_pages",
    "rider_hub.intake.link_pages",
    "rider_hub.riders.pages",
    "rider_hub.organizations.pages",
]
URL = "/feeds/upload?type=registration&sender=ding&mode=changes"
NEW = {"骑手编号": "N-1", "变动": "新增", "站点编号": "S-1", "姓名": "示例甲", "手机号": "19900000001"}


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with a platform, stations of two partners, and riders at each."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in(opened)
        yield opened


async def send(site: TestClient[Any, Any], url: str, data: bytes) -> tuple[int, str]:
    """Send a file as the page does; returns status and text."""
    headers = {"X-File-Name": "list.csv", "Accept": "application/json"}
    answer = await site.post(url, data=data, headers=headers)
    return answer.status, (await answer.read()).decode("utf-8-sig")


async def test_rows_of_other_stations_and_riders_are_refused_one_by_one(hub: Hub) -> None:
    """The good rows go in; another's rider said to leave is told in the words of one nobody knows."""
    before = await rows_of(hub)
    taken = await hand_in(
        hub,
        partner_account(P),
        [
            NEW,
            {"骑手编号": "N-2", "变动": "新增", "站点编号": "S-2"},
            {"骑手编号": "N-3", "变动": "新增", "站点编号": "nowhere"},
            {"骑手编号": "D00003", "变动": "更新", "站点编号": "S-1"},
            {"骑手编号": "D00003", "变动": "离开"},
            {"骑手编号": "nobody", "变动": "离开"},
            {"骑手编号": "D00002", "变动": "离开"},
            {"骑手编号": "N-4", "变动": "新增"},
        ],
    )
    assert (taken.accepted, taken.rejected, taken.partner) == (2, 6, P)
    assert codes(taken) == [
        (2, "station_ref", "station_not_bound"),
        (3, "station_ref", "station_not_bound"),
        (4, "platform_rider_ref", "rider_not_bound"),
        (5, "platform_rider_ref", "rider_not_bound"),
        (6, "platform_rider_ref", "rider_not_bound"),
        (8, "station_ref", "station_ref_required"),
    ]
    told = {one["row"]: one["zh"] for one in taken.failures}
    assert told[5] == told[6]
    after = await rows_of(hub)
    assert (after["N-1"]["station_ref"], after["D00002"]["state"]) == ("S-1", "left")
    assert {"N-2", "N-3", "N-4"} & after.keys() == set()
    assert [ref for ref in before if after[ref] != before[ref]] == ["D00002"]


@pytest.mark.parametrize("who", ["partner", "link"])
async def test_no_row_whatever_changes_a_rider_of_another_station(hub: Hub, who: str) -> None:
    """Every operation on every kind of reference under every station: no rider elsewhere moves by a byte."""
    actor = partner_account(P) if who == "partner" else Actor.station_link("a" * 32, "ding", "S-1")
    before = await rows_of(hub)
    elsewhere = {"D00003", "D00005", "D00006"} | (set() if who == "partner" else {"D00004"})
    refs = ["D00001", "D00003", "D00004", "D00005", "D00006", "D00007", "D00008", "new"]
    stations = ["S-1", "S-2", ""]
    changed = 0
    for op, ref, at in itertools.product(["新增", "离开", "", "retract"], refs, stations):
        row = {"骑手编号": ref, "变动": op, "站点编号": at, "姓名": "某甲"}
        row |= {"手机号": "19911111111"} if who == "partner" else {}
        taken = await hand_in(hub, actor, [row])
        changed += taken.accepted
        assert taken.received == 1
    after = await rows_of(hub)
    assert [ref for ref in elsewhere if dict(after[ref]) != dict(before[ref])] == []
    assert changed > 5
    async with hub.database.read() as connection:
        links = set(
            (await connection.execute(select(receipt.c.link).where(receipt.c.transport == "link"))).scalars()
        )
    assert links == (set() if who == "partner" else {"a" * 32})


async def test_what_is_left_empty_stays_as_the_platform_sent_it(hub: Hub) -> None:
    """A row without name and phone neither wipes them nor writes a version where it says nothing new."""
    before = (await rows_of(hub))["D00001"]
    same = await hand_in(hub, partner_account(P), [{"骑手编号": "D00001", "站点编号": "S-1"}])
    assert (same.unchanged, (await rows_of(hub))["D00001"]["version_id"]) == (1, before["version_id"])
    moved = await hand_in(
        hub, partner_account(P), [{"骑手编号": "D00001", "变动": "更新", "站点编号": "S-3"}]
    )
    after = (await rows_of(hub))["D00001"]
    assert (moved.accepted, after["station_ref"], after["phone_index"]) == (1, "S-3", before["phone_index"])
    assert contents(hub.keys, after) == contents(hub.keys, before)
    hub.clock.advance(minutes=1)  # type: ignore[attr-defined]
    await hand_in(
        hub, partner_account(P), [{"骑手编号": "D00001", "站点编号": "S-3", "手机号": "19922222222"}]
    )
    last = contents(hub.keys, (await rows_of(hub))["D00001"])
    assert (last["phone"], last["name"]) == ("19922222222", contents(hub.keys, before)["name"])


async def test_a_reference_alone_brings_nobody_the_name_of_anothers_rider(hub: Hub) -> None:
    """One who is absent from another partner's list keeps a name and phone there: they do not come along."""
    async with hub.database.write() as connection:
        absent = update(registration).where(registration.c.platform_rider_ref == "D00003")
        await connection.execute(absent.values(state="left", absent_at=hub.clock.now()))
    assert contents(hub.keys, (await rows_of(hub))["D00003"])["phone"]
    taken = await hand_in(
        hub, partner_account(P), [{"骑手编号": "D00003", "变动": "新增", "站点编号": "S-1"}]
    )
    after = (await rows_of(hub))["D00003"]
    assert (taken.accepted, after["station_ref"], after["phone_index"]) == (1, "S-1", None)
    assert contents(hub.keys, after) == {}


async def test_a_whole_is_of_one_own_station(hub: Hub) -> None:
    """Another's station and one that is not there are answered alike; nothing is taken, nobody leaves."""
    data = csv_of([NEW])
    async with staff_site(hub, partner_account(P), PAGES) as site:
        whole = URL.replace("changes", "snapshot") + "&as_of=2026-11-01T02:00"
        status, told = await send(site, f"{whole}&scope=county", data)
        assert (status, [one["path"] for one in msgspec.json.decode(told)["errors"]]) == (
            422,
            ["station_ref"],
        )
        answers = [await send(site, f"{whole}&station_ref={ref}", data) for ref in ("S-2", "S-4", "none")]
        assert {(status, msgspec.json.decode(told)["code"]) for status, told in answers} == {
            (422, "snapshot_not_bound")
        }
        for kind in ("station", "request"):
            status, told = await send(site, URL.replace("registration", kind), data)
            assert (status, msgspec.json.decode(told)["code"]) == (422, "feed_not_bound")
        status, told = await send(site, URL.replace("ding", "nobody"), data)
        assert status == 404
        assert {row["state"] for row in (await rows_of(hub)).values() if row["station_ref"]} == {"active"}
        status, told = await send(site, f"{whole}&station_ref=S-3", csv_of([NEW | {"站点编号": "S-3"}]))
        assert (status, "待" in told or "生效" in told) == (200, True)
    assert (await rows_of(hub))["D00003"]["state"] == "active"


async def test_partners_see_their_own_and_answers_of_anothers_are_those_of_none(hub: Hub) -> None:
    """Receipts, refused rows and links of one are absent to the other; the same file is another file."""
    data = csv_of([NEW, {"骑手编号": "D00003", "变动": "离开", "姓名": "某乙"}])
    async with staff_site(hub, partner_account(P), PAGES) as site:
        status, text = await send(site, URL, data)
        assert (status, "骑手编号" in text, "下载退回的行" in text) == (200, True, True)
        _, again = await send(site, URL, data)
        assert "没有重复计入" in again
        _, back = await send(site, f"{URL}&annotated=1", data)
        assert "某乙" in back
        assert "骑手编号：" in back
    async with hub.database.read() as connection:
        [mine] = (await connection.execute(select(receipt.c.id).where(receipt.c.partner == P))).scalars()
        [row] = (await connection.execute(select(quarantine.c.id).where(quarantine.c.partner == P))).scalars()
    seen = {}
    for name, viewer in {"P": partner_account(P), "Q": partner_account(Q), "ding": _platform("ding")}.items():
        async with staff_site(hub, viewer, PAGES) as site:
            pages = [f"/feeds/receipts/{mine}", f"/feeds/quarantine/{row}"]
            seen[name] = [(await site.get(page)).status for page in pages]
            listed = await (await site.get("/feeds/receipts")).text()
            seen[name].append(mine in listed)
            if name == "Q":
                none = await (await site.get(f"/feeds/receipts/{'0' * 32}")).text()
                assert (await (await site.get(pages[0])).text()).replace(mine, "0" * 32) == none
                status, text = await send(site, URL, data)
                assert (status, "没有重复计入" in text) == (200, False)
                assert (await send(site, f"{URL}&annotated=1", data))[1].count("某乙") == 0
            if name == "ding":
                assert P in await (await site.get(pages[0])).text()
    assert seen == {"P": [200, 200, True], "Q": [404, 404, False], "ding": [200, 200, True]}
    assert (await rows_of(hub))["D00003"]["state"] == "left", "Q's own rider, by Q's own file"


async def test_a_partner_mends_and_returns_its_rows_within_its_stations(hub: Hub) -> None:
    """Mended to another's station the row is refused again, to an own one it goes in; one is returned."""
    await hand_in(
        hub, partner_account(P), [NEW | {"站点编号": "S-2"}, NEW | {"骑手编号": "N-9", "手机号": "1"}]
    )
    async with hub.database.read() as connection:
        first, second = (
            await connection.execute(select(quarantine.c.id).order_by(quarantine.c.row))
        ).scalars()
    async with staff_site(hub, partner_account(P), PAGES) as site:
        form = {"path": '["station_ref"]', "value": "S-4"}
        answer = await site.post(f"/feeds/quarantine/{first}/replay", data=form)
        assert (answer.status, "站点编号" in await answer.text()) == (422, True)
        form["value"] = "S-3"
        assert (
            await site.post(f"/feeds/quarantine/{first}/replay", data=form, allow_redirects=False)
        ).status == 303
        back = await site.post(f"/feeds/quarantine/{second}/return", allow_redirects=False)
        assert back.status == 303
        listed = await (await site.get("/feeds/quarantine?state=returned")).text()
        assert "N-9" not in listed
        assert "已退回" in listed
    assert (await rows_of(hub))["N-1"]["station_ref"] == "S-3"


async def test_a_platform_replays_a_partners_row_as_the_standard(database_url: str, tmp_path: Path) -> None:
    """The platform's own mapping does not read a row that a partner brought in the form's columns."""
    async with make_hub(database_url, tmp_path) as hub:
        await bring_in(hub)
        async with hub.database.write() as connection:
            await connection.execute(update(sender).values(manifest="yi"))
        taken = await hand_in(hub, partner_account(P), [NEW | {"站点编号": "S-4"}, NEW | {"骑手编号": "N-2"}])
        assert (taken.accepted, codes(taken)) == (1, [(1, "station_ref", "station_not_bound")])
        async with hub.database.read() as connection:
            [row] = (await connection.execute(select(quarantine.c.id))).scalars()
        async with staff_site(hub, _platform("ding"), PAGES) as site:
            form = {"path": '["station_ref"]', "value": "S-2"}
            answer = await site.post(f"/feeds/quarantine/{row}/replay", data=form, allow_redirects=False)
            assert answer.status == 303
        assert (await rows_of(hub))["N-1"]["station_ref"] == "S-2"


async def test_what_a_partner_may_not_hand_in_is_taken_by_nobody_unread(hub: Hub) -> None:
    """A whole receipt tried again by the county leaves out other stations' riders; one by one they go in."""
    rows = [NEW | {"站点编号": "S-9"}, {"骑手编号": "D00003", "变动": "更新", "站点编号": "S-1"}]
    taken = await hand_in(hub, partner_account(P), rows)
    async with staff_site(hub, county_staff(), PAGES) as site:
        answer = await site.post(
            f"/feeds/receipts/{taken.id}/replay",
            headers={"Accept": "application/json"},
            allow_redirects=False,
        )
        assert (answer.status, (await answer.json())["code"]) == (409, "rows_one_by_one")
        assert (await rows_of(hub))["D00003"]["station_ref"] == "S-2"
        async with hub.database.read() as connection:
            query = select(quarantine.c.id).where(quarantine.c.row == 2)
            row = (await connection.execute(query)).scalar_one()
        form = {"path": '["station_ref"]', "value": "S-1"}
        answer = await site.post(f"/feeds/quarantine/{row}/replay", data=form, allow_redirects=False)
        assert answer.status == 303
    assert (await rows_of(hub))["D00003"]["station_ref"] == "S-1"


async def test_a_held_batch_is_let_in_within_the_partners_stations(hub: Hub) -> None:
    """Held for its frame; one rider went to another partner meanwhile, one keeps name and phone."""
    sender, before = await _sender(hub), await rows_of(hub)
    west, south = str(round(WEST + 0.5 * WIDTH + 0.006, 3)), "39.915"
    place = {"work_area.lng": west, "work_area.lat": south, "work_area.frame": "wgs84"}
    place |= {"work_area.street": "第1街道"}
    rows = [{"骑手编号": f"N-{n}", "变动": "新增", "站点编号": "S-1", **place} for n in range(30)]
    rows += [{"骑手编号": ref, "变动": "更新", "站点编号": "S-3", **place} for ref in ("D00001", "D00002")]
    held = await hand_in(hub, partner_account(P), rows)
    assert (held.state, held.held) == ("held", 32)
    away = {"employment": "dedicated", "work_area": None, "station_ref": "S-2"}
    await push(hub, sender, [rider(2, updated_at="2026-10-20T09:00:00+08:00", **away)])
    done = await release_held(hub, county_staff(), held.id, "gcj02")
    assert (done.accepted, done.rejected, done.held) == (31, 1, 0)
    after = await rows_of(hub)
    assert [after[ref]["station_ref"] for ref in ("D00001", "D00002", "N-0")] == ["S-3", "S-2", "S-1"]
    assert contents(hub.keys, after["D00001"]) == contents(hub.keys, before["D00001"])
    async with hub.database.read() as connection:
        query = select(quarantine.c.row).where(quarantine.c.state == "waiting")
        assert (await connection.execute(query)).scalars().all() == [32]


async def test_a_partner_sees_no_other_station_of_its_riders(hub: Hub) -> None:
    """A rider who came from another partner's station has no past there on this one's page."""
    ding = await _sender(hub)
    later = {"employment": "dedicated", "work_area": None, "updated_at": "2026-10-20T09:00:00+08:00"}
    await push(hub, ding, [rider(3, station_ref="S-1", record_id="moved", **later)])
    row = (await rows_of(hub))["D00003"]
    async with hub.database.read() as connection:
        past = select(registration_history.c.station_ref).where(
            registration_history.c.registration_id == row["id"]
        )
        assert set((await connection.execute(past)).scalars()) == {"S-1", "S-2"}
    async with staff_site(hub, partner_account(P), PAGES) as site:
        page = await (await site.get(f"/riders/{row['rider_id']}")).text()
        assert ("站点 S-1" in page, "站点 S-2" in page) == (True, False)
        text = await (await site.get("/feeds/upload")).text()
        assert ("S-1" in text, "S-3" in text, "S-2" in text, "S-4" in text) == (True, True, False, False)
        for path in ("/feeds", "/feeds/snapshots", "/feeds/senders/ding"):
            assert (await site.get(path)).status == 404


async def test_what_changes_hands_meanwhile_is_not_stored(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that went to another partner between the check and the storing: refused, nothing written."""
    before = await rows_of(hub)
    real = check_batch

    async def slow(*args: Any, **given: Any) -> Any:
        checked = await real(*args, **given)
        async with hub.database.write() as connection:
            await connection.execute(update(station).where(station.c.station_ref == "S-1").values(partner=Q))
        return checked

    monkeypatch.setattr(batches, "check_batch", slow)
    with pytest.raises(Conflict) as told:
        await hand_in(hub, partner_account(P), [NEW, {"骑手编号": "D00001", "变动": "离开"}])
    assert told.value.code == "stations_changed"
    assert await rows_of(hub) == before


async def test_an_account_of_a_partner_names_exactly_one(hub: Hub) -> None:
    """None is held to nobody's stations, two would mix their receipts: neither can be granted."""
    for partners in ((), (P, Q)):
        account = staff(Role.PARTNER_ACCOUNT, divisions=("110101",))
        bound = Actor(account.id, "x", account.roles, Scope(divisions=("110101",), partners=partners))
        with pytest.raises(Invalid) as told:
            await hand_in(hub, bound, [NEW])
        assert told.value.code == "partner_not_one"
        await add_user(
            hub, console(), username=f"p{len(partners)}", display_name="x", password="a password for tests"
        )
        with pytest.raises(Invalid, match="names one partner"):
            await grant(hub, console(), f"p{len(partners)}", roles=[Role.PARTNER_ACCOUNT], partners=partners)
    assert "N-1" not in await rows_of(hub)


async def test_a_partners_file_does_not_make_the_feed_a_fresh_one(hub: Hub) -> None:
    """The platform's own feed is late all the same."""
    async with hub.database.read() as connection:
        before = (await connection.execute(select(receipt.c.created_at))).scalars().all()
    hub.clock.advance(days=3)  # type: ignore[attr-defined]
    async with staff_site(hub, county_staff(), PAGES) as site:
        late = await (await site.get("/feeds/senders/ding")).text()
        await hand_in(hub, partner_account(P), [NEW])
        after = await (await site.get("/feeds/senders/ding")).text()
    assert before
    assert ("逾期未报" in late, "逾期未报" in after) == (True, True)


async def test_a_file_is_checked_for_a_partner_as_it_would_be_taken(hub: Hub) -> None:
    """The check names the same faults, keeps nothing, and another's sender is absent."""
    data = csv_of([NEW, NEW | {"骑手编号": "N-2", "站点编号": "S-2"}])
    async with staff_site(hub, partner_account(P), PAGES) as site:
        status, text = await send(site, "/feeds/check?type=registration&sender=ding", data)
        assert (status, "<td>站点编号</td>" in text, "<td>2</td>" in text) == (200, True, True)
        assert (await send(site, "/feeds/check?type=station&sender=ding", data))[0] == 422
        assert (await send(site, "/feeds/check?type=registration&sender=-&county=110101", data))[0] == 404
    assert "N-1" not in await rows_of(hub)


def _platform(code: str) -> Actor:
    account = staff(Role.PLATFORM_ACCOUNT)
    return Actor(account.id, "平台", account.roles, Scope(platforms=(code,)))


async def _sender(hub: Hub) -> Any:
    async with hub.database.read() as connection:
        return await store.find_sender(connection, "ding", Scope.all())
