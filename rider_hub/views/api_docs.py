"""The published interface: the OpenAPI document, and a page to read it on."""

import msgspec
from aiohttp import web

from rider_hub.access import guarded
from rider_hub.views.openapi import document
from rider_hub.web.describing import Answer, Description, described
from rider_hub.web.shell import render

__all__ = ["routes"]


def routes() -> list[web.RouteDef]:
    """Return the public routes."""
    return guarded("public", [web.get("/api/openapi.json", _openapi), web.get("/api/docs", _docs)])


@described(
    Description(
        "openapi",
        "本接口文档（OpenAPI 3.1）",
        "This document (OpenAPI 3.1)",
        (Answer("文档", "The document", {"type": "object"}),),
    )
)
async def _openapi(request: web.Request) -> web.Response:
    # Made of the routes, which do not change while the hub runs, but cheap enough to be made when asked.
    text = msgspec.json.encode(document(request.app.router.routes()))
    return web.Response(body=msgspec.json.format(text, indent=1), content_type="application/json")


@described(
    Description(
        "docs",
        "接口说明页面",
        "A page to read this document on",
        (Answer("页面", "The page", {"type": "string"}, media="text/html"),),
    )
)
async def _docs(request: web.Request) -> web.Response:
    return await render(request, "views/api_docs.html")
