"""Every route of the application with an address to ask it by, and visitors signed in without a page."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from rider_hub.access import Hub, Role, guarded
from rider_hub.access.sessions import CSRF, open_session
from rider_hub.access.users import add_user
from rider_hub.app import build_app, runner_for
from rider_hub.demo.ground import console
from tests.rider_hub.access.openid import sign_on_settings

__all__ = ["CHANGING", "Route", "Visitor", "open_site", "routes_of"]

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
COUNTY = "110101"
RIDER = "r" * 32
#: One account may not hold two of the three administrator duties; these roles together open most pages.
_ROLES = [
    Role.COUNTY_STAFF,
    Role.STREET_STAFF,
    Role.BRANCH_SECRETARY,
    Role.INSTRUCTOR,
    Role.PLATFORM_ACCOUNT,
    Role.COUNSELLING_OFFICER,
    Role.SYSTEM_ADMIN,
]
#: Values for the places in paths; any other gets an id that nothing has.
_PLACES = {"code": COUNTY, "key": "streets", "platform": "ding", "type": "registration", "name": "app.css"}

Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True)
class Route:
    """One way to ask the hub."""

    method: str
    canonical: str
    signed: bool

    @property
    def path(self) -> str:
        """An address of the route, nothing special about it."""
        return re.sub(r"\{(\w+)[^}]*\}", lambda found: _PLACES.get(found[1], "0" * 32), self.canonical)

    @property
    def is_phone(self) -> bool:
        """Whether riders use it."""
        return self.canonical.startswith("/r")

    def __str__(self) -> str:
        """Name it as a test's report should."""
        return f"{self.method} {self.canonical}"


def routes_of(app: web.Application) -> Iterator[Route]:
    """Give every route of an application but those of this file."""
    for route in app.router.routes():
        canonical = route.resource.canonical if route.resource else ""
        if route.method != "HEAD" and not canonical.startswith("/for-tests/"):
            yield Route(route.method, canonical, getattr(route.handler, "signed", False))


@dataclass
class Visitor:
    """A browser that is signed in, and the token its forms carry."""

    client: Client
    token: str

    @property
    def cookies(self) -> str:
        """The cookies as a browser sends them."""
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in self.client.session.cookie_jar)

    async def ask(self, route: Route, **given: Any) -> Any:
        """Ask a route; redirects are not followed."""
        path = given.pop("path", route.path)
        return await self.client.request(route.method, path, allow_redirects=False, **given)


@dataclass
class Site:
    """The application, served as it is in use."""

    server: TestServer
    user_id: str
    routes: tuple[Route, ...]
    clients: list[Client]

    async def visitor(self, who: str = "staff") -> Visitor:
        """Return a new browser: `staff`, `rider` or `nobody`."""
        client: Client = TestClient(self.server)
        self.clients.append(client)
        if who != "nobody":
            await client.get(f"/for-tests/become/{who}")
        return Visitor(client, await (await client.get("/for-tests/token")).text())


@asynccontextmanager
async def open_site(hub: Hub) -> AsyncIterator[Site]:
    """Serve the whole application, single sign-on with it, for as many browsers as a test wants."""
    provider = sign_on_settings("http://127.0.0.1:9")  # where nobody answers
    hub = replace(hub, settings=replace(hub.settings, sign_on=provider))
    user_id = await add_user(
        hub,
        console(),
        username="all",
        display_name="测试员",
        password="a password for tests",
        roles=_ROLES,
        divisions=[COUNTY],
        platforms=["ding"],
    )

    async def become(request: web.Request) -> web.Response:
        response = web.Response()
        rider = request.match_info["who"] == "rider"
        owner = {"rider_id": RIDER, "phone": b"p" * 32} if rider else {"user_id": user_id}
        await open_session(request, response, **owner)
        return response

    async def token(request: web.Request) -> web.Response:
        return web.Response(text=request[CSRF])

    app = build_app(hub)
    added = [web.get("/for-tests/become/{who}", become), web.get("/for-tests/token", token)]
    app.add_routes(guarded("public", added))
    server = _Server(app)
    await server.start_server()
    site = Site(server, user_id, tuple(routes_of(app)), [])
    try:
        yield site
    finally:
        for client in site.clients:
            await client.close()
        await server.close()


class _Server(TestServer):
    """A server that leaves bodies as they were sent, as every server of the hub does."""

    async def _make_runner(self, **_: Any) -> web.AppRunner:
        return runner_for(self.app)
