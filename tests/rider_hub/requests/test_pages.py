"""Staff see their place's requests with the clock, answer them, record them and take them away as Excel."""

import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from sqlalchemy import func, select

from rider_hub.access import Hub, Role
from rider_hub.access.actor import PUBLIC
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.clock import FixedClock
from rider_hub.requests import pages, service
from rider_hub.requests.codes import new_seed
from rider_hub.requests.tables import service_request
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.exporting import take_export
from tests.rider_hub.requests.ground import (
    COMMUNITY,
    FALLBACK,
    OTHER_STREET,
    RIDER,
    STREET,
    lay_ground,
    rider_actor,
    street_staff,
)
from tests.rider_hub.requests.site import TOKEN, Visitor, build_site

WORDS = "小区西门不让骑手进,每单要走十分钟,高峰期经常超时,希望有骑手通道可以走,麻烦协调一下"


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock the test moves."""
    return FixedClock()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Hub]:
    """Give a hub with a county, its organizations and one rider."""
    async with make_hub(database_url, tmp_path, clock) as opened:
        await lay_ground(opened)
        yield opened


@pytest.fixture
def visitor() -> Visitor:
    """Give the street's staff as the visitor."""
    return Visitor(street_staff())


@pytest.fixture
async def site(hub: Hub, visitor: Visitor, aiohttp_client: AiohttpClient) -> TestClient:
    """Give a client of the pages of requests."""
    return await aiohttp_client(build_site(hub, visitor, pages.routes()))


async def file(hub: Hub, community: str = COMMUNITY, category: str = "entry") -> str:
    """File a request of the rider and return its id."""
    filed = await service.file_request(
        hub, rider_actor(), category=category, community_code=community, text=WORDS
    )
    return filed.id


async def text_of(site: TestClient, path: str, status: int = 200) -> str:
    """Return the text of a page that answers as expected."""
    answer = await site.get(path)
    assert answer.status == status, await answer.text()
    return await answer.text()


async def test_the_ledger_shows_state_clock_and_who_answers(hub: Hub, site: TestClient) -> None:
    """One row says where, what, how urgent, by when and by whom; long words are cut."""
    await file(hub)
    page = await text_of(site, "/requests")
    for words in ("甲街道 · 甲一社区", "进门难", "待办", "2026-11-09 17:30", "甲一社区党委", "代骑手登记"):
        assert words in page
    assert WORDS not in page
    assert WORDS[:20] in page


async def test_the_clock_turns_soon_and_late_by_itself(hub: Hub, site: TestClient, clock: FixedClock) -> None:
    """The chip follows the time without any job: to do, soon due, overdue."""
    await file(hub)
    clock.advance(days=4)
    assert "将到期" in await text_of(site, "/requests?state=soon")
    clock.advance(days=10)
    assert "甲一社区" in await text_of(site, "/requests?state=overdue")
    assert "没有符合这些条件的内容" in await text_of(site, "/requests?state=open")


async def test_filters_narrow_and_refuse_what_is_no_choice(
    hub: Hub, site: TestClient, visitor: Visitor
) -> None:
    """Category, street and state narrow the list; what an answer is owed to is one choice."""
    visitor.actor = county_staff()
    await file(hub)
    await file(hub, FALLBACK, "parking")
    assert "甲二社区" not in await text_of(site, "/requests?category=entry")
    assert "共 <b>2</b> 条" in await text_of(site, f"/requests?state=pending&street={STREET}")
    assert "共 <b>0</b> 条" in await text_of(site, f"/requests?street={OTHER_STREET}")
    await text_of(site, "/requests?category=nothing", 400)
    for sort in ("due_at", "-filed_at", "category", "-place"):
        assert "共 <b>2</b> 条" in await text_of(site, f"/requests?sort={sort}")


async def test_another_street_sees_nothing(hub: Hub, site: TestClient, visitor: Visitor) -> None:
    """Its ledger is empty and the address of a request is not found."""
    request_id = await file(hub)
    visitor.actor = street_staff(OTHER_STREET)
    assert "还没有诉求" in await text_of(site, "/requests")
    await text_of(site, f"/requests/{request_id}", 404)
    answer = await site.post(f"/requests/{request_id}/answer", data={"csrf": TOKEN, "text": "好的"})
    assert answer.status == 404


async def test_answering_on_the_page(hub: Hub, site: TestClient) -> None:
    """The form stands while an answer is owed; afterwards the conversation shows it and the form is gone."""
    request_id = await file(hub)
    path = f"/requests/{request_id}"
    assert "提交答复" in await text_of(site, path)
    empty = await site.post(f"{path}/answer", data={"csrf": TOKEN, "text": " "})
    assert empty.status == 422
    assert "请填写答复" in await empty.text()
    long = await site.post(f"{path}/answer", data={"csrf": TOKEN, "text": "好" * 501})
    assert long.status == 422
    await site.post(f"{path}/answer", data={"csrf": TOKEN, "text": "已与物业商定,凭骑手码进入"})
    page = await text_of(site, path)
    assert "已与物业商定,凭骑手码进入" in page
    assert "测试范围（街道社区工作人员）" in page
    assert "提交答复" not in page
    again = await site.post(f"{path}/answer", data={"csrf": TOKEN, "text": "再答复一次"})
    assert again.status == 409


async def test_words_of_riders_are_text_and_never_markup(hub: Hub, site: TestClient) -> None:
    """What somebody types as markup is shown as typed."""
    filed = await service.file_request(
        hub, PUBLIC, category="other", community_code=COMMUNITY, text="<script>alert(1)</script>"
    )
    page = await text_of(site, f"/requests/{filed.id}")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_the_export_has_the_whole_words_and_is_audited(hub: Hub, site: TestClient) -> None:
    """Excel holds every column and uncut words; the trail names the reporter of each download."""
    await file(hub)
    sheet = openpyxl.load_workbook(BytesIO(await take_export(hub, site, "/requests"))).active
    cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
    assert WORDS in cells
    assert {"督办单位", "期限说明", "骑手页面"} <= set(cells)
    async with hub.database.read() as connection:
        query = select(audit_subject.c.rider_id).join(audit_row, audit_row.c.id == audit_subject.c.audit_id)
        query = query.where(audit_row.c.operation == "exports.take")
        assert (await connection.execute(query)).scalars().all() == [RIDER]


async def test_staff_record_a_request_for_a_rider(hub: Hub, site: TestClient, visitor: Visitor) -> None:
    """It enters like any other, once however often it is sent, and the 查询码 is shown for the rider."""
    form = await text_of(site, "/requests/new")
    assert "甲街道 · 甲一社区" in form
    assert "乙一社区" not in form
    wrong = await site.post("/requests/new", data={"csrf": TOKEN, "text": WORDS})
    assert wrong.status == 422
    assert "请填写社区" in await wrong.text()
    seed = new_seed()
    sent = {"csrf": TOKEN, "community": COMMUNITY, "category": "rest", "text": WORDS, "seed": seed}
    for _ in range(2):
        done = await site.post("/requests/new", data=sent)
        page = await done.text()
        assert "查询码" in page
    request_id = re.search(r"/requests/(\w{32})", page)
    assert request_id is not None
    assert "工作人员代骑手登记" in await text_of(site, f"/requests/{request_id[1]}")
    async with hub.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(service_request))).scalar() == 1
    elsewhere = await site.post("/requests/new", data={**sent, "community": "110101002001", "seed": ""})
    assert elsewhere.status == 404
    visitor.actor = staff(Role.BRANCH_SECRETARY, divisions=(COMMUNITY,))
    assert "代骑手登记" not in await text_of(site, "/requests")
    await text_of(site, "/requests/new", 404)


async def test_community_staff_record_in_their_community_alone(site: TestClient, visitor: Visitor) -> None:
    """A scope of one community offers that one."""
    visitor.actor = street_staff(COMMUNITY)
    form = await text_of(site, "/requests/new")
    assert "甲一社区" in form
    assert "甲二社区" not in form


@pytest.mark.parametrize("path", ["/requests", "/requests/export.xlsx", "/requests/new", "/requests/abc"])
async def test_a_rider_does_not_reach_the_staff_pages(site: TestClient, visitor: Visitor, path: str) -> None:
    """A signed-in rider is told that there is nothing; a visitor is led to the sign-in."""
    visitor.actor = rider_actor()
    await text_of(site, path, 404)
    visitor.actor = PUBLIC
    answer = await site.get(path, allow_redirects=False)
    assert (answer.status, answer.headers["Location"].split("?")[0]) == (303, "/login")
