"""Where a visitor of the sign-in comes from: the address, and the marks of accounts this browser knows."""

from aiohttp import web

from rider_hub.access.addresses import address_group, client_address
from rider_hub.access.hub import HUB
from rider_hub.access.lockout import Client, device_mark, is_known_device, password_since
from rider_hub.access.sessions import set_cookie

__all__ = ["client_of", "remember_device"]

_COOKIE = "rider_hub_known"
#: Desks are shared: so many accounts may be known to one browser.
_MOST = 6
_DAYS_S = 180 * 24 * 3600
#: No mark has a "~": they are URL-safe base64, a dot and hexadecimal digits.
_BETWEEN = "~"


async def client_of(request: web.Request, username: str) -> Client:
    """Return what tries at an account are counted by, for this visitor."""
    hub = request.app[HUB]
    since = await password_since(hub, username)
    known = next((mark for mark in _marks(request) if is_known_device(hub.keys, username, since, mark)), None)
    return Client(address_group(client_address(request)), known)


async def remember_device(request: web.Request, response: web.StreamResponse, username: str) -> None:
    """Mark the browser as one that signed in to the account, so that strangers can't lock it out.

    The mark ends with the password: whoever is thrown out by a reset guesses as a stranger.
    """
    hub = request.app[HUB]
    since = await password_since(hub, username)
    others = [mark for mark in _marks(request) if not is_known_device(hub.keys, username, since, mark)]
    marks = [device_mark(hub.keys, username, since), *others][:_MOST]
    set_cookie(request, response, _COOKIE, _BETWEEN.join(marks), max_age=_DAYS_S)


def _marks(request: web.Request) -> list[str]:
    return [
        mark for mark in request.cookies.get(_COOKIE, "").split(_BETWEEN)[:_MOST] if mark and mark.isascii()
    ]
