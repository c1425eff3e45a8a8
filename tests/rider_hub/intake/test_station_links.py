"""A station's link: one station's form out, its file in, a receipt; links that are over are all alike."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from openpyxl import load_workbook
from playwright.async_api import Browser, expect
from sqlalchemy import select, update

from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.access.account_tables import user
from rider_hub.access.actor import PUBLIC
from rider_hub.access.row_macs import signed
from rider_hub.access.tables import audit_row
from rider_hub.access.users import add_user
from rider_hub.demo.ground import console
from rider_hub.intake.link_tables import station_link
from rider_hub.intake.links import revoke_link
from rider_hub.intake.sent_files import read_sent
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.organizations.tables import station
from rider_hub.parameters import parameter
from tests.factories import make_hub
from tests.rider_hub.intake.browsing import signed_in_page
from tests.rider_hub.intake.handing_in import P, Q, bring_in, csv_of, partner_account, rows_of
from tests.rider_hub.riders.staff_site import staff_site
from tests.rider_hub.routes import open_site

STAFF = ["rider_hub.intake.link_pages", "rider_hub.intake.pages"]
OPEN = ["rider_hub.intake.hand_in_pages"]
CHANGES = "/hand-in/file?mode=changes"
NEW = {"骑手编号": "N-1", "变动": "新增"}
Site = TestClient[Any, Any]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub with stations of two partners, and an account of the first."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in(opened)
        await add_user(
            opened,
            console(),
            username="pp",
            display_name="某企业文员",
            password="a password for tests",
            roles=[Role.PARTNER_ACCOUNT],
            partners=[P],
        )
        yield opened


def maker() -> Actor:
    """Return the partner's account as it signs in."""
    return replace(partner_account(P), id="user:pp", display_name="某企业文员")


async def station_id(hub: Hub, ref: str) -> str:
    """Return the id of one of the stations."""
    async with hub.database.read() as connection:
        query = select(station.c.id).where(station.c.station_ref == ref)
        return str((await connection.execute(query)).scalar_one())


async def make(hub: Hub, ref: str = "S-1", actor: Actor | None = None) -> str:
    """Make a link by the page and return its token, as it stands behind the # of the address shown."""
    async with staff_site(hub, actor or maker(), STAFF) as site:
        answer = await site.post(f"/feeds/stations/{await station_id(hub, ref)}/links", data={"days": "14"})
        text = await answer.text()
    assert answer.status == 200, text
    return text.partition("/hand-in#")[2].partition("<")[0]


async def send(site: Site, data: bytes, url: str = CHANGES, name: str = "list.csv") -> tuple[int, str]:
    """Send a file as the page does; returns status and text."""
    headers = {"X-File-Name": name, "Accept": "application/json"}
    answer = await site.post(url, data=BytesIO(data), headers=headers)
    return answer.status, (await answer.read()).decode("utf-8-sig")


async def test_the_filled_form_goes_back_in_and_nothing_changes(hub: Hub) -> None:
    """Untouched, all its riders are unchanged; one who left and one who came are the only changes."""
    before = await rows_of(hub)
    token = await make(hub)
    async with staff_site(hub, PUBLIC, OPEN) as site:
        opened = await site.post("/hand-in/open", data={"token": token})
        assert (opened.status, "丁外卖1站" in await opened.text()) == (200, True)
        form = await (await site.get("/hand-in/template.xlsx")).read()
        status, text = await send(site, form, name="名单.xlsx")
        assert (status, "<dt>无变化</dt><dd>2 行</dd>" in text, "<dt>退回</dt><dd>0 行</dd>" in text) == (
            200,
            True,
            True,
        )
        assert {ref: row["version_id"] for ref, row in (await rows_of(hub)).items()} == {
            ref: row["version_id"] for ref, row in before.items()
        }
        book = load_workbook(BytesIO(form))
        sheet = book.worksheets[0]
        refs = [sheet.cell(row=line, column=1).value for line in (2, 3)]
        assert refs == ["D00001", "D00002"]
        words = " ".join(str(cell.value) for page in book for line in page for cell in line if cell.value)
        assert not {"骑手甲00001号", "19900000001", "D00003", "D00005"} & set(words.split())
        sheet.cell(row=2, column=2).value = "离开"
        sheet.cell(row=4, column=1).value = "N-1"
        filled = BytesIO()
        book.save(filled)
        status, text = await send(site, filled.getvalue(), name="名单.xlsx")
        assert (status, "<dt>入库</dt><dd>2 行</dd>" in text, "<dt>无变化</dt><dd>1 行</dd>" in text) == (
            200,
            True,
            True,
        )
    after = await rows_of(hub)
    assert (after["D00001"]["state"], after["D00002"]["state"], after["N-1"]["station_ref"]) == (
        "left",
        "active",
        "S-1",
    )


async def test_rows_of_others_come_back_by_field_and_the_platform_sees_what_came(hub: Hub) -> None:
    """The refused rows annotated; receipt and list name the link to platform and partner, not to another."""
    token = await make(hub)
    data = csv_of([NEW, NEW | {"骑手编号": "N-2", "站点编号": "S-3"}, {"骑手编号": "D00003", "变动": "离开"}])
    async with staff_site(hub, PUBLIC, OPEN) as site:
        await site.post("/hand-in/open", data={"token": token})
        assert (await send(site, data, f"{CHANGES}&annotated=1"))[0] == 409
        status, text = await send(site, data)
        assert (status, "<td>站点编号</td>" in text, "<td>骑手编号</td>" in text) == (200, True, True)
        _, again = await send(site, data)
        assert "没有重复计入" in again
        _, back = await send(site, data, f"{CHANGES}&annotated=1")
        assert ("N-1" in back, "站点编号：" in back, "D00003" in back) == (False, True, True)
    async with hub.database.read() as connection:
        row = (
            (await connection.execute(select(receipt).where(receipt.c.transport == "link"))).mappings().one()
        )
        link = (await connection.execute(select(station_link))).mappings().one()
        kept = (await connection.execute(select(quarantine.c.partner, quarantine.c.standard))).all()
    assert (row["link"], row["partner"], link["uses"], row["rejected"]) == (link["id"], P, 1, 2)
    assert {tuple(one) for one in kept} == {(P, True)}
    ding = Actor("user:ding", "平台", frozenset({Role.PLATFORM_ACCOUNT}), Scope(platforms=("ding",)))
    for viewer, sees in ((ding, True), (maker(), True), (partner_account(Q), False)):
        async with staff_site(hub, viewer, STAFF) as site:
            shown = await (await site.get(f"/feeds/links/{link['id']}")).text()
            listed = await (await site.get("/feeds/links")).text()
            told = await (await site.get(f"/feeds/receipts/{row['id']}")).text()
            assert ("某企业文员" in listed, "1 / 20" in shown, "某企业文员" in told) == (sees, sees, sees)
            assert ("查看这条站点链接" in told) is sees
            if not sees:
                gone = await site.post(f"/feeds/links/{link['id']}/revoke")
                assert gone.status == 404
                other = await site.post(
                    f"/feeds/stations/{await station_id(hub, 'S-1')}/links", data={"days": "3"}
                )
                assert other.status == 404


async def test_a_token_stands_nowhere_and_acts_under_its_own_name(hub: Hub) -> None:
    """No table and no row of the trail holds it; what came by it is the link's doing, not its maker's."""
    token = await make(hub)
    async with staff_site(hub, PUBLIC, OPEN) as site:
        await site.post("/hand-in/open", data={"token": token})
        await site.get("/hand-in/template.xlsx")
        answer = await site.get("/hand-in")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert token not in await answer.text()
        await send(site, csv_of([NEW]))
    async with hub.database.read() as connection:
        link = (await connection.execute(select(station_link))).mappings().one()
        trail = (await connection.execute(select(audit_row))).mappings().all()
    assert token not in repr(dict(link)) + repr([dict(row) for row in trail])
    acts = {(row["operation"], row["actor"]) for row in trail}
    assert {("links.change", "user:pp"), ("links.use", f"link:{link['id']}")} <= acts
    assert {row["counts"].get("riders") for row in trail if row["purpose"] == "下载名单模板"} == {2}


async def test_a_link_changes_no_phone_and_takes_no_number(hub: Hub) -> None:
    """The stored phone and another are refused alike, so none can be guessed; a new rider may have one."""
    token = await make(hub)
    before = await rows_of(hub)
    phone = {"D00001": "19900000001", "D00002": "19911111111", "N-1": "19922222222"}
    rows = [{"骑手编号": ref, "手机号": number} for ref, number in phone.items()]
    rows.append(NEW | {"骑手编号": "N-2", "id_number": "11010119000102001X"})
    rows.append({"骑手编号": "D00003", "手机号": "19922222222"})  # of another: not even that there is one
    async with staff_site(hub, PUBLIC, OPEN) as site:
        await site.post("/hand-in/open", data={"token": token})
        _, text = await send(site, csv_of(rows))
    after = await rows_of(hub)
    assert text.count("这名骑手已有手机号") == 2
    assert "证件号码不能通过上报链接报送" in text
    assert {ref for ref in phone if ref in before and dict(after[ref]) != dict(before[ref])} == set()
    assert after["N-1"]["phone_index"] is not None
    assert "N-2" not in after


async def test_what_a_station_is_called_stays_text(hub: Hub) -> None:
    """On the pages of a link and of whoever has it; and a name longer than a file's may be is cut."""
    token = await make(hub)
    name = "<script>attack()</script>" + "长" * 230
    async with hub.database.write() as connection:
        await connection.execute(update(station).where(station.c.station_ref == "S-1").values(name=name))
        link = (await connection.execute(select(station_link.c.id))).scalar_one()
    async with staff_site(hub, PUBLIC, OPEN) as site:
        await site.post("/hand-in/open", data={"token": token})
        texts = [await (await site.get("/hand-in")).text()]
        form = await site.get("/hand-in/template.xlsx")
        assert (form.status, len(form.headers["Content-Disposition"]) < 1000) == (200, True)
    async with staff_site(hub, maker(), STAFF) as site:
        texts += [await (await site.get(path)).text() for path in (f"/feeds/links/{link}", "/feeds/links")]
    assert [("&lt;script&gt;attack" in text, "<script>attack" in text) for text in texts] == [
        (True, False)
    ] * 3


async def _revoked(hub: Hub) -> None:
    async with hub.database.read() as connection:
        link_id = (await connection.execute(select(station_link.c.id))).scalar_one()
    await revoke_link(hub, maker(), link_id)


async def _expired(hub: Hub) -> None:
    hub.clock.advance(days=15)  # type: ignore[attr-defined]


async def _used_up(hub: Hub) -> None:
    async with hub.database.write() as connection:
        await connection.execute(update(station_link).values(uses=station_link.c.max_uses))


async def _maker_disabled(hub: Hub) -> None:
    await _of_maker(hub, disabled_at=hub.clock.now())


async def _maker_of_another(hub: Hub) -> None:
    await _of_maker(hub, partners=[Q])


async def _handed_over(hub: Hub) -> None:
    async with hub.database.write() as connection:
        await connection.execute(update(station).where(station.c.station_ref == "S-1").values(partner=Q))


async def _closed(hub: Hub) -> None:
    async with hub.database.write() as connection:
        await connection.execute(update(station).where(station.c.station_ref == "S-1").values(retracted=True))


async def _of_maker(hub: Hub, **values: Any) -> None:
    async with hub.database.write() as connection:
        row = (await connection.execute(select(user).where(user.c.username == "pp"))).mappings().one()
        await connection.execute(
            update(user).where(user.c.id == row["id"]).values(signed(hub.keys, user, {**row, **values}))
        )


ENDS: list[Callable[[Hub], Awaitable[None]]] = [
    _revoked,
    _expired,
    _used_up,
    _maker_disabled,
    _maker_of_another,
    _handed_over,
    _closed,
]


@pytest.mark.parametrize("end", ENDS)
async def test_a_link_that_is_over_is_as_one_that_never_was(
    hub: Hub, end: Callable[[Hub], Awaitable[None]]
) -> None:
    """However it ended, every page of it answers as for a token nobody gave out, also to who had it open."""
    token = await make(hub)
    before = await rows_of(hub)
    async with staff_site(hub, PUBLIC, OPEN) as site:
        assert (await site.post("/hand-in/open", data={"token": token})).status == 200
        await end(hub)
        held = [await _told(site, path) for path in ("/hand-in/template.xlsx", CHANGES, "/hand-in")]
        mine = await _opened(site, token)
    async with staff_site(hub, PUBLIC, OPEN) as site:
        wrong = await _opened(site, "x" * 43)
        assert mine == wrong
        assert wrong[0] == 404
        site.session.cookie_jar.update_cookies(
            {"rider_hub_link": "x" * 43}, response_url=site.make_url("/hand-in")
        )
        none = [await _told(site, path) for path in ("/hand-in/template.xlsx", CHANGES)]
        site.session.cookie_jar.update_cookies(
            {"rider_hub_link": "x" * 43}, response_url=site.make_url("/hand-in")
        )
        none.append(await _told(site, "/hand-in"))
    assert held == none
    assert await rows_of(hub) == before


async def test_a_link_that_ends_while_its_file_comes_takes_it_no_more(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body sent slowly does not outlive the power it was lent."""
    token, before = await make(hub), await rows_of(hub)

    async def slowly(*given: Any, **named: Any) -> Any:
        sent = await read_sent(*given, **named)
        await _maker_disabled(hub)
        return sent

    monkeypatch.setattr("rider_hub.intake.hand_in_pages.read_sent", slowly)
    async with staff_site(hub, PUBLIC, OPEN) as site:
        await site.post("/hand-in/open", data={"token": token})
        status, told = await send(site, csv_of([NEW]))
    assert (status, msgspec.json.decode(told)["code"]) == (404, "link_over")
    assert await rows_of(hub) == before


async def _opened(site: Site, token: str) -> tuple[int, str]:
    answer = await site.post("/hand-in/open", data={"token": token})
    return answer.status, await answer.text()


async def _told(site: Site, path: str) -> tuple[int, str]:
    if path == CHANGES:
        return await send(site, csv_of([NEW]))
    answer = await site.get(path)
    return answer.status, await answer.text()


async def test_a_link_takes_so_many_files_of_such_a_size(hub: Hub) -> None:
    """Files, rows and bytes are bounded, and tries a minute; the same file again costs nothing."""
    token = await make(hub)
    async with hub.database.write() as connection:
        await connection.execute(update(station_link).values(max_uses=2))
    most = int(parameter("intake.link_rows").value)
    async with staff_site(hub, PUBLIC, OPEN) as site:
        await site.post("/hand-in/open", data={"token": token})
        many = csv_of([{"骑手编号": f"M-{n}"} for n in range(most + 1)])
        assert (await send(site, many))[0] == 413
        assert (await send(site, b" " * (2 * 1024 * 1024 + 1)))[0] == 413
        status, told = await send(site, b'{"record_id": "1"}', name="x.ndjson")
        assert (status, msgspec.json.decode(told)["code"]) == (422, "file_not_table")
        files = [csv_of([NEW | {"骑手编号": f"N-{n}"}]) for n in range(3)]
        assert [(await send(site, data))[0] for data in (files[0], files[0], files[1], files[2])] == [
            200,
            200,
            200,
            404,
        ]
        hub.clock.advance(minutes=2)  # type: ignore[attr-defined]
        pace = int(parameter("intake.link_tries").value)
        tries = [(await site.post("/hand-in/open", data={"token": "y"})).status for _ in range(pace + 1)]
        assert (set(tries[:-1]), tries[-1]) == ({404}, 429)
    assert "N-2" not in await rows_of(hub)


async def test_a_whole_by_a_link_is_of_its_station(hub: Hub) -> None:
    """What is asked, and what is answered, is the page of accounts'; who is at other stations stays."""
    token = await make(hub, "S-3")
    data = csv_of([{"骑手编号": "D00004"}])
    async with staff_site(hub, PUBLIC, OPEN) as site:
        await site.post("/hand-in/open", data={"token": token})
        for query in ("", "?mode=snapshot", "?mode=snapshot&as_of=2099-01-01T00:00", "?mode=x"):
            assert (await send(site, data, f"/hand-in/file{query}"))[0] == 422
        status, text = await send(site, data, "/hand-in/file?mode=snapshot&as_of=2026-11-02T08:00")
        assert (status, "全量名册已生效" in text) == (200, True)
        empty = csv_of([{"骑手编号": "N-1", "变动": "新增"}])
        status, text = await send(site, empty, "/hand-in/file?mode=snapshot&as_of=2026-11-02T08:30")
        assert (status, "由区县核对" in text) == (200, True)
    states = {ref: row["state"] for ref, row in (await rows_of(hub)).items()}
    assert [states[ref] for ref in ("D00001", "D00003", "D00004", "D00005")] == ["active"] * 4


async def test_a_clerk_hands_in_on_a_phone(hub: Hub, browser: Browser, tmp_path: Path) -> None:
    """The whole address is opened, its token leaves the address, and the file gets its receipt."""
    token = await make(hub)
    path = tmp_path / "名单.csv"
    path.write_bytes(csv_of([NEW, NEW | {"骑手编号": "D00003"}]))
    async with open_site(hub) as site:
        base = str(site.server.make_url("/")).rstrip("/")
        context = await browser.new_context(viewport={"width": 390, "height": 800}, accept_downloads=True)
        page = await context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url + repr(request.headers)))
        await page.goto(f"{base}/hand-in#{token}")
        await expect(page.locator("h1")).to_contain_text("丁外卖1站")
        assert urlsplit(page.url).fragment == ""
        assert [one for one in asked if token in one] == []
        await page.set_input_files("#file", path)
        await page.get_by_role("button", name="报送", exact=True).press("Enter")
        await expect(page.locator("#report")).to_contain_text("请选择增量还是全量")
        await page.locator("#mode").press("Space")
        await page.get_by_role("button", name="报送", exact=True).press("Enter")
        await expect(page.locator("#report")).to_contain_text("下载退回的行")
        async with page.expect_download() as waiting:
            await page.get_by_role("button", name="下载退回的行").press("Enter")
        assert (await waiting.value).suggested_filename == "名单-退回的行.csv"
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        await page.get_by_role("button", name="结束").press("Enter")
        await expect(page.locator("#token")).to_be_visible()
        await context.close()
    assert (await rows_of(hub))["N-1"]["station_ref"] == "S-1"


async def test_the_address_shown_is_whole_where_none_is_set(hub: Hub, browser: Browser) -> None:
    """What the hub does not know, where it is reached, the page takes from the browser's own address."""
    path = f"/feeds/stations/{await station_id(hub, 'S-1')}"
    async with open_site(hub) as site, signed_in_page(browser, site, path) as page:
        await page.get_by_role("button", name="新建链接").press("Enter")
        base = str(site.server.make_url("/"))
        await expect(page.locator("#url")).to_have_value(
            re.compile(f"^{re.escape(base)}hand-in#[\\w-]{{30,}}$")
        )
        await expect(page.locator("#before")).to_be_hidden()
