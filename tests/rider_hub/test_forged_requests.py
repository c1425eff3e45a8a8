"""No other site, page or session makes a person change anything: generated from the route table."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect
from sqlalchemy import func, select

from rider_hub.access import Hub
from rider_hub.access.tables import audit_row
from tests.factories import make_hub
from tests.rider_hub.routes import CHANGING, Route, Site, Visitor, open_site

FORM = "application/x-www-form-urlencoded"
NDJSON = b'{"record_id": "1"}'


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub that holds nothing yet."""
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def site(hub: Hub) -> AsyncIterator[Site]:
    """Serve the whole application."""
    async with open_site(hub) as opened:
        yield opened


def forms(mine: Visitor, other: Visitor) -> dict[str, dict[str, Any]]:
    """Return what a forger may send in a signed-in person's browser; `mine` is that person."""
    text = {"Content-Type": "text/plain"}
    typed = {"Content-Type": FORM}
    return {
        "no token": {"data": b"", "headers": typed},
        "a guess": {"data": b"csrf=guess", "headers": typed},
        "an empty one": {"data": b"csrf=", "headers": typed},
        "another session's": {"data": f"csrf={other.token}".encode(), "headers": typed},
        "another session's in the header": {"headers": {"X-CSRF-Token": other.token}},
        "the right one in the address": {"params": {"csrf": mine.token}, "data": b"", "headers": typed},
        "the right one as plain text": {"data": f"csrf={mine.token}".encode(), "headers": text},
        "json": {"data": json.dumps({"csrf": mine.token}), "headers": {"Content-Type": "application/json"}},
        "json as plain text": {"data": b"{}", "headers": text},
        "a signature nobody checks": {"data": b"", "headers": typed | {"webhook-signature": "v1,x"}},
        "json with a signature": {
            "data": b"{}",
            "headers": {
                "Content-Type": "application/json",
                "webhook-signature": "v1,x",
                "webhook-id": "1",
                "webhook-timestamp": "1",
            },
        },
        "the method in a field": {
            "data": b"_method=GET",
            "headers": typed | {"X-HTTP-Method-Override": "GET"},
        },
    }


async def test_every_changing_route_refuses_every_forged_request(site: Site) -> None:
    """Staff, riders and visitors alike; with the session's own token the same request is let through."""
    let_through, kept_out = [], []
    other = await site.visitor()
    for who in ("staff", "rider", "nobody"):
        mine = await site.visitor(who)
        for route in filter(_asks_a_token, site.routes):
            for name, given in forms(mine, other).items():
                answer = await mine.ask(route, **given, skip_auto_headers={"Content-Type"})
                if answer.status != 403 or "页面已过期" not in await answer.text():
                    let_through.append((str(route), name, answer.status))
    for route in filter(_asks_a_token, site.routes):
        mine = await site.visitor("rider" if route.is_phone else "staff")
        given = {"data": f"csrf={mine.token}".encode(), "headers": {"Content-Type": FORM}}
        if (answer := await mine.ask(route, **given)).status == 403:
            kept_out.append((str(route), answer.status))
    assert let_through == []
    assert kept_out == []


async def test_signed_routes_are_the_only_ones_without_a_token_and_take_no_cookie(site: Site) -> None:
    """A cookie, its token and no signature: 401 on each. They stand under /api/, and are the senders'."""
    mine = await site.visitor()
    signed = [route for route in site.routes if route.signed]
    statuses = {}
    for route in signed:
        answer = await mine.ask(route, data=NDJSON, headers={"X-CSRF-Token": mine.token})
        statuses[str(route)] = answer.status
    assert set(statuses.values()) == {401}
    assert all(route.canonical.startswith("/api/v1/") for route in signed)
    assert len(signed) < len([route for route in site.routes if route.method in CHANGING])


async def test_no_page_changes_anything_by_being_opened(site: Site) -> None:
    """Reading is the only method that carries no token; so no other than GET and POST is offered."""
    assert {route.method for route in site.routes} == {"GET", "POST"}


async def test_cookies_of_a_session_are_out_of_reach_of_other_sites_and_scripts(site: Site) -> None:
    """HttpOnly, SameSite, for the whole hub and no other host."""
    client = (await site.visitor("nobody")).client
    for path in ("/login", "/for-tests/become/staff", "/for-tests/become/rider"):
        client.session.cookie_jar.clear()
        for cookie in (await client.get(path)).headers.getall("Set-Cookie"):
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie


async def test_another_site_posts_into_a_browser_and_nothing_happens(
    site: Site, hub: Hub, browser: Browser
) -> None:
    """In Chromium: the other site's form and script are sent without the person's cookie, or refused."""

    async def evil(_: web.Request) -> web.Response:
        target = f"http://127.0.0.1:{site.server.port}"
        page = f"""<title>evil</title>
            <form method=post action="{target}/logout"><input name=csrf value=x></form>
            <form method=post enctype=text/plain action="{target}/match-runs/preview"><input name=a></form>
            <script>
            fetch("{target}/logout", {{method: "POST", mode: "no-cors", credentials: "include"}})
              .finally(() => document.forms[new URLSearchParams(location.search).get("n")].submit())
            </script>"""
        return web.Response(text=page, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", evil)
    async with TestServer(app) as other:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{site.server.port}/for-tests/become/staff")
        for number in (0, 1):
            # "localhost" is another site than 127.0.0.1.
            await page.goto(f"http://localhost:{other.port}/?n={number}")
            await expect(page.locator("body")).to_contain_text("页面已过期")
        answer = await page.goto(f"http://127.0.0.1:{site.server.port}/jobs")
        assert answer is not None
        assert answer.status == 200
        await context.close()
    async with hub.database.read() as connection:
        done = select(func.count()).where(audit_row.c.operation.in_(["match.run", "session.close"]))
        assert (await connection.execute(done)).scalar() == 0


def _asks_a_token(route: Route) -> bool:
    return route.method in CHANGING and not route.signed
