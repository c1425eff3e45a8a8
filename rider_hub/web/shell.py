"""The shell around every page: templates, menu, who is signed in; knows no capability's data."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from rider_hub.access import ACTOR, Actor
from rider_hub.access.actor import PUBLIC
from rider_hub.access.policy import allows
from rider_hub.access.sessions import CSRF
from rider_hub.clock import Clock, SystemClock
from rider_hub.web import values
from rider_hub.web.assets import static_url
from rider_hub.web.maps import Tiles

__all__ = ["SHELL", "MenuItem", "Shell", "Top", "is_fragment", "render"]

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class MenuItem:
    """One line of the left menu; `operation` (of the policy) says who sees it, None everyone."""

    key: str
    title: str
    path: str
    icon: str
    operation: str | None = None
    #: Not shown to whoever may do this operation: another item leads there.
    unless: str | None = None


@dataclass(frozen=True)
class Top:
    """What the top bar shows of the viewer's own work: open tasks, and divisions inside the own scope."""

    todo: int | None = None
    #: (title, path) of the divisions one may narrow the view to; only downwards.
    divisions: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Shell:
    """Everything that pages share, wired once at start.

    `template_folders` are the capabilities' `rider_hub/<capability>/templates`; their templates are named
    `<capability>/<file>.html`.
    """

    template_folders: Iterable[Path] = ()
    menu: Sequence[MenuItem] = ()
    clock: Clock = field(default_factory=SystemClock)
    product: str = "骑手党建服务"
    #: Where the search box of the top bar sends its `q`; empty hides the box, as does `search_operation`.
    search_path: str = ""
    #: The operation (of the policy) of that page.
    search_operation: str = "riders.view"
    todo_path: str = "/"
    login_path: str = "/login"
    logout_path: str = "/logout"
    #: Where a member of staff finds the own account; empty hides the link.
    account_path: str = ""
    #: Where single sign-on begins; empty hides its button.
    sign_on_path: str = ""
    #: Pages below this path are the riders': another layout, another sign-in.
    phone_path: str = "/r/"
    phone_login_path: str = "/r/login"
    tiles: Tiles | None = None
    top: Callable[[web.Request], Awaitable[Top]] | None = None
    #: At most two exports are written at once, or pages would wait for them.
    exports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    environment: jinja2.Environment = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", _environment(tuple(self.template_folders)))

    def menu_for(self, actor: Actor) -> list[MenuItem]:
        """Return the items the actor may use; nothing is shown greyed out."""
        shown = [item for item in self.menu if item.operation is None or allows(actor, item.operation)]
        return [item for item in shown if item.unless is None or not allows(actor, item.unless)]

    def is_phone(self, request: web.Request) -> bool:
        """Say whether a request is for a rider's page."""
        return request.path.startswith(self.phone_path) or request.path == self.phone_path.rstrip("/")


#: Where the application keeps its shell.
SHELL = web.AppKey("shell", Shell)


def is_fragment(request: web.Request) -> bool:
    """Say whether htmx asks for a part of a page (a drawer, a panel) and not for a whole one."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


async def render(request: web.Request, template: str, /, status: int = 200, **context: Any) -> web.Response:
    """Return a page: the template with the context and what every page is given (actor, menu, csrf, now)."""
    shell = request.app[SHELL]
    actor = request.get(ACTOR, PUBLIC)
    items = shell.menu_for(actor)
    top = await shell.top(request) if shell.top is not None and not shell.is_phone(request) else Top()
    given = {
        "shell": shell,
        "actor": actor,
        "signed_in": actor.roles != PUBLIC.roles,
        "menu": items,
        "menu_key": _current(items, request.path),
        "top": top,
        "may_search": bool(shell.search_path) and allows(actor, shell.search_operation),
        "csrf": request.get(CSRF, ""),
        "now": shell.clock.now(),
        "fragment": is_fragment(request),
        "path": request.path,
    }
    text = shell.environment.get_template(template).render(given | context)
    headers = {"Vary": "HX-Request"}
    if is_fragment(request) and _is_whole_page(text):
        # A row of a ledger may lead to a page of its own: the browser then goes there, not its drawer.
        text, headers["HX-Redirect"] = "", request.path_qs
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def _is_whole_page(text: str) -> bool:
    return text.lstrip()[:9].lower() == "<!doctype"


def _current(items: Sequence[MenuItem], path: str) -> str | None:
    """Find the menu item whose path is the longest beginning of this one."""
    found = [item for item in items if path == item.path or path.startswith(item.path.rstrip("/") + "/")]
    found = [item for item in found if item.path != "/" or path == "/"]
    return max(found, key=lambda item: len(item.path)).key if found else None


@cache
def _environment(folders: Sequence[Path]) -> jinja2.Environment:
    """Return the templates of these folders, each compiled once a process, whatever shells there are."""
    named = {folder.parent.name: jinja2.FileSystemLoader(folder) for folder in folders}
    loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(_TEMPLATES), jinja2.PrefixLoader(named)])
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(static_url=static_url, state_of=values.state_of, EMPTY=values.EMPTY)
    environment.filters.update(
        minute=values.minute, day=values.day, number=values.number, ago=values.ago, own_path=values.own_path
    )
    return environment
