"""The staff's pages of invitations and activities."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from rider_hub.access import ACTOR, HUB, Actor, Hub, Scope
from rider_hub.access.guard import operation_of
from rider_hub.access.sessions import CSRF
from rider_hub.clock import FixedClock
from rider_hub.outreach import pages
from rider_hub.outreach.sending import worklist
from rider_hub.outreach.service import surface
from rider_hub.web import SHELL, Shell, problems
from tests.factories import county_staff, make_hub
from tests.rider_hub.exporting import take_export
from tests.rider_hub.membership.factories import BRANCH, add_riders, settle
from tests.rider_hub.outreach.factories import JOB, OFF_PEAK, add_activity, declared, secretary

Visitor = TestClient[web.Request, web.Application]
TEMPLATES = Path(pages.__file__).parent / "templates"


def _build(hub: Hub, viewer: Actor) -> web.Application:
    @web.middleware
    async def signed_in(request: web.Request, handler: Any) -> web.StreamResponse:
        request[ACTOR] = viewer
        request[CSRF] = "test"
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[signed_in, problems])
    app[HUB] = hub
    app[SHELL] = Shell(template_folders=[TEMPLATES], clock=hub.clock)
    app.add_routes(pages.routes())
    return app


async def _surfaced(hub: Hub) -> str:
    await settle(hub)
    (rider,) = await add_riders(hub)
    await declared(hub, rider)
    await add_activity(hub)
    await surface(hub, JOB)
    (task,) = await worklist(hub, secretary())
    return task.invitation.id


async def test_the_worklist_is_shown_exported_and_worked_on(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """A line says whom (masked), what, why and what next; sending and attendance are buttons."""
    clock = FixedClock(OFF_PEAK)
    async with make_hub(database_url, tmp_path, clock) as hub:
        invitation_id = await _surfaced(hub)
        client: Visitor = await aiohttp_client(_build(hub, replace(secretary(), scope=Scope(("110101",)))))
        page = await (await client.get("/invitations")).text()
        for words in ("骑*", "主题党日", "本人同意接收", "待邀请", "请决定是否邀请"):
            assert words in page
        assert "骑手甲" not in page
        book = openpyxl.load_workbook(io.BytesIO(await take_export(hub, client, "/invitations")))
        cells = {str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row}
        assert {"骑*", "主题党日", "待邀请"} <= cells
        assert "发出邀请</button>" in await (await client.get(f"/invitations/{invitation_id}")).text()
        sent = await client.post(f"/invitations/{invitation_id}/invite", allow_redirects=False)
        assert sent.headers["Location"] == "/invitations"
        again = await client.post(f"/invitations/{invitation_id}/invite", allow_redirects=False)
        assert (again.status, "7 天内已收到" in await again.text() or "已邀请" in await again.text()) == (
            409,
            True,
        )
        early = await client.post(f"/invitations/{invitation_id}/attended")
        assert (early.status, "活动还没有开始" in await early.text()) == (409, True)
        clock.advance(hours=49)
        assert "登记到场</button>" in await (await client.get(f"/invitations/{invitation_id}")).text()
        await client.post(f"/invitations/{invitation_id}/attended")
        assert "已参加" in await (await client.get("/invitations", params={"state": "attended"})).text()
        assert "共 <b>0</b>" in await (await client.get("/invitations", params={"state": "surfaced"})).text()


async def test_others_see_an_empty_worklist_and_no_line(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """County staff meet an empty list and absence, whatever their divisions."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        invitation_id = await _surfaced(hub)
        client: Visitor = await aiohttp_client(_build(hub, county_staff()))
        assert "骑*" not in await (await client.get("/invitations")).text()
        assert (await client.get(f"/invitations/{invitation_id}")).status == 404
        assert (await client.post(f"/invitations/{invitation_id}/invite")).status == 404


@pytest.mark.parametrize(
    "starts_at", ["2026-11-03T14:30", "2026-11-01T14:30", "2026-13-40T14:30", "0001-01-01T00:00", ""]
)
async def test_an_activity_is_announced_on_a_form(
    database_url: str, tmp_path: Path, aiohttp_client: AiohttpClient, starts_at: str
) -> None:
    """Times are Beijing's; a missing or past time is told beside its field."""
    async with make_hub(database_url, tmp_path, FixedClock(OFF_PEAK)) as hub:
        await settle(hub)
        client: Visitor = await aiohttp_client(_build(hub, secretary()))
        assert "东四第一社区党支部(示例)" in await (await client.get("/activities/new")).text()
        fields = {
            "organization": BRANCH,
            "title": "急救技能培训",
            "kind": "training",
            "audience": "open",
            "starts_at": starts_at,
            "ends_at": "2026-11-03T16:00",
        }
        answer = await client.post("/activities/new", data=fields, allow_redirects=False)
        page = await (await client.get("/activities")).text()
        if starts_at == "2026-11-03T14:30":
            assert answer.status == 303
            assert "2026-11-03 14:30" in page
            assert "所有骑手" in page
        else:
            assert answer.status == 422
            assert 'href="#starts_at"' in await answer.text()
            assert "还没有活动" in page


def test_every_route_stands_behind_the_policy() -> None:
    """No page of this capability is open to whoever comes."""
    assert all(operation_of(route.handler) for route in pages.routes())
