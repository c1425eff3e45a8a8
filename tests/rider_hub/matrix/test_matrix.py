"""Role × operation × region, generated from the route table: what is out of scope is absent everywhere."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openpyxl import load_workbook
from sqlalchemy import select

import rider_hub.app
from rider_hub.access import ACTOR, Hub
from rider_hub.access.guard import operation_of
from rider_hub.access.policy import OPERATIONS
from rider_hub.access.sessions import CSRF
from rider_hub.app import build_app
from rider_hub.storage.metadata import metadata, private_metadata
from tests.rider_hub.matrix.drivers import DRIVERS, LISTS, Driver
from tests.rider_hub.matrix.viewers import VIEWERS, Viewer
from tests.rider_hub.matrix.world import GROUPS, IN_CONFIDENCE, Group

TOKEN = "token-of-the-test"
#: An id that no row has, as long as those that rows have.
NOBODY = Group("tagZ9", "110199001001", "nobody", "nobody", 99)
#: Kept apart from what people work on: written for every refusal, and so for these tests too.
_TRAIL = ("audit", "session", "seal", "sign_in", "throttle", "attempt")

Client = TestClient[web.Request, web.Application]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, str]


@asynccontextmanager
async def site(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Client, Callable[[Viewer], None]]]:
    """Serve the whole application to whichever viewer is chosen; all but the sign-in is real."""
    chosen = [VIEWERS["public"]]

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[ACTOR], request[CSRF] = chosen[0].actor, TOKEN
        return await handler(request)

    monkeypatch.setattr(rider_hub.app, "identify", identify)
    client: Client = TestClient(TestServer(build_app(hub)))
    await client.start_server()
    try:
        yield client, lambda viewer: chosen.__setitem__(0, viewer)
    finally:
        await client.close()


def routes_of(app: web.Application) -> list[Route]:
    """Return (method, path, operation) of every route."""
    return sorted(
        {
            (
                route.method,
                route.resource.canonical if route.resource else "",
                operation_of(route.handler) or "",
            )
            for route in app.router.routes()
            if route.method != "HEAD"
        }
    )


def _needs_driver(route: Route) -> bool:
    method, path, _ = route
    return method != "GET" or "{" in path


async def test_every_route_is_driven(hub: Hub) -> None:
    """A new route with a parameter or a change must say in drivers.py how it is tried; none is left over."""
    wanted = {route[:2] for route in routes_of(build_app(hub)) if _needs_driver(route)}
    assert wanted - DRIVERS.keys() == set(), "add these routes to tests/rider_hub/matrix/drivers.py"
    assert DRIVERS.keys() - wanted == set(), "these routes are gone: take them out of drivers.py"


async def _text(answer: Any) -> str:
    body = await answer.read()
    if answer.content_type.endswith("spreadsheetml.sheet"):
        sheet = load_workbook(BytesIO(body)).active
        assert sheet is not None
        return "\n".join(str(cell) for row in sheet.iter_rows(values_only=True) for cell in row)
    return str(body.decode("utf-8", "replace"))


def _tags(text: str) -> set[str]:
    return {group.tag for group in GROUPS if group.tag in text}


@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_no_page_list_map_or_export_shows_a_row_out_of_scope(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page a role may open holds rows of its scope alone; lists and their exports hold all of those."""
    viewer = VIEWERS[name]
    allowed = {group.tag for group in viewer.own()}
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        wrong: dict[str, object] = {}
        for path in _pages(client.app):
            answer = await client.get(path, allow_redirects=False)
            text = await _text(answer)
            shown = _tags(text)
            if IN_CONFIDENCE in text and name not in _TRUSTED:
                wrong[path] = IN_CONFIDENCE
            if shown - allowed and path not in _OFFERED:
                wrong[path] = shown - allowed
        for path, operation in _lists(client.app):
            owners = LISTS[path]
            may = viewer.role in OPERATIONS[operation] and (owners is None or name in owners)
            for asked in (path, f"{path}/export.xlsx"):
                answer = await client.get(asked, allow_redirects=False)
                # A list of people leaves in a file only with a second person's yes: it leads to the asking.
                if asked != path and answer.status in _LEADS_ON:
                    continue
                if may and _tags(await _text(answer)) != allowed:
                    wrong[asked] = (answer.status, _tags(await _text(answer)))
        assert wrong == {}


#: Who may read what was told in confidence: the officer, and the rider who told it.
_TRUSTED = frozenset({"counselling_officer", "rider"})
#: Where a rider chooses among the organizations of the place: names of organizations, and nobody's row.
_OFFERED = frozenset({"/r/invitations/open"})


def _pages(app: web.Application | None) -> list[str]:
    assert app is not None
    plain = [path for method, path, _ in routes_of(app) if method == "GET" and "{" not in path]
    layers = ("streets", "communities", "stations", "organizations", "open", "closed")
    return [*plain, *(f"/map/layers/{key}.geojson" for key in layers)]


def _lists(app: web.Application | None) -> list[tuple[str, str]]:
    assert app is not None
    return [
        (path, operation) for method, path, operation in routes_of(app) if method == "GET" and path in LISTS
    ]


async def test_the_areas_of_the_map_are_those_of_the_scope(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A street's list and layers of areas hold the street and its communities, the county's all of it."""
    async with site(hub, monkeypatch) as (client, be):
        for name, inside in (("street_staff", "110101001"), ("county", "110101")):
            be(VIEWERS[name])
            for path in ("/map/areas", "/map/layers/streets.geojson", "/map/layers/communities.geojson"):
                text = await _text(await client.get(path))
                found = {code for code in _AREAS if f"area-{code}" in text}
                levels = {9: "streets", 12: "communities"}
                wanted = {
                    code
                    for code in _AREAS
                    if code.startswith(inside) and (path == "/map/areas" or levels[len(code)] in path)
                }
                assert found - wanted <= {code for code in _AREAS if any(w.startswith(code) for w in wanted)}
                assert wanted <= found, path


_AREAS = ("110101001", "110101001001", "110101002", "110101002001", "110105001", "110105001001")


def address_of(path: str, params: Mapping[str, str]) -> str:
    """Return a route's path with its parameters filled in."""
    for name, value in params.items():
        path = path.replace("{" + name + "}", value)
    return path


async def send(client: Client, method: str, path: str, form: Mapping[str, str], accept: str) -> Any:
    """Send a request as a page would, with the form's token."""
    headers = {"Accept": accept}
    if method == "GET":
        return await client.get(path, headers=headers, allow_redirects=False)
    return await client.post(path, data={**form, "csrf": TOKEN}, headers=headers, allow_redirects=False)


async def _seen(
    answer: Any, address: str, params: Mapping[str, str]
) -> tuple[int, str, list[tuple[str, str]]]:
    """Return an answer as whoever asked sees it, less what they sent (address and ids), and the clock."""

    def told(text: str) -> str:
        for sent in (address, *params.values()):
            text = text.replace(sent, "")
        return text

    headers = sorted((key, told(value)) for key, value in answer.headers.items() if key not in _LENGTHS)
    return answer.status, told((await answer.read()).decode("utf-8", "replace")), headers


#: The clock, and the length of a body that holds the address as it was sent.
_LENGTHS = frozenset({"Date", "Content-Length"})


def _driven(app: web.Application | None) -> Iterator[tuple[Route, Driver]]:
    assert app is not None
    for route in routes_of(app):
        driver = DRIVERS.get(route[:2])
        if driver is not None and driver.params is not None:
            yield route, driver


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_rows_of_others_answer_as_absent_and_stay_as_they_were(
    hub: Hub, name: str, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every route with an id: another's row, and any row where the role may not, look like no row.

    Same status, body and headers byte for byte, and no cell of the database changes.
    """
    viewer = VIEWERS[name]
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        before = await state_of(hub)
        wrong: list[object] = []
        for (method, path, operation), driver in _driven(client.app):
            assert driver.params is not None
            may = viewer.role in OPERATIONS[operation] and (driver.owners is None or name in driver.owners)
            asked = [group for group in GROUPS if not may or _foreign(viewer, driver, group)]
            address = address_of(path, driver.params(NOBODY))
            sent = await send(client, method, address, driver.form(NOBODY), accept)
            absent = await _seen(sent, address, driver.params(NOBODY))
            refused = _refusal(viewer, operation, method, accept)
            led_on = driver.blind and viewer.role in OPERATIONS[operation]
            if absent[0] != refused and not led_on:
                wrong.append((method, path, absent[0]))
            for group in asked:
                address = address_of(path, driver.params(group))
                answer = await send(client, method, address, driver.form(group), accept)
                if await _seen(answer, address, driver.params(group)) != absent:
                    wrong.append((method, address, answer.status))
        assert wrong == []
        assert await state_of(hub) == before


def _foreign(viewer: Viewer, driver: Driver, group: Group) -> bool:
    """Say whether the row a driver names for a group is out of scope; a run is of a county, not a group."""
    assert driver.params is not None
    named = driver.params(group)
    return all(driver.params(mine) != named for mine in viewer.own())


def _refusal(viewer: Viewer, operation: str, method: str, accept: str) -> int:
    if viewer.name != "public" or viewer.role in OPERATIONS[operation]:
        return 404
    return 401 if method != "GET" or accept == "application/json" else 303


@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_a_form_that_names_anothers_place_or_body_changes_nothing(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Routes without an id take no organization and no community out of scope, and answer as absence."""
    viewer = VIEWERS[name]
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        before = await state_of(hub)
        for (method, path), driver in DRIVERS.items():
            if driver.params is None and not driver.own_only and not driver.signed:
                for group in viewer.others():
                    answer = await send(client, method, path, driver.form(group), "application/json")
                    assert answer.status in {401, 404}, (path, group.tag)
        assert await state_of(hub) == before


@pytest.mark.parametrize("name", sorted(VIEWERS))
async def test_what_the_policy_allows_works_on_ones_own_rows(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrix is not green because all is refused: an own row opens, and a change of it is not absent."""
    viewer = VIEWERS[name]
    async with site(hub, monkeypatch) as (client, be):
        be(viewer)
        wrong: list[object] = []
        for (method, path, operation), driver in _driven(client.app):
            assert driver.params is not None
            if viewer.role not in OPERATIONS[operation] or (
                name in driver.used_up or (driver.owners is not None and name not in driver.owners)
            ):
                continue
            group = next(iter(viewer.own()[::-1] if driver.last else viewer.own()), None)
            if group is not None:
                # A later step may find the row as an earlier one left it, never gone.
                address = address_of(path, driver.params(group))
                answer = await send(client, method, address, driver.form(group), "text/html")
                if answer.status not in ({200} if method == "GET" and not driver.blind else _DONE):
                    wrong.append((method, address, answer.status))
        assert wrong == []


_LEADS_ON = {303}
_DONE = {200, 303, 409, 422}


async def state_of(hub: Hub) -> str:
    """Return a digest of every row but the trail's."""
    digest = hashlib.sha256()
    async with hub.database.read() as connection:
        for table in [*metadata.sorted_tables, *private_metadata.sorted_tables]:
            if not table.name.startswith(_TRAIL):
                rows = (await connection.execute(select(table))).all()
                digest.update(repr((table.name, sorted(map(repr, rows)))).encode())
    return digest.hexdigest()
