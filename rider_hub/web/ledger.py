"""The routes of a ledger: its page, and its export; see `web.ledger_view` for the description itself."""

from aiohttp import web

from rider_hub.access.inputs import takes
from rider_hub.web import exporting
from rider_hub.web.forms import PurposeForm
from rider_hub.web.ledger_view import Action, Column, Ledger, LedgerView, ledger_view
from rider_hub.web.shell import render

__all__ = ["Action", "Column", "Ledger", "LedgerView", "export_routes", "ledger_routes", "ledger_view"]


def ledger_routes(ledger: Ledger, path: str) -> list[web.RouteDef]:
    """Return the routes of a ledger: its page at `path`, and those of its export."""

    async def page(request: web.Request) -> web.Response:
        return await render(request, ledger.template, view=await ledger_view(ledger, request, path))

    return [web.get(path, page), *export_routes(ledger, path)]


def export_routes(ledger: Ledger, path: str) -> list[web.RouteDef]:
    """Return the routes of a ledger's export: `path`/export.xlsx, and `path`/export to ask for people."""
    if not ledger.exported:
        return []
    if not ledger.personal:

        async def direct(request: web.Request) -> web.Response:
            return await exporting.direct(ledger, request)

        return [web.get(f"{path}/export.xlsx", direct)]

    async def asking(request: web.Request) -> web.Response:
        return await exporting.asking(ledger, request)

    @takes(PurposeForm)
    async def ask(request: web.Request) -> web.Response:
        return await exporting.ask(ledger, request)

    async def take(request: web.Request) -> web.Response:
        return await exporting.take(ledger, request)

    return [
        web.get(f"{path}/export", asking),
        web.post(f"{path}/export", ask),
        web.get(f"{path}/export.xlsx", take),
    ]
