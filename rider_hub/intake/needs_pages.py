"""报送要求: what `GET …/requirements` answers a program, for a person to read."""

from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.errors import Absent
from rider_hub.intake import store
from rider_hub.intake.listing import platform_names
from rider_hub.intake.model import FEED_TITLES, FEEDS
from rider_hub.intake.needs import FORBIDDEN, in_words, needs_of
from rider_hub.web.shell import render

__all__ = ["routes"]


def routes() -> list[web.RouteDef]:
    """Return the page of what a sender must, may and must not send."""
    return guarded("feeds.view", [web.get("/feeds/senders/{platform}/requirements", _page)])


async def _page(request: web.Request) -> web.Response:
    platform = request.match_info["platform"]
    async with request.app[HUB].look(request[ACTOR], "feeds.view", target=f"sender:{platform}") as look:
        sender = await store.find_sender(look.connection, platform, look.scope)
        if sender is None:
            raise Absent
        named = await platform_names(look)
    return await render(
        request,
        "intake/needs.html",
        platform=platform,
        name=named[platform],
        sender=sender,
        needs=needs_of(sender),
        feeds=[(FEED_TITLES[kind], list(in_words(sender, kind))) for kind in FEEDS],
        forbidden=list(FORBIDDEN.values()),
    )
