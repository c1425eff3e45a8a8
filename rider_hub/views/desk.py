"""工作台: what must I do today, what came in overnight, is every feed fresh."""

from aiohttp import web

from rider_hub.access import ACTOR, HUB, guarded
from rider_hub.access.actor import PUBLIC
from rider_hub.access.policy import allows
from rider_hub.errors import Absent, Unauthenticated
from rider_hub.requests.wording import STATES
from rider_hub.views.desk_figures import read_desk
from rider_hub.web.shell import SHELL, render
from rider_hub.web.values import State, Tone

__all__ = ["routes"]

_FEED_STATES = {True: State("迟到", Tone.OVERDUE), False: State("正常", Tone.DONE)}


def routes() -> list[web.RouteDef]:
    """Return the page everybody begins with: the desk, or what else one may use."""
    return guarded("public", [web.get("/", _home)])


async def _home(request: web.Request) -> web.Response:
    actor = request[ACTOR]
    if allows(actor, "desk.view"):
        return await _desk(request)
    if actor.rider_id is not None:
        raise web.HTTPSeeOther("/r/")
    menu = request.app[SHELL].menu_for(actor)
    if menu and actor.roles != PUBLIC.roles:
        raise web.HTTPSeeOther(menu[0].path)
    raise Unauthenticated("请先登录。", "Please sign in first.") if actor.roles == PUBLIC.roles else Absent


async def _desk(request: web.Request) -> web.Response:
    desk = await read_desk(request.app[HUB], request[ACTOR])
    return await render(request, "views/desk.html", desk=desk, states=STATES, feed_states=_FEED_STATES)
