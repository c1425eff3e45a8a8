"""The riders' pages show masked people of the own scope, and open one with a purpose."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from rider_hub.access import Role
from rider_hub.riders.tables import identity_link, rider
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.exporting import take_export
from tests.rider_hub.riders.build import PHONE, riders_of, row, take
from tests.rider_hub.riders.staff_site import staff_site

PAGES = ["rider_hub.riders.pages"]
NAME = "骑手甲0001号"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a hub with two riders on two platforms who share a phone."""
    async with make_hub(database_url, tmp_path) as opened:
        await take(opened, [row("R-1", name=NAME, phone=PHONE)], "jia")
        await take(opened, [row("R-9", name="骑手乙0002号", phone=PHONE)], "yi")
        yield opened


async def test_the_ledger_masks_and_finds_by_whole_values(hub: Any) -> None:
    """A name or phone never stands on the page; the full phone, its end and the full name find it."""
    async with staff_site(hub, county_staff(), PAGES) as site:
        page = await (await site.get("/riders")).text()
        assert "199****0001" in page
        assert NAME not in page
        assert PHONE not in page
        for words, found in ((PHONE, 2), (PHONE[-4:], 2), (NAME, 1), ("骑手", 0), (PHONE[:7], 0)):
            text = await (await site.get("/riders", params={"q": words})).text()
            assert text.count("<tr data-row>") == found, words


async def test_each_filter_narrows_the_ledger(hub: Any) -> None:
    """Employment and state filter; the export is a workbook."""
    async with staff_site(hub, county_staff(), PAGES) as site:
        for query, found in (("employment=crowdsourced", 2), ("employment=dedicated", 0), ("state=left", 0)):
            assert (await (await site.get(f"/riders?{query}")).text()).count("<tr data-row>") == found
        assert (await take_export(hub, site, "/riders"))[:2] == b"PK"


async def test_a_street_sees_its_street(hub: Any) -> None:
    """Riders elsewhere are not in the ledger, and their page looks like none."""
    riders = await riders_of(hub)
    async with hub.database.write() as connection:
        await connection.execute(
            update(rider).where(rider.c.id == riders["jia/R-1"]).values(division="110101001001")
        )
    async with staff_site(hub, staff(Role.STREET_STAFF, divisions=("110101001",)), PAGES) as site:
        assert (await (await site.get("/riders")).text()).count("<tr data-row>") == 1
        assert (await site.get(f"/riders/{riders['jia/R-1']}")).status == 200
        assert (await site.get(f"/riders/{riders['yi/R-9']}")).status == 404


async def test_opening_a_person_shows_them_once(hub: Any) -> None:
    """With a purpose the page shows name and phone, and no browser keeps it; without, it asks for one."""
    riders = await riders_of(hub)
    url = f"/riders/{riders['jia/R-1']}"
    async with staff_site(hub, county_staff(), PAGES) as site:
        assert NAME not in await (await site.get(url)).text()
        for given in (
            {},
            {"purpose": "电话回访"},
            {"reason": "visit"},
            {"reason": "visit", "purpose": "回  访 "},
        ):
            asked = await site.post(f"{url}/unmask", data=given)
            assert (asked.status, NAME in await asked.text()) == (422, False)
        opened = await site.post(f"{url}/unmask", data={"reason": "visit", "purpose": "电话回访"})
        text = await opened.text()
        assert NAME in text
        assert PHONE in text
        assert opened.headers["Cache-Control"] == "no-store"


async def test_a_proposed_link_is_confirmed_on_its_page(hub: Any) -> None:
    """The queue lists it with its reason; confirming makes one rider of two."""
    async with hub.database.read() as connection:
        link_id = (await connection.execute(select(identity_link.c.id))).scalar_one()
    async with staff_site(hub, county_staff(), PAGES) as site:
        assert "两条登记的手机号码一致" in await (await site.get("/riders/links")).text()
        page = await (await site.get(f"/riders/links/{link_id}")).text()
        assert "确认是同一人" in page
        assert "解除关联" not in page
        done = await site.post(f"/riders/links/{link_id}", data={"decision": "confirmed"})
        assert "解除关联" in await done.text()
    assert len(set((await riders_of(hub)).values())) == 1
