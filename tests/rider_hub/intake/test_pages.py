"""The pages of intake say what came, what was refused and why, and let staff mend it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.factories import county_staff, make_hub
from tests.rider_hub.exporting import take_export
from tests.rider_hub.intake.build import bring_in_county, push, quarantine_rows, rider, sender_of, station
from tests.rider_hub.intake.test_quarantine import moved
from tests.rider_hub.riders.staff_site import staff_site

PAGES = ["rider_hub.intake.pages"]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


async def test_the_ledgers_show_senders_receipts_and_refused_rows(hub: Any) -> None:
    """Each list shows what was pushed, never a value of it, and each exports."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, [rider(1), rider(2, employment="某种方式")])
    async with staff_site(hub, county_staff(), PAGES) as site:
        for path in ("/feeds", "/feeds/receipts", "/feeds/quarantine", f"/feeds/receipts/{got.id}"):
            answer = await site.get(path)
            text = await answer.text()
            assert answer.status == 200
            assert "某种方式" not in text
        assert "employment" in text
        for path in ("/feeds", "/feeds/receipts"):
            assert (await (await site.get(f"{path}/export.xlsx")).read())[:2] == b"PK"
        assert (await take_export(hub, site, "/feeds/quarantine"))[:2] == b"PK"


async def test_a_row_is_mended_and_replayed_on_its_page(hub: Any) -> None:
    """It opens with a purpose; what is no JSON is asked for again, what is right comes in."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, employment="其他（某种备注）")])
    [kept] = await quarantine_rows(hub)
    url = f"/feeds/quarantine/{kept['id']}"
    async with staff_site(hub, county_staff(), PAGES) as site:
        assert "某种备注" not in await (await site.get(url)).text()
        assert (await site.post(f"{url}/open", data={"purpose": "改字段"})).status == 422
        page = await site.post(f"{url}/open", data={"reason": "mend", "purpose": "改配送方式字段"})
        assert page.headers["Cache-Control"] == "no-store"
        assert "某种备注" in await page.text()
        assert (await site.post(f"{url}/replay", data={"content": "[1]"})).status == 422
        wrong = msgspec.json.encode(rider(1, employment="还是不对")).decode()
        still = await site.post(f"{url}/replay", data={"content": wrong})
        assert "重新入库" in await still.text()
        right = msgspec.json.encode(rider(1)).decode()
        done = await site.post(f"{url}/replay", data={"content": right})
        assert done.url.path.startswith("/feeds/receipts/")
        assert "已经处理" in await (await site.get(url)).text()


async def test_a_row_is_returned_on_its_page(hub: Any) -> None:
    """After 退回 the content is gone."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, employment="其他")])
    [kept] = await quarantine_rows(hub)
    async with staff_site(hub, county_staff(), PAGES) as site:
        done = await site.post(f"/feeds/quarantine/{kept['id']}/return")
        assert "内容不再保留" in await done.text()


async def test_a_held_batch_is_released_on_its_receipt(hub: Any) -> None:
    """A frame the evidence speaks against is asked for again; the likely one takes the batch in."""
    sender, _ = await sender_of(hub)
    held = await push(hub, sender, moved([station(n) for n in range(30)], "gcj02"), "station")
    url = f"/feeds/receipts/{held.id}"
    async with staff_site(hub, county_staff(), PAGES) as site:
        assert "GCJ-02" in await (await site.get(url)).text()
        assert (await site.post(f"{url}/release", data={"frame": "wgs84"})).status == 422
        done = await site.post(f"{url}/release", data={"frame": "gcj02"})
        assert "按此坐标系放行" not in await done.text()


async def test_another_countys_staff_sees_nothing(hub: Any) -> None:
    """Lists are empty and single pages look absent."""
    sender, _ = await sender_of(hub)
    got = await push(hub, sender, [rider(1, employment="其他")])
    [kept] = await quarantine_rows(hub)
    async with staff_site(hub, county_staff("110105"), PAGES) as site:
        for path in ("/feeds", "/feeds/receipts", "/feeds/quarantine"):
            assert "ding" not in await (await site.get(path)).text()
        assert (await site.get(f"/feeds/receipts/{got.id}")).status == 404
        assert (await site.get(f"/feeds/quarantine/{kept['id']}")).status == 404
