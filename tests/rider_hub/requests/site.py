"""An application of some capabilities' pages, where a test says who the visitor is."""

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from rider_hub.access import ACTOR, HUB, Actor, Hub
from rider_hub.access.actor import PUBLIC
from rider_hub.access.sessions import CSRF, Handler, protect
from rider_hub.web.assets import static_routes
from rider_hub.web.headers import security_headers
from rider_hub.web.problems import problems
from rider_hub.web.shell import SHELL, MenuItem, Shell
from tests.rider_hub.requests.ground import TEMPLATES

__all__ = ["TOKEN", "Visitor", "build_site"]

TOKEN = "token-of-the-test"
_MENU = (
    MenuItem("desk", "工作台", "/", "desk", "desk.view"),
    MenuItem("requests", "诉求", "/requests", "request", "requests.view"),
)


@dataclass
class Visitor:
    """Whoever opens pages now."""

    actor: Actor = PUBLIC


def build_site(hub: Hub, visitor: Visitor, routes: Iterable[web.RouteDef]) -> web.Application:
    """Wire the routes as the application does, but for the sessions."""

    @web.middleware
    async def visit(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[ACTOR], request[CSRF] = visitor.actor, TOKEN
        return await handler(request)

    app = web.Application(middlewares=[security_headers, problems, visit, protect])
    app[HUB] = hub
    folders = sorted(TEMPLATES.glob("*/templates"))
    app[SHELL] = Shell(template_folders=folders, menu=_MENU, clock=hub.clock)
    app.add_routes([*routes, *static_routes()])
    return app
