"""One sign-on from its beginning in a browser to the account it opens; each may be finished once."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from sqlalchemy import RowMapping, delete

from rider_hub.access.actor import PUBLIC
from rider_hub.access.hub import Hub
from rider_hub.access.sso.errors import NotLinked, SignOnDenied, SignOnExpired, SignOnRefused
from rider_hub.access.sso.links import account_of
from rider_hub.access.sso.provider import Provider
from rider_hub.access.sso.tables import sign_on_attempt
from rider_hub.access.sso.tokens import Identity, verified_identity
from rider_hub.errors import HubError
from rider_hub.logs import logger
from rider_hub.storage import insert_rows

__all__ = ["VALID_FOR", "Answer", "SignedOn", "begin", "finish"]

#: How long a person may take at the provider.
VALID_FOR = timedelta(minutes=10)
_MAX_TARGET = 500


@dataclass(frozen=True)
class Answer:
    """What the browser brings back from the provider."""

    state: str = ""
    code: str = ""
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True)
class SignedOn:
    """An account that was proved, where its person wanted to go, and whether by two factors."""

    account: RowMapping
    target: str
    second_factor: bool


async def begin(hub: Hub, provider: Provider, browser: str, target: str) -> str:
    """Note a sign-on of the browser that holds a secret; return where it is to go. Raises ProviderDown.

    Nonce and code verifier are made of the browser's secret and the state: the database holds neither, so a
    copy of it finishes nobody's sign-on.
    """
    state = secrets.token_urlsafe(32)
    url = await provider.authorization_url(
        state=state, nonce=_derived(browser, "nonce", state), verifier=_derived(browser, "verifier", state)
    )
    now = hub.clock.now()
    row = {
        "state_hash": _hash(state),
        "browser_hash": _hash(browser),
        "target": target if len(target) <= _MAX_TARGET else "/",
        "created_at": now,
    }
    async with hub.database.write() as connection:
        await connection.execute(
            delete(sign_on_attempt).where(sign_on_attempt.c.created_at <= now - VALID_FOR)
        )
        await insert_rows(connection, sign_on_attempt, [row])
    return url


async def finish(hub: Hub, provider: Provider, browser: str, answer: Answer) -> SignedOn:
    """Return the account of a visitor whom the provider signed on; a failure is audited here.

    Raises SignOnExpired where this browser began no such sign-on, SignOnDenied, SignOnRefused or ProviderDown
    where the provider's answer is no proof, NotLinked where no account in use is the person's.
    """
    target = await _taken(hub, browser, answer.state)
    try:
        identity = await _proved(hub, provider, browser, answer)
        account = await account_of(hub, identity.issuer, identity.subject)
        if account is None:
            raise NotLinked(identity.subject)
    except HubError as error:
        logger("sso").warning("not_signed_on", fault=error.code, why=getattr(error, "why", ""))
        await _failed(hub, error)
    return SignedOn(account, target, identity.second_factor)


async def _taken(hub: Hub, browser: str, state: str) -> str:
    """Take the attempt away, so that no answer serves twice, and return its target."""
    now = hub.clock.now()
    taken = (
        delete(sign_on_attempt)
        .where(
            sign_on_attempt.c.state_hash == _hash(state),
            sign_on_attempt.c.browser_hash == _hash(browser),
            sign_on_attempt.c.created_at > now - VALID_FOR,
        )
        .returning(sign_on_attempt.c.target)
    )
    async with hub.database.write() as connection:
        target = (await connection.execute(taken)).scalar()
    if target is None:
        raise SignOnExpired
    return str(target)


async def _proved(hub: Hub, provider: Provider, browser: str, answer: Answer) -> Identity:
    # The issuer comes before all else: an answer of another provider must not reach this one (RFC 9207).
    metadata = await provider.metadata()
    says = answer.issuer or (
        "" if metadata.authorization_response_iss_parameter_supported else metadata.issuer
    )
    if says != provider.settings.issuer:
        raise SignOnRefused("the answer is another issuer's")
    if answer.error or not answer.code:
        raise SignOnDenied
    tokens = await provider.exchange(answer.code, _derived(browser, "verifier", answer.state))
    keys = await provider.keys()

    def verified() -> Identity:
        return verified_identity(
            provider.settings,
            keys,
            tokens.id_token,
            nonce=_derived(browser, "nonce", answer.state),
            access_token=tokens.access_token,
            now=hub.clock.now(),
        )

    try:
        return verified()
    except SignOnRefused:
        # The provider may have changed its keys since they were read.
        old, keys = keys, await provider.keys(renewed=True)
        if keys is old:
            raise
    return verified()


async def _failed(hub: Hub, error: HubError) -> NoReturn:
    async with hub.change(PUBLIC, "session.open", target=f"single sign-on: {error.code}"):
        raise error


def _derived(browser: str, what: str, state: str) -> str:
    mac = hmac.new(browser.encode(), f"{what}.{state}".encode("utf-8", "replace"), hashlib.sha256)
    return urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
