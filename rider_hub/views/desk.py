"""工作台: what must I do today, what came in overnight, is every feed fresh."""

from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.requests.wording import STATES
from rider_hub.views.desk_figures import read_desk
from rider_hub.web.shell import render
from rider_hub.web.values import State, Tone

__all__ = ["routes"]

_FEED_STATES = {True: State("迟到", Tone.OVERDUE), False: State("正常", Tone.DONE)}


def routes() -> list[web.RouteDef]:
    """Return the page every member of staff begins with."""
    return guarded("desk.view", [web.get("/", _desk)])


async def _desk(request: web.Request) -> web.Response:
    desk = await read_desk(request.app[HUB], request[ACTOR])
    return await render(request, "views/desk.html", desk=desk, states=STATES, feed_states=_FEED_STATES)
