"""我的登记 and 我的数据 on the phone: what the hub holds of a rider, who opened it, what can be changed."""

from typing import Annotated

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.assignments.listing import Names
from rider_hub.assignments.store import current
from rider_hub.consent.ports import PORTS
from rider_hub.divisions.store import names
from rider_hub.errors import Invalid
from rider_hub.riders.own import choose_community, own_rider
from rider_hub.riders.own_phone import has_own_phone
from rider_hub.views.phone_opened import opened_for
from rider_hub.views.phone_reading import in_words
from rider_hub.views.phone_stations import search_communities
from rider_hub.web.forms import read_form
from rider_hub.web.shell import render

__all__ = ["routes"]

_OPERATION = "rider.own"
_CONSENTS, _TRAIL = "consents", "private_trail"


class Chosen(msgspec.Struct):
    """The community a rider chose."""

    community: Annotated[str, msgspec.Meta(title="社区", max_length=12)]


def routes() -> list[web.RouteDef]:
    """Return the pages of a rider's own registrations and data."""
    shown = [web.get("/r/me", _me), web.get("/r/me/community", _community), web.get("/r/data", _data)]
    return guarded(_OPERATION, [*shown, web.post("/r/me/community", _choose)])


async def _me(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, _OPERATION) as look:
        mine = await own_rider(look, hub)
        rider_id = actor.rider_id or ""
        # Where others' registrations are withheld, so is the place that was found by them.
        assigned = None if mine.withheld else (await current(look.connection, [rider_id])).get(rider_id)
        named = await Names.of(look.connection, [assigned] if assigned else [])
        chosen = mine.chosen_community or ""
        places = await names(look.connection, [chosen])
    return await render(
        request,
        "views/phone/me.html",
        mine=mine,
        cover=named.row(assigned) if assigned else None,
        why=named.reason(assigned) if assigned else "",
        chosen=places.get(chosen, chosen),
        done=request.query.get("done") == "1",
    )


async def _community(request: web.Request) -> web.Response:
    words = request.query.get("q", "")
    async with request.app[HUB].look(request[ACTOR], _OPERATION) as look:
        places = await search_communities(look.connection, words)
    return await render(request, "views/phone/community.html", words=words[:30], places=places, fault="")


@takes(Chosen)
async def _choose(request: web.Request) -> web.Response:
    form = await read_form(request, Chosen)
    try:
        await choose_community(request.app[HUB], request[ACTOR], form.checked().community)
    except Invalid as error:
        return await render(
            request, "views/phone/community.html", status=422, words="", places=[], fault=error.zh
        )
    return web.Response(status=303, headers={"Location": "/r/me?done=1"})


async def _data(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, _OPERATION) as look:
        mine = await own_rider(look, hub)
        own = await has_own_phone(look.connection, hub.keys, actor)
        sections = [
            section
            for handler in request.app[PORTS].export_private
            if own
            for section in await handler(look, hub.keys, actor.rider_id or "")
            if section.key != "private_trail"  # it stands among `opened`
        ]
        # The consents stand in a line each, and who looked under a heading of its own.
        consents = [record for section in sections if section.key == _CONSENTS for record in section.records]
        rest = [section for section in sections if section.key not in (_CONSENTS, _TRAIL)]
        read = await in_words(look.connection, rest)
        opened = await opened_for(look, hub.keys, actor.rider_id or "", private=own)
    return await render(
        request, "views/phone/data.html", mine=mine, sections=read, consents=consents, opened=opened
    )
