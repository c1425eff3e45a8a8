"""The whole application: every route stands behind the policy, and no page breaks for any role."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openpyxl import load_workbook

from rider_hub.access import Hub, Role
from rider_hub.access.actor import STAFF_ROLES
from rider_hub.access.guard import operation_of
from rider_hub.access.policy import OPERATIONS
from rider_hub.access.users import add_user
from rider_hub.app import build_app, unguarded_routes
from rider_hub.assignments import service
from rider_hub.demo.ground import console
from tests.factories import make_hub
from tests.rider_hub.assignments.county import COUNTY, County, bring_in_county
from tests.rider_hub.exporting import take_export

PASSWORD = "a password for tests"
STAFF = [role for role in Role if role in STAFF_ROLES]
Client = TestClient[web.Request, web.Application]
SignIn = Callable[[Role], Awaitable[Client]]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub that holds nothing yet."""
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


async def _client(hub: Hub) -> Client:
    client: Client = TestClient(TestServer(build_app(hub)))
    await client.start_server()
    return client


async def _sign_in(hub: Hub, client: Client, role: Role) -> None:
    divisions, platforms = ([], ["jia"]) if role is Role.PLATFORM_ACCOUNT else ([COUNTY], [])
    await add_user(
        hub,
        console(),
        username=role.value,
        display_name="测试员",
        password=PASSWORD,
        roles=[role],
        divisions=divisions,
        platforms=platforms,
        partners=["某企业"] if role is Role.PARTNER_ACCOUNT else [],
    )
    page = await (await client.get("/login")).text()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"username": role.value, "password": PASSWORD, "csrf": token}
    answer = await client.post("/login", data=form, allow_redirects=False)
    assert answer.status == 303


def _plain_paths(app: web.Application) -> dict[str, str]:
    """Return the paths of pages without parameters, with their operations."""
    found = {}
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if (
            route.method == "GET"
            and "{" not in path
            and not path.startswith(("/static", "/api"))
            and path != "/"
        ):
            found[path] = str(operation_of(route.handler))
    return found


async def test_every_route_stands_behind_an_operation_of_the_policy(hub: Hub) -> None:
    """A route without a rule does not exist, and every rule is one of the policy's."""
    app = build_app(hub)
    assert unguarded_routes(app) == []
    assert {operation_of(route.handler) for route in app.router.routes()} <= OPERATIONS.keys()


@pytest.mark.parametrize("role", STAFF)
async def test_each_page_opens_for_those_who_may_and_is_absent_for_others(hub: Hub, role: Role) -> None:
    """For every role and page: open on an empty hub where the policy says so, otherwise like absence."""
    client = await _client(hub)
    await _sign_in(hub, client, role)
    wrong = {}
    for path, operation in _plain_paths(client.app).items():  # type: ignore[arg-type]
        answer = await client.get(path, allow_redirects=False)
        expected = {200, 303} if role in OPERATIONS[operation] else {404}
        # Riders' pages are another sign-in's, and what a link opens is no role's.
        if answer.status not in expected and not path.startswith(("/r", "/hand-in/")):
            wrong[path] = answer.status
    await client.close()
    assert wrong == {}


async def test_a_stranger_is_led_to_the_sign_in(hub: Hub) -> None:
    """Pages of staff lead to the sign-in, the API answers 401 as problem+json; nothing else is said."""
    client = await _client(hub)
    paths = [
        path
        for path, operation in _plain_paths(client.app).items()
        if Role.PUBLIC not in OPERATIONS[operation]
    ]  # type: ignore[arg-type]
    wrong = {}
    for path in paths:
        answer = await client.get(path, allow_redirects=False)
        if answer.status != 303 or "login" not in answer.headers["Location"]:
            wrong[path] = answer.status
    asked = await client.post("/api/v1/locate", json={"lng": 116.4, "lat": 39.9, "frame": "wgs84"})
    await client.close()
    assert wrong == {}
    assert len(paths) > 10
    assert asked.content_type in {"application/json", "application/problem+json"}


async def _busy_county(hub: Hub) -> County:
    county = await bring_in_county(hub)
    run_id = await service.preview_run(hub, county.staff, COUNTY)
    await service.approve_run(hub, county.staff, run_id)
    await service.apply_run(hub, county.staff, run_id)
    return county


async def test_every_list_of_a_busy_county_opens_and_exports_all_its_rows(hub: Hub, tmp_path: Path) -> None:
    """Each ledger's workbook holds as many rows as its page says there are."""
    await _busy_county(hub)
    client = await _client(hub)
    await _sign_in(hub, client, Role.COUNTY_STAFF)
    exports = [path for path in _plain_paths(client.app) if path.endswith("/export.xlsx")]  # type: ignore[arg-type]
    counted = {}
    for path in exports:
        operation = _plain_paths(client.app)[path]  # type: ignore[arg-type]
        if Role.COUNTY_STAFF not in OPERATIONS[operation]:
            continue
        page = await (await client.get(path.removesuffix("/export.xlsx"))).text()
        told = int(page.partition("共 <b>")[2].partition("</b>")[0].replace(",", "") or -1)
        first = await client.get(path, allow_redirects=False)
        asked = first.status == 303
        body = (
            await take_export(hub, client, path.removesuffix("/export.xlsx")) if asked else await first.read()
        )
        (tmp_path / "export.xlsx").write_bytes(body)
        sheet = load_workbook(tmp_path / "export.xlsx").active
        assert sheet is not None
        head = next(
            row for row in range(1, 12) if sheet.print_title_rows and f"${row}" in sheet.print_title_rows
        )
        counted[path] = (told, sheet.max_row - head)
    await client.close()
    assert {path: pair for path, pair in counted.items() if pair[0] != pair[1]} == {}
    assert len(counted) > 8


async def test_health_pages_answer_without_signing_in(hub: Hub) -> None:
    """A proxy can ask whether the hub lives, is ready, and its metrics."""
    client = await _client(hub)
    statuses = [(await client.get(path)).status for path in ("/healthz", "/readyz", "/metrics")]
    await client.close()
    assert statuses == [200, 200, 200]


async def test_a_changing_form_without_its_token_is_refused(hub: Hub) -> None:
    """Another site can't have a signed-in person change anything."""
    client = await _client(hub)
    await _sign_in(hub, client, Role.COUNTY_STAFF)
    answer = await client.post("/match-runs/preview", data={})
    wrong = await client.post("/match-runs/preview", data={"csrf": "guess"})
    await client.close()
    assert (answer.status, wrong.status) == (403, 403)


async def test_signing_out_ends_the_session_at_once(hub: Hub) -> None:
    """A cookie kept after the sign-out opens nothing."""
    client = await _client(hub)
    await _sign_in(hub, client, Role.COUNTY_STAFF)
    kept = {cookie.key: cookie.value for cookie in client.session.cookie_jar}
    page = await (await client.get("/riders")).text()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    await client.post("/logout", data={"csrf": token}, allow_redirects=False)
    again = await client.get("/riders", cookies=kept, allow_redirects=False)
    await client.close()
    assert again.status == 303


@pytest.mark.parametrize(
    ("role", "place"),
    [(Role.COUNTY_STAFF, None), (Role.PLATFORM_ACCOUNT, "/portal"), (Role.SECURITY_ADMIN, "/approvals")],
)
async def test_home_leads_each_to_what_they_may_use(hub: Hub, role: Role, place: str | None) -> None:
    """The desk for staff, the first page of the menu for others."""
    client = await _client(hub)
    await _sign_in(hub, client, role)
    answer = await client.get("/", allow_redirects=False)
    await client.close()
    expected = (200, None) if place is None else (303, place)
    assert (answer.status, answer.headers.get("Location")) == expected
