"""接入概览: a platform finds its daily work there, every link opens, and nothing of another shows."""

import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from rider_hub.access import Hub, Role, Scope
from tests.factories import make_hub, staff
from tests.rider_hub.intake.build import bring_in_county, push, rider, sender_of
from tests.rider_hub.intake.test_snapshots import whole
from tests.rider_hub.matrix.test_matrix import site
from tests.rider_hub.matrix.viewers import VIEWERS
from tests.rider_hub.matrix.world import GROUPS, lay_world
from tests.rider_hub.riders.staff_site import staff_site

_LINK = re.compile(r'(?:href|data-url)="(/[^"#]*)')
#: What is served to everybody; the viewers of the matrix have no account of their own to show.
_ELSEWHERE = ("/static", "/api/openapi.json", "/account")
_MOST = 150


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open an empty hub."""
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


async def test_every_link_of_a_platform_opens_and_shows_its_own(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Followed from the overview on: no page is refused, none names another platform or its rows."""
    await lay_world(hub)
    viewer = VIEWERS["platform_account"]
    others = {group.tag for group in GROUPS if not viewer.sees(group)} | {"platform-yi"}
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        waiting, seen, wrong = deque([("/portal", "")]), {"/portal"}, {}
        while waiting and len(seen) < _MOST:
            path, by = waiting.popleft()
            answer = await client.get(path, allow_redirects=False)
            text = await answer.text() if answer.content_type == "text/html" else ""
            if answer.status >= 400:
                wrong[path] = f"{answer.status}, linked by {by}"
            if shown := [name for name in others if name in text]:
                wrong[path] = f"shows {shown}"
            for link in map(unescape, _LINK.findall(text)):
                if link not in seen and not link.startswith(_ELSEWHERE):
                    seen.add(link)
                    waiting.append((link, path))
        assert wrong == {}
        assert {"/feeds/check", "/feeds/upload", "/feeds/senders/jia/keys", "/api/docs"} <= seen
        assert "/feeds/senders/jia/requirements" in seen


async def test_the_overview_tells_what_is_late_missing_and_waiting(hub: Hub) -> None:
    """A late feed, a snapshot that is not whole, a refused row, the last receipt and the key."""
    await bring_in_county(hub)
    sender, _ = await sender_of(hub, settings={"every_hours": {"registration": 12}})
    await push(hub, sender, [rider(1), rider(2, phone="bad")])
    await whole(hub, sender, [rider(1)], name="day", total=3)
    hub.clock.advance(hours=15)  # type: ignore[attr-defined]
    viewer = replace(staff(Role.PLATFORM_ACCOUNT, divisions=()), scope=Scope(platforms=("ding",)))
    async with staff_site(hub, viewer, ["rider_hub.views.portal"]) as client:
        page = await (await client.get("/portal")).text()
    for told in ("逾期未报", "接收中", "<b>1</b> 行没有入库", "还没用过", "每 12 小时"):
        assert told in page
    nobody = replace(viewer, scope=Scope(platforms=("nobody",)))
    async with staff_site(hub, nobody, ["rider_hub.views.portal"]) as client:
        assert "还没有为贵平台登记" in await (await client.get("/portal")).text()


async def test_the_requirements_are_those_of_the_agreement(hub: Hub) -> None:
    """Of tier A a phone must not come, of tier B it may; what is never taken stands first."""
    await bring_in_county(hub)
    for platform, tier, told in (("ding", "A", "不得报"), ("bing", "B", "选报")):
        basis = {} if tier == "A" else {"basis": "separate_consent"}
        await sender_of(hub, platform, tier=tier, **basis)
        viewer = replace(staff(Role.PLATFORM_ACCOUNT, divisions=()), scope=Scope(platforms=(platform,)))
        async with staff_site(hub, viewer, ["rider_hub.intake.needs_pages"]) as client:
            page = await (await client.get(f"/feeds/senders/{platform}/requirements")).text()
        row = re.search(r"<tr><td>手机号</td><td>phone</td><td>([^<]+)</td>", page)
        assert row is not None
        assert row[1] == told
        assert page.index("政治面貌") < page.index("骑手编号")
