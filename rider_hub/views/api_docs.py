"""The published interface: its OpenAPI document with a page to read it on, and the streams' AsyncAPI."""

from typing import Any

import msgspec
from aiohttp import web

from rider_hub.access import guarded
from rider_hub.views import asyncapi
from rider_hub.views.openapi import document
from rider_hub.web.describing import Answer, Description, described
from rider_hub.web.shell import render

__all__ = ["routes"]


def routes() -> list[web.RouteDef]:
    """Return the public routes."""
    return guarded(
        "public",
        [
            web.get("/api/openapi.json", _openapi),
            web.get("/api/asyncapi.json", _asyncapi),
            web.get("/api/docs", _docs),
        ],
    )


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
    return _json(document(request.app.router.routes()))


@described(
    Description(
        "asyncapi",
        "数据流接口文档（AsyncAPI 3）",
        "The document of streams (AsyncAPI 3)",
        (Answer("文档", "The document", {"type": "object"}),),
    )
)
async def _asyncapi(request: web.Request) -> web.Response:  # noqa: ARG001 - the same in every hub
    return _json(asyncapi.document())


def _json(found: dict[str, Any]) -> web.Response:
    body = msgspec.json.format(msgspec.json.encode(found), indent=1)
    return web.Response(body=body, content_type="application/json")


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
