"""活动邀请 on the phone: answer what was sent, and choose about open activities."""

from typing import Literal

import msgspec
from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.inputs import takes
from rider_hub.consent.model import Purpose
from rider_hub.consent.store import current
from rider_hub.membership.service import bodies_for, own_membership
from rider_hub.outreach.answers import answer_invitation, own_invitations
from rider_hub.web.forms import read_form
from rider_hub.web.shell import render

__all__ = ["routes"]


class Answer(msgspec.Struct):
    """Yes or no to one invitation."""

    answer: Literal["yes", "no"]


def routes() -> list[web.RouteDef]:
    """Return the pages of a rider's invitations."""
    return guarded(
        "invitations.answer",
        [
            web.get("/r/invitations", _page),
            web.get("/r/invitations/open", _open),
            web.post("/r/invitations/{id}", _answer),
        ],
    )


async def _page(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    own = await own_membership(hub, actor)
    return await render(
        request,
        "views/phone/invitations.html",
        found=await own_invitations(hub, actor),
        is_open=own.consent(Purpose.OPEN_ACTIVITIES) is not None,
        withdrawn=request.query.get("done") == "1",
    )


async def _open(request: web.Request) -> web.Response:
    hub, actor = request.app[HUB], request[ACTOR]
    async with hub.look(actor, "membership.own") as look:
        notice = await current(look.connection, Purpose.OPEN_ACTIVITIES)
    bodies = [(each.code, each.name) for each in await bodies_for(hub, actor)]
    return await render(request, "views/phone/open_activities.html", notice=notice, bodies=bodies)


@takes(Answer)
async def _answer(request: web.Request) -> web.Response:
    accept = (await read_form(request, Answer)).checked().answer == "yes"
    await answer_invitation(request.app[HUB], request[ACTOR], request.match_info["id"], accept=accept)
    return web.Response(status=303, headers={"Location": "/r/invitations"})
