"""Headers that protect every answer of the hub."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from rider_hub.access.addresses import came_by_https
from rider_hub.web.shell import SHELL

__all__ = ["security_headers"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{tiles}; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
}

#: Browsers that came by https once come by nothing else for a year.
_HSTS = "max-age=31536000"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the content security policy and its companions on every answer; it belongs outermost."""
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        _protect(request, answer)
        raise
    _protect(request, response)
    return response


def _protect(request: web.Request, response: web.StreamResponse) -> None:
    if response.prepared:
        return
    shell = request.app.get(SHELL)
    tiles = f" {shell.tiles.origin}" if shell is not None and shell.tiles is not None else ""
    response.headers.setdefault("Content-Security-Policy", _POLICY.format(tiles=tiles))
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if came_by_https(request):
        response.headers.setdefault("Strict-Transport-Security", _HSTS)
    # Pages hold personal data: no shared or disk cache keeps them.
    response.headers.setdefault("Cache-Control", "no-store")
