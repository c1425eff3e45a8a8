"""A real OpenID provider on this machine, and a proxy before it that changes what a test wants changed."""

import json
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from rider_hub.settings_sso import SignOnSettings

__all__ = [
    "CLIENT_ID",
    "PUBLIC_URL",
    "SECRET",
    "Front",
    "RealProvider",
    "new_key",
    "sign_on_settings",
    "signed_on",
]

CLIENT_ID, SECRET = "rider-hub", "a secret for tests: %+&"
PUBLIC_URL = "https://hub.example"
REDIRECT_URI = f"{PUBLIC_URL}/login/sso/callback"

_FOLDER = Path(__file__).resolve().parents[2] / "oidc_provider"
_PASSED_ON = {"content-type", "location", "set-cookie"}

Claims = dict[str, Any]


def new_key(name: str) -> RSAKey:
    """Return a fresh key of a provider."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


def sign_on_settings(issuer: str, **changed: Any) -> SignOnSettings:
    """Return what an operator would set for the provider."""
    return SignOnSettings(
        **{
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "redirect_uri": REDIRECT_URI,
            **changed,
        }
    )


class RealProvider:
    """The provider's process; its visitors come through the proxy, whose address its issuer is."""

    def __init__(self, issuer: str, key: RSAKey, **settings: Any) -> None:
        self.issuer, self.key, self._settings = issuer, key, settings
        self._start()

    def rotate(self, key: RSAKey) -> None:
        """Go on under another key, with nothing kept of the old one."""
        self.end()
        self.key = key
        self._start()

    def end(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.communicate(timeout=10)

    def _start(self) -> None:
        settings = {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "redirect_uris": [REDIRECT_URI],
            "jwks": {"keys": [self.key.as_dict(private=True)]},
            **self._settings,
        }
        node = _FOLDER / "node_modules" / ".bin" / "node"
        if not node.exists():
            pytest.fail("The tests need their OpenID provider: scripts/setup.sh tests")
        self._process = subprocess.Popen(
            [node, "server.js", json.dumps(settings)],
            cwd=_FOLDER,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().partition("ready on ")[2])


@dataclass
class Front:
    """What stands between the hub and the provider; without orders it changes nothing."""

    provider: RealProvider
    #: Makes another ID token of the claims of the real one.
    forge: Callable[[Claims], str] | None = None
    #: Replaces members of the provider's description.
    described: Mapping[str, Any] = field(default_factory=dict)
    #: Paths that answer as a broken server does.
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def serve(self, listening: socket.socket) -> web.AppRunner:
        """Answer on a socket until the runner is cleaned up."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        return runner

    def signed(self, claims: Claims, header: Mapping[str, Any] | None = None, key: Any = None) -> str:
        """Return claims as the provider itself would sign them."""
        given = {"alg": "RS256", "kid": self.provider.key.kid} | dict(header or {})
        return jwt.encode(given, claims, key or self.provider.key, algorithms=[given["alg"]])

    async def _pass_on(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path in self.broken:
            return web.Response(status=502, text="<html>bad gateway</html>", content_type="text/html")
        url = f"http://127.0.0.1:{self.provider.port}{request.path_qs}"
        async with (
            aiohttp.ClientSession(auto_decompress=True) as session,
            session.request(
                request.method, url, data=await request.read(), headers=request.headers, allow_redirects=False
            ) as answer,
        ):
            body = await answer.read()
        if request.path == "/token" and self.forge is not None and answer.status == 200:
            told = json.loads(body)
            claims = jwt.decode(told["id_token"], self.provider.key, algorithms=["RS256"]).claims
            body = json.dumps(told | {"id_token": self.forge(dict(claims))}).encode()
        if request.path.endswith("openid-configuration"):
            body = json.dumps(json.loads(body) | dict(self.described)).encode()
        passed = web.Response(status=answer.status, body=body)
        for name, value in answer.headers.items():
            if name.lower() in _PASSED_ON:
                passed.headers.add(name, value)
        return passed


async def signed_on(url: str, login: str) -> str:
    """Go through the provider's own pages as a person with a browser; return the path that leads back."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        at, answer = url, await browser.get(url, allow_redirects=False)
        for _ in range(12):
            assert answer.status in {302, 303}, await answer.text()
            at = urljoin(at, answer.headers["Location"])
            if at.startswith(PUBLIC_URL):
                return at.removeprefix(PUBLIC_URL)
            if "/interaction/" in at:
                form = {"prompt": "login", "login": login, "password": "anything"}
                answer = await browser.post(at, data=form, allow_redirects=False)
            else:
                answer = await browser.get(at, allow_redirects=False)
    pytest.fail("the provider did not lead back")
