"""The way an export of people takes in tests: asked for on its page, approved by another, downloaded."""

from dataclasses import replace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from rider_hub.access import ACTOR, Actor, Hub, Role, Scope
from rider_hub.access.answering import answer
from rider_hub.app import build_app

__all__ = ["app_as", "ask_for_export", "second_person", "take_all_exports", "take_export"]


def app_as(hub: Hub, actor: Actor) -> web.Application:
    """Wire the whole application with one visitor who is signed in."""
    app = build_app(hub)

    @web.middleware
    async def signed_in(request: web.Request, handler: Any) -> web.StreamResponse:
        request[ACTOR] = actor
        answered: web.StreamResponse = await handler(request)
        return answered

    app.middlewares.append(signed_in)
    return app


def second_person(*divisions: str, platforms: tuple[str, ...] = ()) -> Actor:
    """Return a colleague who may approve in these divisions."""
    role = Role.PLATFORM_ACCOUNT if platforms else Role.COUNTY_STAFF
    return Actor(
        id="user:second",
        display_name="第二人",
        roles=frozenset({role}),
        scope=Scope(divisions=divisions or (() if platforms else ("110101",)), platforms=platforms),
        scope_title="测试范围",
    )


async def ask_for_export(client: TestClient[Any, Any], path: str, query: str = "") -> str:
    """Ask for the export of a ledger on its page and return the id of the ask."""
    page = await (await client.get(f"{path}/export{query}")).text()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"reason": "check", "purpose": "核对本月台账", "csrf": token}
    answered = await client.post(f"{path}/export{query}", data=form, allow_redirects=False)
    assert answered.status == 303, await answered.text()
    return answered.headers["Location"].rpartition("/")[2]


async def take_export(
    hub: Hub, client: TestClient[Any, Any], path: str, query: str = "", *, approver: Actor | None = None
) -> bytes:
    """Return the workbook of a ledger of people, once asked for and approved."""
    asked = await ask_for_export(client, path, query)
    await answer(hub, approver or second_person(), asked, approve=True)
    taken = await client.get(f"{path}/export.xlsx?approval={asked}")
    assert taken.status == 200, await taken.text()
    return await taken.read()


async def take_all_exports(hub: Hub, client: TestClient[Any, Any], actor: Actor) -> dict[str, bytes]:
    """Take every export that the visitor may take, people with a second person's approval; by path."""
    taken = {}
    assert client.app is not None
    paths = {r.resource.canonical for r in client.app.router.routes() if r.method == "GET" and r.resource}
    for path in sorted(path for path in paths if path.endswith("/export.xlsx") and "{" not in path):
        first = await client.get(path, allow_redirects=False)
        if first.status == 404:
            continue
        if first.status == 303:
            approver = second_person(*actor.scope.divisions, platforms=actor.scope.platforms)
            approver = replace(approver, id="user:approver")
            ledger = path.removesuffix("/export.xlsx")
            taken[path] = await take_export(hub, client, ledger, approver=approver)
        else:
            taken[path] = await first.read()
    return taken
