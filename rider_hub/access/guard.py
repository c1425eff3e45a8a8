"""The guard before every route: the policy's answer, and the trail of its refusals."""

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps

from aiohttp import web

from rider_hub.access.actor import ACTOR, PUBLIC
from rider_hub.access.hub import HUB
from rider_hub.access.policy import OPERATIONS, allows
from rider_hub.errors import Absent, Invalid, Refused, Unauthenticated

__all__ = ["guarded", "is_signed", "operation_of"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guarded(operation: str, routes: Iterable[web.RouteDef], *, signed: bool = False) -> list[web.RouteDef]:
    """Put routes behind the policy; an operation that was never declared is a KeyError at start.

    With `signed`, each handler verifies a signature over the body: no cookie opens such a route, so no token
    against forged forms is asked of it.
    """
    OPERATIONS[operation]
    return [
        web.RouteDef(route.method, route.path, _behind(operation, route.handler, signed=signed), route.kwargs)
        for route in routes
    ]


def operation_of(handler: object) -> str | None:
    """Return the operation a route's handler stands behind, None where it has none."""
    return getattr(handler, "operation", None)


def is_signed(request: web.Request) -> bool:
    """Say whether a request goes to a route that verifies a signature; what it sends does not decide that."""
    return getattr(request.match_info.handler, "signed", False) is True


def _behind(operation: str, handler: Handler, *, signed: bool) -> Handler:
    @wraps(handler)
    async def check(request: web.Request) -> web.StreamResponse:
        _refuse_nul(request)
        actor = request.get(ACTOR, PUBLIC)
        if not allows(actor, operation):
            await request.app[HUB].refused(actor, operation, _asked(request))
            if actor.roles == PUBLIC.roles:
                raise Unauthenticated("请先登录。", "Please sign in first.")
            raise Refused
        return await handler(request)

    check.operation = operation  # type: ignore[attr-defined]
    check.signed = signed  # type: ignore[attr-defined]
    return check


def _refuse_nul(request: web.Request) -> None:
    """Refuse NUL in an address: no text of a database holds it, so PostgreSQL would fail on it."""
    if any("\0" in value for value in request.match_info.values()):
        raise Absent
    if any("\0" in value for value in request.query.values()):
        raise Invalid("网址中有无效字符。", "The address holds a character that no text has.")


def _asked(request: web.Request) -> str:
    """Return the route as it is declared: what stands in a path may be a person's."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else ''}"
