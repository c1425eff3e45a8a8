"""A small site of some capability's pages, seen by one member of staff; for tests of pages."""

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import rider_hub
from rider_hub.access import ACTOR, HUB, Actor, Hub
from rider_hub.access.sessions import CSRF
from rider_hub.web import SHELL, Shell, problems

__all__ = ["staff_site"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def staff_site(hub: Hub, actor: Actor, modules: Sequence[str]) -> AsyncIterator[TestClient[Any, Any]]:
    """Serve the pages of modules on loopback to one actor who is signed in."""

    @web.middleware
    async def signed_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[ACTOR] = actor
        request[CSRF] = "token"
        return await handler(request)

    app = web.Application(middlewares=[signed_in, problems])
    app[HUB] = hub
    folders = sorted(Path(rider_hub.__file__).parent.glob("*/templates"))
    app[SHELL] = Shell(template_folders=folders, clock=hub.clock)
    for name in modules:
        app.add_routes(importlib.import_module(name).routes())
    client: TestClient[Any, Any] = TestClient(TestServer(app))
    await client.start_server()
    try:
        yield client
    finally:
        await client.close()
