"""Nothing anybody writes becomes more than text: 220 payloads in every field, on all pages and exports.

Which fields there are is read from the tables: tests/rider_hub/written.py.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openpyxl import load_workbook
from playwright.async_api import Browser

import rider_hub.app
from rider_hub.access import ACTOR, Hub
from rider_hub.access.guard import operation_of
from rider_hub.access.policy import OPERATIONS
from rider_hub.access.sessions import CSRF
from rider_hub.app import build_app
from tests.factories import make_hub
from tests.rider_hub.matrix.drivers import DRIVERS, Form
from tests.rider_hub.matrix.test_matrix import address_of
from tests.rider_hub.matrix.viewers import VIEWERS, Viewer
from tests.rider_hub.matrix.world import GROUPS, lay_world
from tests.rider_hub.payloads import PAYLOADS, Shape, hostile, shape_of
from tests.rider_hub.written import NO_WORDS, text_columns, without_row, write_everywhere
from tests.rider_hub.written_rows import ids_of, lay_rest

TOKEN = "token-of-the-test"
NO_PAGES = ("/static", "/metrics", "/api", "/healthz", "/readyz")
LAYERS = ("streets", "communities", "stations", "organizations", "open", "closed")
#: Pages that answer 200 to nobody here, and why they need no rows of this world.
ELSEWHERE = {
    "/login/code": "leads on without a password just given; shows nothing anybody wrote",
    "/login/password": "the same",
    "/login/second-factor": "the same",
    "/setup": "gone once there is an account",
    "/r/requests/done": "leads on without a request just filed",
    "/r": "leads on to /r/",
    "/feeds/links/{id}": "found by a station's reference, which is attacked: intake/test_station_links.py",
    "/hand-in/template.xlsx": "opened by a link alone: the same test",
}

Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True)
class Address:
    """One page as it is asked for."""

    method: str
    route: str
    path: str
    form: Form

    @property
    def name(self) -> str:
        """How a failure calls it."""
        return f"{self.method} {self.path}"


def harmless(number: int) -> str:
    """Return as much text of no meaning at all."""
    return f"{number}".ljust(len(hostile(number)), "无")


@pytest.fixture
async def hub(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub that holds the world of two counties; SQLite keeps texts of any length, the worst case."""
    path = tmp_path / "hub.db"
    shutil.copyfile(sqlite_template, path)
    async with make_hub(f"sqlite+aiosqlite:///{path}", tmp_path) as opened:
        await lay_world(opened)
        await lay_rest(opened)
        yield opened


@asynccontextmanager
async def served(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Client, Callable[[Viewer], None]]]:
    """Serve the application to whichever viewer is chosen; all but the sign-in is real."""
    chosen = [VIEWERS["public"]]

    @web.middleware
    async def identify(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request[ACTOR], request[CSRF] = chosen[0].actor, TOKEN
        return await handler(request)

    monkeypatch.setattr(rider_hub.app, "identify", identify)
    async with TestClient(TestServer(build_app(hub))) as client:
        yield client, lambda viewer: chosen.__setitem__(0, viewer)


def addresses(client: Client, viewer: Viewer, ids: dict[str, list[str]]) -> Iterator[Address]:
    """Give every page a viewer's role may open, every row's page, and what opens persons."""
    assert client.app is not None
    for route in client.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith(NO_PAGES) or route.method == "HEAD":
            continue
        if viewer.role in OPERATIONS[operation_of(route.handler) or ""]:
            for filled, form in filled_in(route.method, path, ids):
                yield Address(route.method, path, filled, form)


def filled_in(method: str, path: str, ids: dict[str, list[str]]) -> Iterator[tuple[str, Form]]:
    """Give a route's addresses, with the ids it takes, and the form that goes with each."""
    driver = DRIVERS.get((method, path))
    if method == "GET" and path in ids:
        yield from ((one, {}) for one in ids[path])
    elif method == "GET" and "{" not in path:
        yield path if path.endswith(("xlsx", "new")) else f"{path}?size=200", {}
    elif "{key}" in path:
        yield from ((path.replace("{key}", layer), {}) for layer in LAYERS)
    elif driver and driver.params and (method == "GET" or path.endswith(("unmask", "open"))):
        yield from ((address_of(path, driver.params(group)), driver.form(group)) for group in GROUPS[:3])


async def answered(client: Client, asked: Address) -> tuple[str, bytes] | None:
    """Return what an address answers, its type and its bytes; None where it is not there or leads on."""
    data = {"csrf": TOKEN, **asked.form} if asked.method == "POST" else None
    headers = {"Accept": "text/html"}
    answer = await client.request(asked.method, asked.path, data=data, headers=headers, allow_redirects=False)
    assert answer.status < 500, (asked.name, answer.status)
    return (answer.content_type, await answer.read()) if answer.status == 200 else None


async def test_every_text_is_written_to_or_named(hub: Hub) -> None:
    """No place for words is left out but those named with a reason, and none of these is gone."""
    assert await without_row(hub) == set(), "lay a row of these in tests/rider_hub/written_rows.py"
    columns = {f"{table.name}.{column.name}" for table, column, _ in text_columns()}
    names = {f".{column.name}" for _, column, _ in text_columns()}
    assert {name for name in NO_WORDS if name.partition(":")[0] not in columns | names} == set()
    assert len(columns) > 200


async def test_what_people_write_stays_text(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page has the very elements and attributes it has with harmless text, and nothing inline.

    Of every page but those named somebody sees it with rows on it.
    """
    assert len(set(PAYLOADS)) >= 200
    shapes: dict[tuple[str, str], Shape] = {}
    opened: set[str] = set()
    shown = dict.fromkeys(VIEWERS, 0)
    async with served(hub, monkeypatch) as (client, be):
        ids = await ids_of(hub)
        assert await write_everywhere(hub, harmless) > 400
        for viewer in VIEWERS.values():
            be(viewer)
            for asked in addresses(client, viewer, ids):
                found = await answered(client, asked)
                if found and found[0] == "text/html":
                    shapes[viewer.name, asked.name] = shape_of(found[1].decode())[0]
        await write_everywhere(hub, hostile)
        for viewer in VIEWERS.values():
            be(viewer)
            for asked in addresses(client, viewer, ids):
                found = await answered(client, asked)
                if found is None:
                    continue
                opened.add(asked.route)
                shown[viewer.name] += found[1].count(b"attack()")
                check(asked, *found, shapes.get((viewer.name, asked.name), []))
        assert client.app is not None
        pages = {route.resource.canonical for route in client.app.router.routes() if route.resource}
    missed = {path for path in pages - opened if not path.startswith(NO_PAGES)}
    assert opened & ELSEWHERE.keys() == set()
    posts = {path for method, path in DRIVERS if method == "POST"}
    assert missed - posts - ELSEWHERE.keys() == set()
    assert min(shown[name] for name in ("county", "street_staff", "rider", "platform_account")) > 200


def check(asked: Address, kind: str, body: bytes, expected: Shape) -> None:
    """Hold that an answer with hostile text in it is what it is with harmless text."""
    if kind == "text/html":
        shape, faults = shape_of(body.decode())
        assert (asked.name, faults) == (asked.name, [])
        assert difference(expected, shape, asked.name) == [], asked.name
    elif asked.route.endswith(".xlsx"):
        assert formulas(body) == [], asked.name
    else:
        assert kind in {"application/json", "application/geo+json", "application/toml"}, asked.name


async def kinds_of_pages(
    client: Client, be: Callable[[Viewer], None], ids: dict[str, list[str]]
) -> AsyncIterator[Address]:
    """Give one page of each kind, to the first viewer who has it, and the first page of every role."""
    seen = set()
    for viewer in VIEWERS.values():
        be(viewer)
        for asked in addresses(client, viewer, ids):
            kind = asked.route + (viewer.name if asked.route == "/" else "")
            if asked.method == "POST" or asked.route.endswith((".xlsx", "json")) or kind in seen:
                continue
            found = await answered(client, asked)
            if found and found[0] == "text/html":
                seen.add(kind)
                yield asked


async def test_no_script_runs_in_a_browser(
    hub: Hub, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium with the policy taken away: nothing but the pages themselves keeps a script from running."""
    outside: list[str] = []
    opened = 0
    async with served(hub, monkeypatch) as (client, be):
        ids = await ids_of(hub)
        await write_everywhere(hub, hostile)
        base = f"http://127.0.0.1:{client.port}"
        context = await browser.new_context(bypass_csp=True, base_url=base)
        await context.add_init_script("window.ran = []; window.attack = () => window.ran.push(location.href)")
        context.on("request", lambda sent: outside.append(sent.url))
        page = await context.new_page()
        async for asked in kinds_of_pages(client, be, ids):
            await page.goto(asked.path, wait_until="load")
            opened += 1
            assert await page.evaluate("window.ran") == [], asked.path
            assert await page.evaluate("location.pathname + location.search") == asked.path
        await context.close()
    assert [url for url in outside if not url.startswith((base, "data:"))] == []
    assert opened > 60


def difference(expected: Shape, found: Shape, path: str) -> list[object]:
    """Return the first elements in which two pages differ, nothing where they are alike.

    The trail, and what riders read of it, has a row more for each page that was opened before it: there no
    new kind of element may appear, but the link to the next page.
    """
    if path.startswith(("GET /audit", "GET /r/data", "GET /r/rights/copy")):
        return [*{*found} - {*expected, ("a", ("class", "href", "rel"))}]
    pairs = [(a, b) for a, b in zip(expected, found, strict=False) if a != b]
    return [*pairs[:3], *([] if len(expected) == len(found) else [len(expected), len(found)])]


def formulas(workbook: bytes) -> list[str]:
    """Return the cells of a workbook that Excel would compute or follow."""
    return [
        f"{cell.coordinate}: {str(cell.value)[:40]}"
        for sheet in load_workbook(BytesIO(workbook)).worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f" or cell.hyperlink is not None
    ]


async def test_no_page_violates_the_policy(
    hub: Hub, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page that any role may open, in Chromium under the policy as it is sent: no violation."""
    opened = 0
    async with served(hub, monkeypatch) as (client, be):
        ids = await ids_of(hub)
        await write_everywhere(hub, hostile)
        context = await browser.new_context(base_url=f"http://127.0.0.1:{client.port}")
        await context.add_init_script(
            "window.refused = []; addEventListener('securitypolicyviolation',"
            " e => window.refused.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile), true)"
        )
        page = await context.new_page()
        async for asked in kinds_of_pages(client, be, ids):
            opened += 1
            answer = await page.goto(asked.path, wait_until="load")
            assert answer is not None
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert await page.evaluate("window.refused") == [], asked.path
        await context.close()
    assert opened > 60
