"""审计: the ledger, its filters and export, the state of the chain, and a review."""

import ast
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openpyxl import load_workbook
from sqlalchemy import select, update

import rider_hub.app
from jobs.running import run_slot
from jobs.verify_trail import JOB
from rider_hub.access import ACTOR, Actor, Hub, Role, policy
from rider_hub.access.seals import seal_pending
from rider_hub.access.sessions import CSRF
from rider_hub.access.tables import audit_row
from rider_hub.access.users import add_user
from rider_hub.app import build_app
from rider_hub.assignments.model import ChangeKind
from rider_hub.intake.totals import Totals
from rider_hub.outreach.model import State
from rider_hub.runs.tables import job_run
from rider_hub.views.audit_words import COUNTS, OPERATIONS
from tests.factories import county_staff, make_hub, staff

Client = TestClient[web.Request, web.Application]
AUDITOR = replace(staff(Role.AUDIT_ADMIN), id="user:auditor")


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub in which one name was opened, and somebody tried what is not theirs."""
    async with make_hub(database_url, tmp_path) as opened:
        async with opened.look(county_staff(), "riders.unmask", purpose="核对登记") as look:
            look.opened(["a" * 32])
        await opened.refused(staff(Role.INSTRUCTOR), "match.approve", "GET /match-runs/{id}")
        yield opened


@pytest.fixture
async def client(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """Serve the whole application to an audit administrator."""

    @web.middleware
    async def identify(request: web.Request, handler: Any) -> web.StreamResponse:
        request[ACTOR], request[CSRF] = AUDITOR, "token"
        response: web.StreamResponse = await handler(request)
        return response

    monkeypatch.setattr(rider_hub.app, "identify", identify)
    async with TestClient(TestServer(build_app(hub))) as opened:
        yield opened


async def test_the_trail_is_shown_with_capacity_purpose_and_outcome(client: Client) -> None:
    """Who, in which capacity, what, why and how it ended stand on the page; filters narrow it."""
    page = await (await client.get("/audit")).text()
    for words in ("查看姓名和电话", "核对登记", "测试范围 区县工作人员", "被拒绝", "最近一次核验：还没有"):
        assert words in page
    assert "核对登记" not in await (await client.get("/audit?outcome=refused")).text()
    assert "核对登记" not in await (await client.get("/audit?to=2020-01-01")).text()
    assert "核对登记" in await (await client.get("/audit?from=2020-01-01&actor=tester")).text()
    assert (await client.get("/audit?from=yesterday")).status == 400


def test_every_operation_and_count_has_a_word() -> None:
    """What the trail may hold is read in words; a use case that counts by a variable name stands here."""
    assert set(policy.OPERATIONS) <= set(OPERATIONS)
    counted, unnamed = set[str](), set[str]()
    for path in Path(rider_hub.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"look.count", "work.count"}:
                counted |= {each.arg for each in node.keywords if each.arg}
                unnamed |= {path.stem for each in node.keywords if not each.arg}
    assert unnamed == {"exporting", "trail_export", "signing_in", "delivery", "quarantine", "batches"} | {
        # the outreach and the assignments
        "service"
    }
    counted |= {"rows", "files", "people", "own_rows", "wrong_password", "wrong_code", "locked", "left_out"}
    counted |= {"sent", "failed", "dead", "applied", "skipped", *Totals().counts, *ChangeKind}
    assert counted | {State.LAPSED.value, State.NO_ANSWER.value} <= set(COUNTS)


async def test_one_row_names_accounts_once(client: Client, hub: Hub) -> None:
    """The account acted on stands by name, a capacity is said once, and no rider is not counted as 0."""
    admin = staff(Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)
    await add_user(
        hub,
        admin,
        username="xitong",
        display_name="管理员甲",
        password="Kx7-wolke-Brunnen",
        roles=[Role.STREET_STAFF],
    )
    doubled = replace(staff(Role.SYSTEM_ADMIN), scope_title=Role.SYSTEM_ADMIN.title_zh)
    async with hub.change(doubled, "users.change", target="user:xitong"):
        pass
    async with hub.database.read() as connection:
        query = select(audit_row.c.id).where(audit_row.c.actor_title.like("%系统管理员 系统管理员"))
        row_id = (await connection.execute(query)).scalar_one()
    page = (await (await client.get(f"/audit/{row_id}")).text()).split("<main")[1]
    assert "管理员甲（xitong）" in page
    assert page.count("系统管理员") == 1
    assert "user:xitong" not in page
    assert "涉及骑手" not in page


async def test_looking_at_the_trail_is_in_the_trail_and_marked_as_ones_own(client: Client, hub: Hub) -> None:
    """The auditor's own look is marked, and its review refused with a sentence; another's is reviewed."""
    await client.get("/audit")
    page = await (await client.get("/audit?own=yes")).text()
    assert "本人操作，由他人复核" in page
    async with hub.database.read() as connection:
        columns = select(audit_row.c.operation, audit_row.c.id).where(audit_row.c.outcome == "done")
        ids = {row.operation: row.id for row in await connection.execute(columns)}
    own, other = ids["audit.view"], ids["riders.unmask"]
    assert "由另一位审计管理员复核" in await (await client.get(f"/audit/{own}")).text()
    refused = await client.post(f"/audit/{own}/review", data={"csrf": "token"})
    assert refused.status == 409
    done = await client.post(f"/audit/{other}/review", data={"csrf": "token"})
    assert "已复核" in await done.text()


async def test_an_account_of_the_same_person_is_ones_own(hub: Hub) -> None:
    """A rider's log-in with the phone of the administrator's account counts as the administrator's."""
    from rider_hub.riders.tables import registration, rider  # noqa: PLC0415
    from rider_hub.views.audit import _own  # noqa: PLC0415
    from tests.rider_hub.matrix.world import GROUPS, lay_world  # noqa: PLC0415

    await lay_world(hub)
    person = hub.keys.blind("index", "phone", GROUPS[0].phone)
    async with hub.database.write() as connection:
        query = select(rider.c.id).join(registration, registration.c.rider_id == rider.c.id)
        found = (await connection.execute(query.where(registration.c.phone_index == person))).scalars().all()
        own = await _own(connection, hub.keys, replace(AUDITOR, person=person))
    assert found
    assert own == {"user:auditor", *(f"rider:{rider_id}" for rider_id in found)}


async def test_the_export_holds_the_rows_and_is_itself_recorded(client: Client, hub: Hub) -> None:
    """The workbook has what the page has; the next look shows that it was taken."""
    answer = await client.get("/audit/export.xlsx")
    assert answer.status == 200
    sheet = load_workbook(BytesIO(await answer.read())).active
    assert sheet is not None
    cells = {str(cell) for row in sheet.iter_rows(values_only=True) for cell in row}
    assert {"核对登记", "被拒绝"} <= cells
    assert "导出审计" in await (await client.get("/audit?operation=audit.export")).text()


async def test_the_page_says_what_the_newest_verification_found(client: Client, hub: Hub) -> None:
    """After the nightly job: no finding; after a row was changed: the finding in words, and a failed run."""
    await seal_pending(hub)
    assert await run_slot(hub, JOB)
    assert "没有发现问题" in await (await client.get("/audit")).text()
    async with hub.database.write() as connection:
        await connection.execute(update(audit_row).values(actor="user:nobody"))
        earlier = hub.clock.now().replace(year=2025)
        await connection.execute(update(job_run).values(due_at=earlier, finished_at=earlier))
    assert await run_slot(hub, JOB)
    page = await (await client.get("/audit")).text()
    assert re.search(r"发现 \d+ 处问题", page)
    assert "rider-hub audit verify" in page


@pytest.mark.parametrize("actor", [county_staff(), staff(Role.SYSTEM_ADMIN), staff(Role.SECURITY_ADMIN)])
async def test_nobody_else_sees_the_trail(hub: Hub, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """For everyone but audit administrators the page is absent."""

    @web.middleware
    async def identify(request: web.Request, handler: Any) -> web.StreamResponse:
        request[ACTOR], request[CSRF] = actor, "token"
        response: web.StreamResponse = await handler(request)
        return response

    monkeypatch.setattr(rider_hub.app, "identify", identify)
    async with TestClient(TestServer(build_app(hub))) as opened:
        assert (await opened.get("/audit")).status == 404
