"""The desk shows each role what waits for it, with a way on, and nothing of others."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from sqlalchemy import JSON, Boolean, Integer, LargeBinary, String, Table, func, select

from rider_hub.access import Hub, Role
from rider_hub.access.actor import PUBLIC
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.assignments.tables import assignment, match_run
from rider_hub.clock import SHANGHAI, FixedClock
from rider_hub.consent.correcting import ask
from rider_hub.consent.model import Purpose
from rider_hub.consent.ports import Ports
from rider_hub.intake.tables import receipt, sender
from rider_hub.membership.model import Kind
from rider_hub.membership.service import declare, withdraw
from rider_hub.membership.verification import (
    answer_verification,
    ask_verification,
    gather_homes,
    waiting_list,
)
from rider_hub.organizations.tables import platform
from rider_hub.outreach.service import surface
from rider_hub.requests.service import answer, file_request
from rider_hub.runs.tables import job_run
from rider_hub.storage import UtcDateTime, insert_rows
from rider_hub.views import desk
from rider_hub.views.desk_figures import evening_before, read_desk
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.membership.factories import BRANCH, INDUSTRY, add_riders, settle
from tests.rider_hub.outreach.factories import JOB, OFF_PEAK, add_activity, declared, secretary
from tests.rider_hub.requests.ground import (
    COMMUNITY,
    COUNTY,
    OTHER_STREET,
    STREET,
    lay_ground,
    rider_actor,
    street_staff,
)
from tests.rider_hub.requests.site import Visitor, build_site


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
    """Give county staff as the visitor."""
    return Visitor(county_staff())


@pytest.fixture
async def site(hub: Hub, visitor: Visitor, aiohttp_client: AiohttpClient) -> TestClient:
    """Give a client of the desk."""
    return await aiohttp_client(build_site(hub, visitor, desk.routes()))


async def page_of(site: TestClient) -> str:
    """Return the desk's text."""
    answered = await site.get("/")
    assert answered.status == 200, await answered.text()
    return await answered.text()


async def put(hub: Hub, table: Table, **values: Any) -> None:
    """Insert a row; what the test does not name is empty, zero or the present."""
    empty = {UtcDateTime: hub.clock.now(), JSON: {}, String: "", Integer: 0, Boolean: False, LargeBinary: b""}
    row = {each.name: None if each.nullable else empty[type(each.type)] for each in table.columns}
    async with hub.database.write() as connection:
        await insert_rows(connection, table, [row | values])


async def file(hub: Hub, community: str = COMMUNITY) -> str:
    """File a request and return its id."""
    filed = await file_request(
        hub, rider_actor(), category="entry", community_code=community, text="西门不让进"
    )
    return filed.id


async def test_an_empty_hub_says_what_will_come(site: TestClient) -> None:
    """Every part without content says what will appear there."""
    page = await page_of(site)
    for words in ("没有等您处理的事", "没有待答复的诉求", "还没有平台报送数据", "在册骑手"):
        assert words in page


async def test_four_figures_each_lead_on(hub: Hub, site: TestClient, clock: FixedClock) -> None:
    """Riders, open matches, requests and late requests are links to their lists."""
    assignment_row = {"rider_id": "r1", "version": 1, "division": COMMUNITY, "unresolved": "no_place"}
    await put(hub, assignment, **assignment_row, love_stations=[])
    await file(hub)
    clock.advance(days=20)
    await file(hub)
    figures = (await read_desk(hub, county_staff())).figures
    assert figures == [
        ("在册骑手", 1, "/riders?state=active"),
        ("匹配待确认", 1, "/assignments?unresolved=yes"),
        ("待答复诉求", 2, "/requests?state=pending"),
        ("已超期诉求", 1, "/requests?state=overdue"),
    ]
    page = await page_of(site)
    for _, _, path in figures:
        assert f'href="{path}"' in page


async def test_riders_not_seen_for_long_are_not_counted(hub: Hub, clock: FixedClock) -> None:
    """The register is of those seen within the window."""
    clock.at = datetime(2026, 12, 29, 23, tzinfo=UTC)
    assert (await read_desk(hub, county_staff())).figures[0][1] == 1
    clock.advance(days=1)
    assert (await read_desk(hub, county_staff())).figures[0][1] == 0


async def test_requests_stand_in_the_order_they_are_due(
    hub: Hub, site: TestClient, clock: FixedClock
) -> None:
    """The most urgent comes first, answered ones are gone, and the rate counts what lies late."""
    first = await file(hub)
    clock.advance(days=9)
    second = await file(hub)
    done = await file(hub)
    await answer(hub, street_staff(), done, "已解决")
    shown = await read_desk(hub, street_staff())
    assert shown.due is not None
    assert [row["path"] for row in shown.due] == [f"/requests/{first}", f"/requests/{second}"]
    assert shown.on_time == 0.5
    page = await page_of(site)
    assert "按时答复率 50%" in page
    assert "已超期" in page


async def test_the_desk_opens_nobody(hub: Hub, site: TestClient) -> None:
    """No words of a request are shown here, so nobody's data is opened."""
    await file(hub)
    assert "西门不让进" not in await page_of(site)
    async with hub.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(audit_subject))).scalar() == 0


async def test_a_street_sees_its_own_and_no_feeds(hub: Hub, site: TestClient, visitor: Visitor) -> None:
    """Another street's desk is empty; a street has no part on feeds."""
    await file(hub)
    visitor.actor = street_staff(OTHER_STREET)
    page = await page_of(site)
    assert "没有待答复的诉求" in page
    assert "数据接入" not in page
    assert [count for _, count, _ in (await read_desk(hub, street_staff(OTHER_STREET))).figures] == [0] * 4
    assert (await read_desk(hub, street_staff(STREET))).figures[2][1] == 1


async def test_county_staff_are_told_of_runs_and_failed_jobs(hub: Hub, site: TestClient) -> None:
    """A preview waits for approval, an approved run for its application, a failed job for its cure."""
    await put(hub, match_run, id="1", county=COUNTY, state="previewed")
    await put(hub, match_run, id="2", county=COUNTY, state="approved")
    await put(hub, match_run, id="3", county="110105", state="previewed")
    await put(hub, job_run, id="4", job="take_feeds", state="failed")
    tasks = (await read_desk(hub, county_staff())).tasks
    assert [(task.count, task.path) for task in tasks] == [
        (1, "/match-runs?state=previewed"),
        (1, "/match-runs?state=approved"),
        (1, "/jobs?state=failed"),
    ]
    assert "份匹配预览待审批" in await page_of(site)
    assert (await read_desk(hub, street_staff())).tasks == []


async def test_feeds_are_fresh_or_late_with_what_came_overnight(
    hub: Hub, site: TestClient, clock: FixedClock
) -> None:
    """What came since the evening before is summed by platform; a silent sender is late."""
    await put(hub, platform, code="jia", name="甲平台(示例)")
    now = clock.now()
    await put(hub, sender, platform="jia", county=COUNTY, tier="A", last_received_at=now)
    await put(hub, sender, platform="yi", county=COUNTY, tier="A")
    totals = {"platform": "jia", "county": COUNTY, "state": "done", "failures": [], "warnings": []}
    totals |= {"feed_type": "registration", "transport": "push"}
    old = now - timedelta(days=2)
    await put(hub, receipt, id="1", **totals, idempotency_key="1", received=9, accepted=7, rejected=2)
    await put(hub, receipt, id="2", **totals, idempotency_key="2", received=1, accepted=1)
    await put(hub, receipt, id="3", **totals, idempotency_key="3", received=50, created_at=old)
    page = await page_of(site)
    assert "甲平台(示例)" in page
    assert "收到 10 条，入库 8 条，退回 2 条" in page
    assert "没有收到" in page
    assert page.index("正常") < page.index("迟到")


def test_overnight_begins_when_offices_closed() -> None:
    """At one minute to and after midnight in China the evening is another one."""
    late = datetime(2026, 11, 2, 23, 59, tzinfo=SHANGHAI)
    assert evening_before(late) == datetime(2026, 11, 1, 17, 30, tzinfo=SHANGHAI)
    assert evening_before(late + timedelta(minutes=2)) == datetime(2026, 11, 2, 17, 30, tzinfo=SHANGHAI)


async def test_a_secretary_is_told_of_invitations_while_consent_lives(
    database_url: str, tmp_path: Path
) -> None:
    """The count is of the secretary's own body, and gone at once with the consent."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        (rider,) = await add_riders(hub)
        await declared(hub, rider)
        await add_activity(hub)
        await surface(hub, JOB)
        found = (await read_desk(hub, secretary(BRANCH))).tasks
        assert [(task.count, task.path) for task in found] == [(1, "/invitations")]
        assert (await read_desk(hub, secretary("another-body"))).tasks == []
        assert (await read_desk(hub, county_staff())).tasks == []
        await withdraw(hub, rider, Ports(), purpose=Purpose.PARTY_ACTIVITIES)
        assert (await read_desk(hub, secretary(BRANCH))).tasks == []


async def test_whoever_handles_rights_is_told_of_requests_in_scope(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    """How many wait and how many are late; another county and other roles are told nothing."""
    async with make_hub(database_url, tmp_path, clock) as hub:
        rider, *_ = await add_riders(hub)
        due = clock.now() + timedelta(hours=1)
        for _ in range(2):
            await ask(hub, rider, kind="erase", what="erase", due_at=due)
            due += timedelta(days=9)
        told = (await read_desk(hub, county_staff())).tasks
        assert [(task.count, task.words) for task in told] == [(2, "项权利请求待办理")]
        clock.advance(days=1)
        (task,) = (await read_desk(hub, county_staff())).tasks
        assert (task.words, task.path) == ("项权利请求待办理（1 项已超期）", "/rights?state=open")
        for other in (county_staff("110105"), secretary(BRANCH), staff(Role.SYSTEM_ADMIN)):
            assert (await read_desk(hub, other)).tasks == []


async def test_a_secretary_is_told_of_declarations_to_verify(database_url: str, tmp_path: Path) -> None:
    """Only of those that name the own body, are unanswered and under live consent; the trail says nothing."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        for rider in await add_riders(hub, 2):
            await declare(
                hub, rider, kind=Kind.FULL, home_organization="某党委", body=BRANCH, notice_version=1
            )
            await ask_verification(hub, rider, body=INDUSTRY, notice_version=1)
        await gather_homes(hub, JOB)
        async with hub.database.read() as connection:
            before = (await connection.execute(select(func.count()).select_from(audit_subject))).scalar_one()
        (task,) = (await read_desk(hub, secretary(INDUSTRY))).tasks
        assert (task.count, task.words) == (2, "条申报等您核验")
        for other in (secretary(BRANCH), county_staff(), staff(Role.INSTRUCTOR)):
            assert (await read_desk(hub, other)).tasks == []
        async with hub.database.read() as connection:
            after = (await connection.execute(select(func.count()).select_from(audit_subject))).scalar_one()
            asked = select(audit_row.c.id).where(audit_row.c.operation == "desk.view")
            assert (await connection.execute(asked)).all() == []
        assert after == before
        await withdraw(hub, rider, Ports(), purpose=Purpose.VERIFICATION)
        assert (await read_desk(hub, secretary(INDUSTRY))).tasks[0].count == 1
        (waiting,) = await waiting_list(hub, secretary(INDUSTRY))
        await answer_verification(hub, secretary(INDUSTRY), waiting.id, yes=True)
        assert (await read_desk(hub, secretary(INDUSTRY))).tasks == []


async def test_a_system_administrator_sees_no_rider(hub: Hub, site: TestClient, visitor: Visitor) -> None:
    """Without a role in the field there are no figures of riders or requests."""
    visitor.actor = staff(Role.SYSTEM_ADMIN, divisions=())
    page = await page_of(site)
    assert "在册骑手" not in page
    assert "待答复诉求" not in page


async def test_a_visitor_is_led_to_the_sign_in(site: TestClient, visitor: Visitor) -> None:
    """Nobody signed in: the address leads to the sign-in; a rider is led to the riders' pages."""
    visitor.actor = PUBLIC
    answered = await site.get("/", allow_redirects=False)
    assert (answered.status, answered.headers["Location"]) == (303, "/login?next=/")
    visitor.actor = rider_actor()
    answered = await site.get("/", allow_redirects=False)
    assert (answered.status, answered.headers["Location"]) == (303, "/r/")
