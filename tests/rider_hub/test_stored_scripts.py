"""Nothing anybody writes becomes more than text: 220 payloads in every field, on all pages and exports."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openpyxl import load_workbook
from playwright.async_api import Browser
from sqlalchemy import Table, select, update

import rider_hub.app
from rider_hub.access import ACTOR, Hub
from rider_hub.access.sessions import CSRF
from rider_hub.app import build_app
from rider_hub.intake.tables import quarantine
from rider_hub.requests.tables import request_event, service_request
from rider_hub.riders.tables import registration
from rider_hub.storage.metadata import metadata
from tests.factories import make_hub
from tests.rider_hub.matrix.drivers import DRIVERS
from tests.rider_hub.matrix.viewers import VIEWERS, Viewer
from tests.rider_hub.matrix.world import GROUPS, lay_world
from tests.rider_hub.payloads import PAYLOADS, Shape, hostile, shape_of

#: Columns that hold words somebody writes; rows are told apart by other columns, so nothing depends on them.
WORDS = {
    "activity": ("title", "place"),
    "edition": ("title",),
    "instructor": ("title",),
    "love_station": ("name", "address"),
    "park": ("name",),
    "party_organization": ("name", "host_ref"),
    "platform": ("name",),
    "receipt": ("source_name",),
    "sender": ("basis_document",),
    "station": ("name", "address", "station_ref"),
    "registration": ("platform_rider_ref",),
    "request_event": ("actor_title",),
    "quarantine": ("record_id",),
    "boundary": ("name",),
    "division": ("name",),
    "audit_row": ("purpose", "target", "actor_title"),
    "match_run": ("created_by",),
    "job_run": ("cure_zh",),
}
#: Fields inside envelopes, by table and purpose.
SEALED: tuple[tuple[Table, str, tuple[str, ...]], ...] = (
    (service_request, "personal", ("text", "address")),
    (request_event, "personal", ("text",)),
    (registration, "personal", ("name",)),
    (quarantine, "quarantine", ("name", "station_ref")),
)
ROUNDS = 2

Client = TestClient[web.Request, web.Application]
Writer = Callable[[int], str]


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
        request[ACTOR], request[CSRF] = chosen[0].actor, "token-of-the-test"
        return await handler(request)

    monkeypatch.setattr(rider_hub.app, "identify", identify)
    async with TestClient(TestServer(build_app(hub))) as client:
        yield client, lambda viewer: chosen.__setitem__(0, viewer)


async def write_everywhere(hub: Hub, words: Writer) -> int:
    """Put text of a writer into every field; return how many were written."""
    written = 0
    async with hub.database.write() as connection:
        for name, columns in WORDS.items():
            table = metadata.tables[name]
            keys = list(table.primary_key.columns)
            for row in (await connection.execute(select(*keys))).all():
                values = {}
                for column in columns:
                    values[column] = words(written)
                    written += 1
                mine = [key == value for key, value in zip(keys, row, strict=True)]
                await connection.execute(update(table).where(*mine).values(values))
        for table, purpose, fields in SEALED:
            for row in (await connection.execute(select(table.c.id, table.c.sealed))).all():
                if row.sealed is None:
                    continue
                bound = (table.name, row.id)
                found: Any = hub.keys.unseal(purpose, bound, row.sealed)  # type: ignore[arg-type]
                inside = found if isinstance(found, Mapping) else dict.fromkeys(fields, "")
                changed = {field: words(written + n) for n, field in enumerate(fields) if field in inside}
                written += len(changed)
                sealed = hub.keys.seal(purpose, bound, {**inside, **changed})  # type: ignore[arg-type]
                await connection.execute(update(table).where(table.c.id == row.id).values(sealed=sealed))
    return written


def addresses(client: Client) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Give every page, and every row's page, and what opens persons, as (method, path, form)."""
    assert client.app is not None
    for route in client.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        driver = DRIVERS.get((route.method, path))
        if path.startswith(("/static", "/metrics", "/api")) or route.method == "HEAD":
            continue
        if route.method == "GET" and "{" not in path:
            yield "GET", path if path.endswith(("xlsx", "new")) else f"{path}?size=200", {}
        elif driver and driver.params and (route.method == "GET" or path.endswith(("unmask", "open"))):
            for group in GROUPS[:3]:
                address = path
                for name, value in driver.params(group).items():
                    address = address.replace("{" + name + "}", value)
                yield route.method, address, driver.form(group)
    for layer in ("streets", "communities", "stations", "open", "closed"):
        yield "GET", f"/map/layers/{layer}.geojson", {}


async def pages(client: Client) -> dict[str, tuple[str, bytes]]:
    """Return what every address that is there answers: its type and its bytes."""
    found = {}
    for method, path, form in addresses(client):
        headers = {"Accept": "text/html"}
        data = {"csrf": "token-of-the-test", **form} if method == "POST" else None
        answer = await client.request(method, path, data=data, headers=headers, allow_redirects=False)
        assert answer.status < 500, (path, answer.status)
        if answer.status == 200:
            found[f"{method} {path}"] = (answer.content_type, await answer.read())
    return found


@pytest.mark.parametrize("name", ["county", "street_staff", "platform_account", "audit_admin", "rider"])
async def test_what_people_write_stays_text(hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page has the very elements and attributes it has with harmless text, and nothing inline."""
    assert len(set(PAYLOADS)) >= 200
    async with served(hub, monkeypatch) as (client, be):
        be(VIEWERS[name])
        assert await write_everywhere(hub, harmless) > 60
        plain = (await pages(client)).items()
        expected = {path: shape_of(body.decode())[0] for path, (kind, body) in plain if kind == "text/html"}
        shown = 0
        for turn in range(ROUNDS):
            await write_everywhere(hub, lambda number, turn=turn: hostile(number + 13 * turn))
            for path, (kind, body) in (await pages(client)).items():
                if kind == "text/html":
                    shape, faults = shape_of(body.decode())
                    shown += body.count(b"attack()")
                    assert (path, faults) == (path, [])
                    assert difference(expected[path], shape, path) == [], path
                elif path.endswith(".xlsx"):
                    assert formulas(body) == [], path
                else:
                    assert kind in {"application/json", "application/geo+json"}, path
    assert shown > 200 or name in {"audit_admin", "rider"}


async def test_no_script_runs_in_a_browser(
    hub: Hub, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium with the policy taken away: nothing but the pages themselves keeps a script from running."""
    async with served(hub, monkeypatch) as (client, be):
        await write_everywhere(hub, hostile)
        base = f"http://127.0.0.1:{client.port}"
        context = await browser.new_context(bypass_csp=True, base_url=base)
        await context.add_init_script("window.ran = []; window.attack = () => window.ran.push(location.href)")
        page = await context.new_page()
        outside: list[str] = []
        context.on("request", lambda sent: outside.append(sent.url))
        opened = 0
        for name in ("county", "rider", "audit_admin"):
            be(VIEWERS[name])
            for key, (kind, _) in (await pages(client)).items():
                method, _, path = key.partition(" ")
                if kind != "text/html" or method != "GET":
                    continue
                await page.goto(path, wait_until="load")
                opened += 1
                assert await page.evaluate("window.ran") == [], path
                assert await page.evaluate("location.pathname + location.search") == path, path
        await context.close()
    assert [url for url in outside if not url.startswith((base, "data:"))] == []
    assert opened > 30


def difference(expected: Shape, found: Shape, path: str) -> list[object]:
    """Return the first elements in which two pages differ, nothing where they are alike.

    The trail has a row more for each page that was opened before it: there no new kind of element may appear,
    but the link to the next page.
    """
    if path.startswith("GET /audit"):
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
    async with served(hub, monkeypatch) as (client, be):
        await write_everywhere(hub, hostile)
        context = await browser.new_context(base_url=f"http://127.0.0.1:{client.port}")
        await context.add_init_script(
            "window.refused = []; addEventListener('securitypolicyviolation',"
            " e => window.refused.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile), true)"
        )
        page = await context.new_page()
        seen: dict[str, str] = {}
        for viewer in VIEWERS.values():
            be(viewer)
            for key, (kind, _) in (await pages(client)).items():
                path = key.removeprefix("GET ")
                # One page of a kind is enough, and the first page of every role: rows differ in words.
                route = (path.rpartition("tag")[0] or path) + (viewer.name if path == "/?size=200" else "")
                if kind != "text/html" or key.startswith("POST") or route in seen:
                    continue
                seen[route] = path
                answer = await page.goto(path, wait_until="load")
                assert answer is not None
                policy = answer.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert await page.evaluate("window.refused") == [], (viewer.name, path)
        await context.close()
    assert len(seen) > 40
