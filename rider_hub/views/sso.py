"""Signing in by the provider of OpenID Connect that the settings name; absent where they name none."""

import re
import secrets

from aiohttp import web

from rider_hub.access import HUB, guarded
from rider_hub.access.addresses import cookies_are_secure
from rider_hub.access.signing_in import signed_on
from rider_hub.access.sso.flow import VALID_FOR, Answer, begin, finish
from rider_hub.access.sso.provider import Provider
from rider_hub.errors import HubError
from rider_hub.views.signin import go_on
from rider_hub.web.forms import Form
from rider_hub.web.shell import render
from rider_hub.web.values import path_or_home

__all__ = ["PROVIDER", "prepare", "routes"]

PATH = "/login/sso"
_COOKIE = "rider_hub_sso"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

#: The provider as this process knows it, where one is set.
PROVIDER = web.AppKey("provider", Provider)


def routes() -> list[web.RouteDef]:
    """Return no route: `prepare` adds them where the settings name a provider."""
    return []


def prepare(app: web.Application) -> None:
    """Put the provider of the settings on the application, and the two ends of a sign-on.

    It begins with a link and no form: the content security policy lets no form lead out of the hub.
    """
    sign_on = app[HUB].settings.sign_on
    if sign_on is not None:
        app[PROVIDER] = Provider(sign_on)
        app.add_routes(guarded("session.open", [web.get(PATH, _begin), web.get(f"{PATH}/callback", _finish)]))


async def _begin(request: web.Request) -> web.Response:
    provider = request.app[PROVIDER]
    target = path_or_home(request.query.get("next", "/"))
    # One secret a browser, so that two windows may sign on at once.
    browser = _browser(request) or secrets.token_urlsafe(32)
    try:
        url = await begin(request.app[HUB], provider, browser, target)
    except HubError as error:
        return await _told(request, error)
    response = web.Response(status=303, headers={"Location": url})
    response.set_cookie(
        _COOKIE,
        browser,
        max_age=int(VALID_FOR.total_seconds()),
        path=PATH,
        httponly=True,
        samesite="Lax",
        secure=cookies_are_secure(request),
    )
    return response


async def _finish(request: web.Request) -> web.Response:
    provider = request.app[PROVIDER]
    given = {name: request.query.get(name, "") for name in ("state", "code", "error")}
    answer = Answer(issuer=request.query.get("iss", ""), **given)
    try:
        proved = await finish(request.app[HUB], provider, _browser(request), answer)
        account = await signed_on(request.app[HUB], proved.account, second_factor_shown=proved.second_factor)
    except HubError as error:
        return await _told(request, error)
    response = await go_on(request, account, proved.target)
    response.del_cookie(_COOKIE, path=PATH)
    return response


async def _told(request: web.Request, error: HubError) -> web.Response:
    form = Form.filled().failed("sso", error.code, error.zh, error.en)
    return await render(request, "login.html", status=error.status, form=form, next="/")


def _browser(request: web.Request) -> str:
    given = request.cookies.get(_COOKIE, "")
    return given if _SECRET.fullmatch(given) else ""
