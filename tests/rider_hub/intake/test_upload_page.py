"""The page that takes a file: counted once, refused rows back with reasons, for own senders alone."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from playwright.async_api import Browser, expect
from sqlalchemy import select

from connectors.transport.push_client import ndjson
from rider_hub.access import Actor, Role, Scope
from rider_hub.access.tables import audit_row
from rider_hub.intake.files import take_file
from rider_hub.intake.snapshot_tables import snapshot
from rider_hub.intake.tables import receipt
from rider_hub.riders.tables import registration
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.browsing import signed_in_page
from tests.rider_hub.intake.build import bring_in_county, count, rider, sender_of
from tests.rider_hub.riders.staff_site import staff_site
from tests.rider_hub.routes import open_site

PAGES = ["rider_hub.intake.pages", "rider_hub.intake.check_pages", "rider_hub.intake.upload_pages"]
URL = "/feeds/upload?type=registration&sender=ding"
CHANGES = f"{URL}&mode=changes"
WHOLE = f"{URL}&mode=snapshot"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county and a sender on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        await sender_of(opened)
        yield opened


def account(*platforms: str) -> Actor:
    """Return a platform's own account."""
    return replace(staff(Role.PLATFORM_ACCOUNT), scope=Scope(platforms=platforms))


async def send(
    site: TestClient[Any, Any], url: str, data: bytes, name: str = "riders.ndjson"
) -> tuple[int, str]:
    """Send a file as the page does; returns status and text."""
    headers = {"X-File-Name": name, "Accept": "application/json"}
    answer = await site.post(url, data=io.BytesIO(data), headers=headers)
    return answer.status, (await answer.read()).decode("utf-8-sig")


async def test_a_file_is_taken_once_and_its_receipt_is_shown(hub: Any, tmp_path: Path) -> None:
    """The page, the page again and the command under another name: one receipt, and the trail says who."""
    body = ndjson([rider(1), rider(2, phone="某号码")])
    async with staff_site(hub, county_staff(), PAGES) as site:
        status, first = await send(site, CHANGES, body)
        assert (status, "<dd>2 行</dd>" in first, "下载退回的行" in first) == (200, True, True)
        assert "某号码" not in first
        _, second = await send(site, CHANGES, body, "other.ndjson")
        assert "没有重复计入" in second
    path = tmp_path / "third.ndjson"
    path.write_bytes(body)
    again = await take_file(hub, county_staff(), "ding", "registration", path, words={"rfs-mode": "changes"})
    assert again.id in first
    assert (await count(hub, receipt), await count(hub, registration)) == (1, 1)
    async with hub.database.read() as connection:
        stored = (await connection.execute(select(receipt.c.transport, receipt.c.source_name))).one()
        trail = (await connection.execute(select(audit_row.c.operation, audit_row.c.actor))).all()
    assert tuple(stored) == ("upload", "riders.ndjson")
    assert ("feeds.upload", county_staff().id) in {tuple(row) for row in trail}


async def test_refused_rows_come_back_and_nothing_is_taken_for_it(hub: Any) -> None:
    """Only the refused rows, each with its reason; a file that was not taken is not taken in passing."""
    body = ndjson([rider(1), rider(2, phone="bad"), rider(3, extra={"party_member": "某种"})])
    async with staff_site(hub, account("ding"), PAGES) as site:
        status, told = await send(site, f"{CHANGES}&annotated=1", body)
        assert (status, msgspec.json.decode(told)["code"]) == (409, "file_not_taken")
        assert await count(hub, receipt) == 0
        await send(site, CHANGES, body)
        status, text = await send(site, f"{CHANGES}&annotated=1", body)
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    assert [(line["rfs_row"], "rfs_reason" in line) for line in lines] == [(2, True), (3, True)]
    assert "某种" not in text
    assert await count(hub, receipt) == 1


async def test_every_refused_row_comes_back_however_many(hub: Any) -> None:
    """The receipt lists 1,000 faults and no more; the file has them all."""
    body = ndjson([rider(number, phone="bad") for number in range(1, 1103)])
    async with staff_site(hub, county_staff(), PAGES) as site:
        await send(site, CHANGES, body)
        _, text = await send(site, f"{CHANGES}&annotated=1", body)
    assert text.count("rfs_reason") == 1102


async def test_registrations_are_whole_or_changes_and_it_must_be_said(hub: Any) -> None:
    """Each fault is told by its field, in words of the page; nothing is taken."""
    body = ndjson([rider(1)])
    wrong = {
        URL: {"mode"},
        WHOLE: {"as_of"},
        f"{WHOLE}&as_of=2099-01-01T00:00": {"as_of"},
        f"{WHOLE}&as_of=2026-11-01T02:00&scope=station": {"station_ref"},
        f"{WHOLE}&as_of=x&scope=station": {"as_of", "station_ref"},
        f"{URL}&mode=x": {"mode"},
        "/feeds/upload?type=x": {"type", "sender"},
    }
    async with staff_site(hub, county_staff(), PAGES) as site:
        for url, fields in wrong.items():
            status, told = await send(site, url, body)
            problem = msgspec.json.decode(told)
            assert (status, {one["path"] for one in problem["errors"]}) == (422, fields), url
            assert "rfs-" not in problem["zh"]
        status, told = await send(
            site, "/feeds/upload?type=station&sender=ding&mode=snapshot&as_of=2026-11-01", body
        )
        assert (status, msgspec.json.decode(told)["code"]) == (422, "snapshot_not_offered")
    assert await count(hub, receipt) == 0


async def test_a_whole_says_of_when_and_of_what(hub: Any) -> None:
    """Its time is China's, its total the file's rows, its scope the feed or one station."""
    body = ndjson([rider(1), rider(2)])
    async with staff_site(hub, county_staff(), PAGES) as site:
        status, text = await send(site, f"{WHOLE}&as_of=2026-11-01T02:00", body)
        assert (status, "全量名册已生效" in text) == (200, True)
        await send(site, f"{WHOLE}&as_of=2026-11-01T02:00&scope=station&station_ref=S%2F1%20a", body)
    async with hub.database.read() as connection:
        query = select(snapshot.c.station_ref, snapshot.c.total, snapshot.c.as_of).order_by(
            snapshot.c.station_ref
        )
        rows = [(ref, total, at.isoformat()) for ref, total, at in await connection.execute(query)]
    assert rows == [("", 2, "2026-10-31T18:00:00+00:00"), ("S/1 a", 2, "2026-10-31T18:00:00+00:00")]


async def test_a_platform_sends_for_itself_alone(hub: Any) -> None:
    """Another's sender answers as one that is not there, for its file, its refused rows and on the page."""
    body = ndjson([rider(1)])
    for viewer in (account("jia"), replace(county_staff(), scope=Scope(divisions=("110102",)))):
        async with staff_site(hub, viewer, PAGES) as site:
            assert "ding" not in await (await site.get("/feeds/upload?sender=ding")).text()
            for more in ("", "&annotated=1"):
                absent = await send(site, CHANGES.replace("ding", "nobody") + more, body)
                assert await send(site, CHANGES + more, body) == absent
                assert absent[0] == 404
    async with staff_site(hub, staff(Role.SYSTEM_ADMIN), PAGES) as site:
        assert (await send(site, CHANGES, body))[0] == 404
    assert (await count(hub, receipt), await count(hub, registration)) == (0, 0)
    async with staff_site(hub, account("ding"), PAGES) as site:
        page = await (await site.get("/feeds/upload")).text()
        assert '<option value="ding" selected>' in page
        assert (await send(site, CHANGES, body))[0] == 200
        checked = await (await site.post("/feeds/check?type=registration&sender=ding", data=body)).text()
        assert "检查通过，去报送" in checked


@pytest.mark.parametrize("name", ["a%00b%0A.csv", "%ED%A0%80", "%F0%9F%98%80" * 300, "..%2F..%2Fetc"])
async def test_any_name_of_a_file_will_do(hub: Any, name: str) -> None:
    """What a browser calls the file is written down without what can't be printed, and opens nothing."""
    async with staff_site(hub, county_staff(), PAGES) as site:
        status, _ = await send(site, CHANGES, ndjson([rider(1)]), name)
    assert status == 200
    async with hub.database.read() as connection:
        stored = (await connection.execute(select(receipt.c.source_name))).scalar_one()
    assert stored.isprintable()
    assert len(stored) <= 200


async def test_what_cannot_be_read_or_is_too_large_leaves_no_receipt(hub: Any) -> None:
    """Told in one sentence; the mended file may be sent at once."""
    async with staff_site(hub, county_staff(), PAGES) as site:
        for data, status in ((b"", 422), (b"PK\x03\x04oops", 422), (b" " * (16 * 1024 * 1024 + 1), 413)):
            assert (await send(site, CHANGES, data))[0] == status
    assert await count(hub, receipt) == 0


async def test_a_person_sends_a_whole_by_the_keyboard(hub: Any, browser: Browser, tmp_path: Path) -> None:
    """Under the page's own policy: what does not apply is hidden, a fault leads to its field."""
    path = tmp_path / "registration.ndjson"
    path.write_bytes(ndjson([rider(1), rider(2, phone="bad")]))
    async with open_site(hub) as site, signed_in_page(browser, site, "/feeds/upload") as page:
        await expect(page.locator("#as_of")).to_be_hidden()
        await page.set_input_files("#file", path)
        await page.get_by_role("button", name="报送", exact=True).press("Enter")
        await expect(page.locator("#report")).to_contain_text("请选择增量还是全量")
        await expect(page.locator("#mode")).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.locator("#mode-2").press("Space")
        await expect(page.locator("#station_ref")).to_be_hidden()
        await page.fill("#as_of", "2026-11-01T02:00")
        await page.get_by_role("button", name="报送", exact=True).press("Enter")
        await expect(page.locator("#report")).to_contain_text("全量名册已生效")
        async with page.expect_download() as waiting:
            await page.get_by_role("button", name="下载退回的行").press("Enter")
        download = await waiting.value
        saved = await asyncio.to_thread(Path(await download.path()).read_bytes)
        assert download.suggested_filename == "registration-退回的行.ndjson"
        await expect(page.locator("#report")).to_contain_text("查看完整回执")
        await page.locator("#type").press("Space")
        await expect(page.locator("#mode")).to_be_hidden()
    assert [msgspec.json.decode(line)["rfs_row"] for line in saved.splitlines()] == [2]
    async with hub.database.read() as connection:
        assert (await connection.execute(select(snapshot.c.total))).scalar_one() == 2
