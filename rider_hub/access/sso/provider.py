"""Talking to the OpenID provider: its description, its keys, a code for a token; cached, and bounded."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet

from rider_hub.access.sso.errors import ProviderDown, SignOnRefused
from rider_hub.access.sso.tokens import signing_keys
from rider_hub.settings_sso import SignOnSettings

__all__ = ["Provider", "Tokens"]

_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
_MAX_BYTES = 256 * 1024
_KEPT_SECONDS = 3600
#: A token with an unknown key makes the keys be read anew, but not by the hundred.
_RENEWED_SECONDS = 10
_OK = 200
_REFUSALS = range(400, 500)

T = TypeVar("T")


class Metadata(msgspec.Struct):
    """What the hub reads of the provider's own description (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct):
    """What the provider gives for a code."""

    id_token: str
    access_token: str = ""


class Provider:
    """The provider of the settings as this process knows it."""

    def __init__(self, settings: SignOnSettings) -> None:
        self.settings = settings
        self._metadata: Metadata | None = None
        self._metadata_at = self._keys_at = -float(_KEPT_SECONDS)
        self._keys = KeySet([])
        self._lock = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Return the provider's description; raises ProviderDown where it has none of this issuer."""
        async with self._lock:
            if self._metadata is None or time.monotonic() - self._metadata_at > _KEPT_SECONDS:
                url = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = _decode(await self._ask("GET", url), Metadata)
                self._check(found)
                self._metadata, self._metadata_at = found, time.monotonic()
            return self._metadata

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Return where a visitor is sent to sign on."""
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        endpoint = (await self.metadata()).authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def exchange(self, code: str, verifier: str) -> Tokens:
        """Return the tokens for a code; raises SignOnRefused where the provider does not take it."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "code_verifier": verifier,
        }
        client, secret = self.settings.client_id, self.settings.client_secret
        headers = {}
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        else:
            form |= {"client_id": client, "client_secret": secret}
        return _decode(await self._ask("POST", metadata.token_endpoint, form, headers), Tokens)

    async def keys(self, *, renewed: bool = False) -> KeySet:
        """Return the provider's keys; with `renewed`, read anew unless that was just done."""
        metadata = await self.metadata()
        async with self._lock:
            age = time.monotonic() - self._keys_at
            if age > (_RENEWED_SECONDS if renewed else _KEPT_SECONDS):
                document = _decode(await self._ask("GET", metadata.jwks_uri), dict[str, Any])
                self._keys, self._keys_at = signing_keys(document), time.monotonic()
            return self._keys

    def _check(self, found: Metadata) -> None:
        if found.issuer != self.settings.issuer:
            raise ProviderDown("the description names another issuer")
        if urlsplit(self.settings.issuer).scheme != "https":
            return
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if urlsplit(url).scheme != "https":
                raise ProviderDown("an endpoint is not https")

    async def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session,
                session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                body = await answer.content.read(_MAX_BYTES + 1)
                while not answer.content.at_eof() and len(body) <= _MAX_BYTES:
                    body += await answer.content.read(_MAX_BYTES + 1 - len(body))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ProviderDown(type(error).__name__) from error
        if method == "POST" and answer.status in _REFUSALS:
            raise SignOnRefused("the provider does not take the code")
        if answer.status != _OK or len(body) > _MAX_BYTES:
            raise ProviderDown(f"answered {answer.status} with {len(body)} bytes")
        return body


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProviderDown("an answer that can't be read") from error
