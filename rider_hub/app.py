"""The web application: every capability's routes behind one chain of middlewares; jobs inside where set."""

import importlib
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from aiohttp import web

from jobs import scheduler
from jobs.registry import registry
from rider_hub.access import ACTOR, HUB, Hub, guarded
from rider_hub.access.guard import operation_of
from rider_hub.access.policy import allows
from rider_hub.access.rider_sessions import KNOWN
from rider_hub.access.sealer import sealing
from rider_hub.access.sessions import identify, protect
from rider_hub.consent.ports import PORTS
from rider_hub.requests.reach import reach_of
from rider_hub.requests.store import counts_waiting
from rider_hub.riders.pages import SECTIONS
from rider_hub.riders.store import is_known
from rider_hub.views.jobs import SCHEDULE, Scheduled
from rider_hub.views.openapi import document
from rider_hub.views.ports import wired
from rider_hub.web.assets import static_routes
from rider_hub.web.headers import security_headers
from rider_hub.web.problems import problems
from rider_hub.web.shell import SHELL, MenuItem, Shell, Top

__all__ = ["api_document", "build_app", "runner_for", "unguarded_routes"]

#: Modules that offer `routes()`, in the order of the flow.
_ROUTES = (
    "rider_hub.views.signin",
    "rider_hub.views.sso",
    "rider_hub.views.setup",
    "rider_hub.views.account",
    "rider_hub.views.accounts",
    "rider_hub.views.desk",
    "rider_hub.views.portal",
    "rider_hub.views.map",
    "rider_hub.views.phone",
    "rider_hub.views.about",
    "rider_hub.intake.api",
    "rider_hub.intake.pages",
    "rider_hub.intake.snapshot_pages",
    "rider_hub.intake.check_pages",
    "rider_hub.intake.upload_pages",
    "rider_hub.intake.key_pages",
    "rider_hub.intake.needs_pages",
    "rider_hub.intake.link_pages",
    "rider_hub.intake.hand_in_pages",
    "rider_hub.intake.mapping_pages",
    "rider_hub.riders.pages",
    "rider_hub.organizations.pages",
    "rider_hub.lovestations.api",
    "rider_hub.lovestations.pages",
    "rider_hub.assignments.pages",
    "rider_hub.membership.pages",
    "rider_hub.outreach.pages",
    "rider_hub.requests.phone",
    "rider_hub.requests.pages",
    "rider_hub.views.rights",
    "rider_hub.views.jobs",
    "rider_hub.views.approvals",
    "rider_hub.views.emergency",
    "rider_hub.views.audit",
    "rider_hub.views.health",
    "rider_hub.views.api_docs",
)

_MENU = (
    MenuItem("desk", "工作台", "/", "desk", "desk.view"),
    MenuItem("portal", "接入概览", "/portal", "desk", "portal.view"),
    MenuItem("station-feeds", "站点报送", "/feeds/stations", "feed", "links.view", unless="feeds.view"),
    MenuItem("map", "一张图", "/map", "map", "map.view"),
    MenuItem("riders", "骑手台账", "/riders", "riders", "riders.view"),
    MenuItem("matching", "匹配结果", "/assignments", "match", "match.view"),
    MenuItem("runs", "匹配任务", "/match-runs", "branch", "match.approve"),
    MenuItem("invitations", "活动邀请", "/invitations", "invite", "invitations.view"),
    MenuItem("members", "党员申报核验", "/members", "check", "membership.verify"),
    MenuItem("member-totals", "党员人数", "/member-totals", "chart", "membership.totals"),
    MenuItem("requests", "诉求", "/requests", "request", "requests.view"),
    MenuItem("rights", "权利请求", "/rights", "shield", "rights.handle"),
    MenuItem("stations", "站点", "/stations", "station", "stations.view"),
    MenuItem("organizations", "党组织", "/organizations", "organization", "organizations.view"),
    MenuItem("lovestations", "驿站", "/lovestations", "love", "organizations.view"),
    MenuItem("feeds", "数据接入", "/feeds", "feed", "feeds.view"),
    MenuItem("jobs", "定时任务", "/jobs", "job", "jobs.view"),
    MenuItem("approvals", "审批", "/approvals", "done", "approvals.view"),
    MenuItem("audit", "审计", "/audit", "list", "audit.view"),
    MenuItem("emergency", "紧急访问", "/emergency", "soon", "emergency.view"),
    MenuItem("accounts", "账号", "/accounts", "gear", "users.view"),
)


def build_app(hub: Hub, *, jobs_inside: bool = False) -> web.Application:
    """Wire the application around a hub; with `jobs_inside` its scheduler runs in the same process."""
    app = web.Application(middlewares=[security_headers, problems, identify, protect])
    app[HUB] = hub
    app[KNOWN] = is_known
    app[PORTS] = wired()
    app[SECTIONS] = []
    app[SCHEDULE] = {
        job.name: Scheduled(job.name, job.title, job.purpose, job.due.words, job.counted, job.withheld)
        for job in registry().values()
    }
    app[SHELL] = Shell(
        template_folders=_template_folders(),
        menu=_MENU,
        clock=hub.clock,
        search_path="/riders",
        account_path="/account",
        todo_path="/requests?sort=due_at",
        sign_on_path="/login/sso" if hub.settings.sign_on is not None else "",
        top=_top,
    )
    for module in _modules():
        app.add_routes(module.routes())
        if hasattr(module, "prepare"):
            module.prepare(app)
    app.add_routes(guarded("public", static_routes()))
    app.cleanup_ctx.append(_sealing)
    if jobs_inside:
        app.cleanup_ctx.append(_jobs)
    return app


def api_document() -> dict[str, Any]:
    """Return the OpenAPI document of the routes as they are served; needs no hub."""
    router = web.UrlDispatcher()
    for module in _modules():
        router.add_routes(module.routes())
    return document(router.routes())


def _modules() -> list[ModuleType]:
    return [importlib.import_module(name) for name in _ROUTES]


def runner_for(app: web.Application, *, shutdown_timeout: float = 4) -> web.AppRunner:
    """Return the runner every server of the hub uses.

    Bodies are left as they were sent: a push is signed over its compressed bytes, and inflating comes after
    the signature, within limits. When it is cleaned up, requests under way have `shutdown_timeout` seconds to
    end, twice (aiohttp waits once, cancels the reading, and waits again), and are then cancelled: a batch
    stops, what it has not committed is rolled back, and its sender resumes it.
    """
    return web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=shutdown_timeout)


def unguarded_routes(app: web.Application) -> list[str]:
    """Return the routes that stand behind no operation of the policy; there must be none."""
    return [
        f"{route.method} {route.resource.canonical if route.resource else '?'}"
        for route in app.router.routes()
        if operation_of(route.handler) is None
    ]


async def _top(request: web.Request) -> Top:
    """Return how many answers are owed to riders in the viewer's scope."""
    actor = request[ACTOR]
    if not allows(actor, "requests.view"):
        return Top()
    async with request.app[HUB].look(actor, "requests.view") as look:
        waiting, _ = await counts_waiting(look.connection, reach_of(look.actor), look.now)
    return Top(todo=waiting)


async def _sealing(app: web.Application) -> AsyncIterator[None]:
    async with sealing(app[HUB]):
        yield


async def _jobs(app: web.Application) -> AsyncIterator[None]:
    clock = scheduler.start(app[HUB])
    yield
    clock.shutdown(wait=False)


def _template_folders() -> list[Path]:
    spec = find_spec("rider_hub")
    root = Path(spec.submodule_search_locations[0])  # type: ignore[union-attr,index]
    return sorted(root.glob("*/templates"))
