"""The pages of intake say what came, what was refused and why, and let staff mend it."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rider_hub.access.tables import audit_row
from rider_hub.riders.ports import contents
from rider_hub.riders.tables import registration
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


def filled(page: str) -> list[tuple[str, str]]:
    """Return what a browser would send of the page's form as it stands."""
    inputs = r'name="(opened|path|value)"(?: type="hidden")? value="([^"]*)"'
    lists = r'<select[^>]* name="value"[^>]*>(.*?)</select>'
    pairs = []
    for found in re.finditer(f"{inputs}|{lists}", page, re.DOTALL):
        name, value, options = found.groups()
        if options is not None:
            chosen = re.search(r'value="([^"]*)" selected', options)
            name, value = "value", chosen[1] if chosen else ""
        pairs.append((name, html.unescape(value)))
    return pairs


def with_value(pairs: list[tuple[str, str]], path: str, value: str) -> list[tuple[str, str]]:
    """Put a value beside the path of its field."""
    at = pairs.index(("path", path))
    return [*pairs[: at + 1], ("value", value), *pairs[at + 2 :]]


async def test_a_row_is_mended_field_by_field_with_its_persons_words_closed(hub: Any) -> None:
    """The fault stands beside its field; neither it nor name and phone is shown, and they stay as sent."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, employment="其他（某种备注）")])
    [kept] = await quarantine_rows(hub)
    url = f"/feeds/quarantine/{kept['id']}"
    async with staff_site(hub, county_staff(), PAGES) as site:
        page = await (await site.get(url)).text()
        assert "配送方式" in page
        assert not any(word in page for word in ("某种备注", "骑手甲", "19900000001"))
        assert "D00001-1" in page
        still = await site.post(f"{url}/replay", data=with_value(filled(page), '["employment"]', "还是不对"))
        text = await still.text()
        assert (still.status, "还是不对" in text, "骑手甲" in text) == (422, True, False)
        done = await site.post(
            f"{url}/replay", data=with_value(filled(page), '["employment"]', "crowdsourced")
        )
        assert done.url.path.startswith("/feeds/receipts/")
        assert "已经处理" in await (await site.get(url)).text()
    async with hub.database.read() as connection:
        [row] = (await connection.execute(select(registration))).mappings().all()
    assert contents(hub.keys, row) == {"name": "骑手甲00001号", "phone": "19900000001"}


async def test_a_row_opens_with_a_purpose_and_a_field_can_be_left_out(hub: Any) -> None:
    """Opened, all values stand in the form; an unknown field is ticked away, an emptied one goes."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, phone="12", 备注="某种备注")])
    [kept] = await quarantine_rows(hub)
    url = f"/feeds/quarantine/{kept['id']}"
    async with staff_site(hub, county_staff(), PAGES) as site:
        assert (await site.post(f"{url}/open", data={"purpose": "改字段"})).status == 422
        page = await site.post(f"{url}/open", data={"reason": "mend", "purpose": "改手机号字段"})
        assert page.headers["Cache-Control"] == "no-store"
        text = await page.text()
        assert "某种备注" in text
        pairs = with_value(filled(text), '["phone"]', "")
        assert (await site.post(f"{url}/replay", data=pairs)).status == 422
        done = await site.post(f"{url}/replay", data=[*pairs, ("drop", '["备注"]')])
        assert done.url.path.startswith("/feeds/receipts/")
        for wrong in ([("path", "x"), ("value", "y")], [("path", '["name"]')], []):
            assert (await site.post(f"{url}/replay", data=wrong)).status in {409, 422}
    async with hub.database.read() as connection:
        [row] = (await connection.execute(select(registration))).mappings().all()
    assert contents(hub.keys, row) == {"name": "骑手甲00001号"}


async def test_a_mend_is_in_the_trail_by_the_names_of_its_fields(hub: Any) -> None:
    """Who wrote in a sender's name stands there with which fields, no value; unlisted ones are refused."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(1, employment="某种方式", 备注="某种备注")])
    [kept] = await quarantine_rows(hub)
    url = f"/feeds/quarantine/{kept['id']}"
    async with staff_site(hub, county_staff(), PAGES) as site:
        pairs = with_value(filled(await (await site.get(url)).text()), '["employment"]', "crowdsourced")
        for extra in (
            [("path", '["op"]'), ("value", "leave")],
            [("path", '["work_area","street"]'), ("value", "某街道")],
            [("drop", '["record_id"]')],
        ):
            answer = await site.post(f"{url}/replay", data=[*pairs, *extra])
            assert (answer.status, "只能修改表单里列出的标准字段" in await answer.text()) == (422, True)
        new = with_value(pairs, '["备注"]', "另一种备注")
        assert (await site.post(f"{url}/replay", data=new)).status == 422
        assert await _mends(hub) == []
        done = await site.post(f"{url}/replay", data=[*pairs, ("drop", '["备注"]')])
        assert done.url.path.startswith("/feeds/receipts/")
    assert await _mends(hub) == [(f"quarantine:{kept['id']}", "改动字段：employment、备注")]


async def _mends(hub: Any) -> list[tuple[str, str]]:
    query = select(audit_row.c.target, audit_row.c.purpose).where(
        audit_row.c.operation == "feeds.mend", audit_row.c.outcome == "done"
    )
    async with hub.database.read() as connection:
        return [(target, purpose) for target, purpose in await connection.execute(query)]


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
