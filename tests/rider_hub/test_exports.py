"""People leave the hub in a file only with a second person's yes, watermarked, counted and on record."""

import importlib
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from openpyxl import load_workbook
from sqlalchemy import func, select, update

import rider_hub
from rider_hub.access import Hub, Role, Scope
from rider_hub.access.actor import Grant
from rider_hub.access.answering import answer, end
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Refused
from rider_hub.riders.tables import rider
from rider_hub.web import Ledger
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.exporting import ask_for_export, second_person
from tests.rider_hub.riders.build import PHONE, riders_of, row, take
from tests.rider_hub.riders.staff_site import staff_site

PAGES = ["rider_hub.riders.pages", "rider_hub.views.approvals", "rider_hub.organizations.pages"]
#: Ledgers whose rows are no people; every other one is asked for. A new ledger is put here, or it is not.
NO_PEOPLE = {
    "accounts",
    "activities",
    "approvals",
    "areas",
    "audit",
    "emergency",
    "jobs",
    "lovestations",
    "match-runs",
    "member-totals",
    "organizations",
    "receipts",
    "station-feeds",
    "station-links",
    "senders",
    "snapshots",
    "stations",
}


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock the test moves."""
    return FixedClock()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Hub]:
    """Open a hub with two riders."""
    async with make_hub(database_url, tmp_path, clock) as opened:
        await take(opened, [row("R-1", name="骑手甲0001号", phone=PHONE), row("R-2", name="骑手乙0002号")])
        yield opened


@pytest.fixture
async def site(hub: Hub) -> AsyncIterator[TestClient[Any, Any]]:
    """Give the pages to county staff."""
    async with staff_site(hub, county_staff(), PAGES) as client:
        yield client


async def _download(site: TestClient[Any, Any], asked: str) -> int:
    return (await site.get(f"/riders/export.xlsx?approval={asked}")).status


def _ledgers() -> list[Ledger]:
    found = []
    for path in sorted(Path(rider_hub.__path__[0]).rglob("*.py")):
        if "Ledger(" in path.read_text("utf-8") and "web" not in path.parts:
            relative = path.relative_to(Path(rider_hub.__path__[0]).parent).with_suffix("")
            module = importlib.import_module(".".join(relative.parts))
            found += [one for one in vars(module).values() if isinstance(one, Ledger)]
    return found


def test_every_ledger_says_whether_its_rows_are_people() -> None:
    """No ledger goes without saying; those that list no people are named here one by one."""
    ledgers = _ledgers()
    assert len(ledgers) > 14
    assert {one.key for one in ledgers if not one.personal} == NO_PEOPLE
    with pytest.raises(TypeError, match="personal"):
        Ledger(key="k", title="t", purpose="p", columns=[], load=None, empty="")  # type: ignore[call-arg,arg-type]


async def test_nothing_is_downloaded_before_a_second_person_agrees(
    hub: Hub, site: TestClient[Any, Any]
) -> None:
    """The link leads to the ask; asked is not enough, one's own yes is none, a no stays a no."""
    led = await site.get("/riders/export.xlsx?state=active", allow_redirects=False)
    assert (led.status, led.headers["Location"]) == (303, "/riders/export?state=active")
    asked = await ask_for_export(site, "/riders")
    assert await _download(site, asked) == 409
    with pytest.raises(Refused):
        await answer(hub, county_staff(), asked, approve=True)
    for elsewhere in (second_person("110105"), second_person("110101001")):
        with pytest.raises(Absent):
            await answer(hub, elsewhere, asked, approve=True)
    await answer(hub, second_person(), asked, approve=False, note="人数太多")
    assert await _download(site, asked) == 409
    page = await (await site.get(f"/approvals/{asked}")).text()
    assert "人数太多" in page
    assert "下载文件" not in page


async def test_a_purpose_is_asked_for(site: TestClient[Any, Any]) -> None:
    """A short word is told beside its field, and nothing is asked for."""
    wrong = await site.post("/riders/export", data={"reason": "check", "purpose": "核对"})
    assert wrong.status == 422
    assert "具体说明" in await wrong.text()
    assert "<tr data-row>" not in await (await site.get("/approvals")).text()


async def test_an_approved_export_is_taken_three_times_within_a_day(
    hub: Hub, site: TestClient[Any, Any], clock: FixedClock
) -> None:
    """The fourth download and one after 24 hours are refused; another account and table find nothing."""
    asked = await ask_for_export(site, "/riders")
    await answer(hub, second_person(), asked, approve=True)
    async with staff_site(hub, second_person(), PAGES) as other:
        assert await _download(other, asked) == 404
    assert (await site.get(f"/riders/links/export.xlsx?approval={asked}")).status == 404
    assert [await _download(site, asked) for _ in range(4)] == [200, 200, 200, 409]
    late = await ask_for_export(site, "/riders")
    await answer(hub, second_person(), late, approve=True)
    clock.advance(hours=24)
    assert await _download(site, late) == 409


async def test_a_scope_widened_after_the_ask_takes_nothing(hub: Hub) -> None:
    """What was agreed to is the scope of the ask: one that has grown since asks again."""
    street = staff(Role.STREET_STAFF, divisions=("110101001",))
    async with staff_site(hub, street, PAGES) as site:
        asked = await ask_for_export(site, "/riders")
    await answer(hub, second_person(), asked, approve=True)
    for wider in (("110101",), ("110101001", "110101002")):
        async with staff_site(hub, staff(Role.STREET_STAFF, divisions=wider), PAGES) as site:
            assert await _download(site, asked) == 409
    async with staff_site(hub, street, PAGES) as site:
        assert await _download(site, asked) == 200


async def test_what_was_withdrawn_is_not_downloaded(hub: Hub, site: TestClient[Any, Any]) -> None:
    """Asker and approver can end it, nobody else."""
    for who in (county_staff(), second_person()):
        asked = await ask_for_export(site, "/riders")
        await answer(hub, second_person(), asked, approve=True)
        with pytest.raises(Absent):
            await end(hub, replace(staff(Role.INSTRUCTOR), id="user:third"), asked)
        await end(hub, who, asked)
        assert await _download(site, asked) == 409


async def test_no_file_is_offered_under_emergency_access(hub: Hub) -> None:
    """The page says why instead of a button that would be refused, and ends the access there."""
    ends = hub.clock.now() + timedelta(hours=1)
    grant = Grant("g-1", "JJ-1", Role.STREET_STAFF, Scope(divisions=("110105",)), "朝阳区", ends)
    async with staff_site(hub, county_staff(), PAGES) as site:
        asked = await ask_for_export(site, "/riders")
    await answer(hub, second_person(), asked, approve=True)
    async with staff_site(hub, replace(county_staff(), grants=(grant,)), PAGES) as site:
        page = await (await site.get(f"/approvals/{asked}")).text()
        assert await _download(site, asked) == 409
    assert "下载文件" not in page
    assert "紧急访问期间不能下载" in page
    assert page.count('action="/approvals/g-1/end"') == 2


async def test_the_file_is_of_the_moment_masked_and_watermarked(hub: Hub, site: TestClient[Any, Any]) -> None:
    """It holds who is in scope when taken; who, when and which number stand above, in print and inside."""
    asked = await ask_for_export(site, "/riders", "?q=19900000001")
    everyone = await ask_for_export(site, "/riders")
    for one in (asked, everyone):
        await answer(hub, second_person(), one, approve=True)
    gone = (await riders_of(hub))["jia/R-2"]
    async with hub.database.write() as connection:
        await connection.execute(update(rider).where(rider.c.id == gone).values(division="110105"))
    bodies = [
        await (await site.get(f"/riders/export.xlsx?approval={one}")).read() for one in (asked, everyone)
    ]
    for body, one in zip(bodies, (asked, everyone), strict=True):
        book = load_workbook(io.BytesIO(body))
        page, number = book.active, f"DC-{one[:10].upper()}"
        assert page is not None
        cells = [str(cell) for line in page.iter_rows(values_only=True) for cell in line if cell]
        assert "199****0001" in cells
        assert [cell for cell in cells if PHONE in cell or "骑手甲0001号" in cell or "骑手乙" in cell] == []
        assert "审核人：第二人" not in cells  # the name of an account that is not stored is its id
        assert f"导出人：测试员（tester）；导出时间：2026-11-02 09:00；申请编号：{number}" in cells
        assert any("用途：核对台账：核对本月台账" in cell for cell in cells)
        for printed in (page.oddHeader.left.text, page.oddFooter.left.text, book.properties.description):
            assert number in printed
            assert "tester" in printed
    async with hub.database.read() as connection:
        query = select(audit_row.c.counts, audit_row.c.purpose).where(audit_row.c.operation == "exports.take")
        rows = [one for one in await connection.execute(query) if one.counts]
        subjects = select(func.count()).join(audit_row, audit_row.c.id == audit_subject.c.audit_id)
        subjects = subjects.select_from(audit_subject).where(audit_row.c.operation == "exports.take")
        assert (await connection.execute(subjects)).scalar_one() == 2
    assert [one.counts for one in rows] == [{"rows": 1, "people": 1}] * 2
    assert {one.purpose for one in rows} == {"核对台账：核对本月台账"}


async def test_the_approver_sees_what_and_why_but_no_search_words(
    hub: Hub, site: TestClient[Any, Any]
) -> None:
    """Ledger, filters, rows and purpose stand on the approver's page; the phone searched for does not."""
    asked = await ask_for_export(site, "/riders", f"?q={PHONE}&state=active")
    async with staff_site(hub, second_person(), PAGES) as other:
        listed = await (await other.get("/approvals?state=asked")).text()
        page = await (await other.get(f"/approvals/{asked}")).text()
        for text in (listed, page):
            assert "骑手台账，申请时 1 行；筛选条件：查找：（已填写）；状态：在册" in text
            assert PHONE not in text
        done = await other.post(f"/approvals/{asked}/approve", data={})
        assert "已批准" in await done.text()
        assert "下载文件" not in await (await other.get(f"/approvals/{asked}")).text()
    assert "下载文件" in await (await site.get(f"/approvals/{asked}")).text()
    assert (await site.post(f"/approvals/{asked}/approve", data={})).status == 404


async def test_an_export_without_people_is_direct_and_counted(hub: Hub, site: TestClient[Any, Any]) -> None:
    """Stations need nobody's yes; the trail has how many rows went."""
    assert (await (await site.get("/stations/export.xlsx")).read())[:2] == b"PK"
    async with hub.database.read() as connection:
        query = select(audit_row.c.target, audit_row.c.counts).where(
            audit_row.c.operation == "exports.direct"
        )
        assert [tuple(one) for one in await connection.execute(query)] == [("ledger:stations", {"rows": 0})]
