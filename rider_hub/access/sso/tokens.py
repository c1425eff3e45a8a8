"""Whether an ID token can be believed: signature, issuer, audience, times, nonce; pure, no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from rider_hub.access.sso.errors import SignOnRefused
from rider_hub.settings_sso import SignOnSettings

__all__ = ["Identity", "signing_keys", "verified_identity"]

#: How far the provider's clock may lie from ours.
LEEWAY_SECONDS = 30
#: A token is used at once: an older one was kept by somebody.
MAX_AGE_SECONDS = 300
#: The longest subject the standard allows.
_MAX_SUBJECT = 255
_MAX_NAME = 64
_KINDS = frozenset({"RSA", "EC"})


@dataclass(frozen=True)
class Identity:
    """Somebody as the provider knows them; issuer and subject together never change hands."""

    issuer: str
    subject: str
    #: For showing alone: providers let people change it.
    name: str
    second_factor: bool


def signing_keys(document: Mapping[str, Any]) -> KeySet:
    """Return the provider's public keys for signatures; other kinds and unreadable ones are left out.

    A symmetric key in a published document is known to everyone, so it can prove nothing.
    """
    found: list[Key] = []
    for one in document.get("keys") or ():
        if not isinstance(one, dict) or one.get("kty") not in _KINDS or one.get("use", "sig") != "sig":
            continue
        try:
            found.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(found)


def verified_identity(
    settings: SignOnSettings,
    keys: KeySet,
    token: str,
    *,
    nonce: str,
    access_token: str,
    now: datetime,
) -> Identity:
    """Return who an ID token of the code flow speaks of (OpenID Connect Core 3.1.3.7).

    Raises SignOnRefused where anything is missing, wrong, or signed by an algorithm the settings don't name;
    BadSignature and unknown keys among them, so that the caller may look for new keys once.
    """
    claims = _claims(settings, keys, token, nonce, access_token)
    try:
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError) as error:
        raise SignOnRefused(str(error)) from error
    age = now.timestamp() - claims["iat"]
    if not -LEEWAY_SECONDS <= age <= MAX_AGE_SECONDS + LEEWAY_SECONDS:
        raise SignOnRefused("issued too long ago")
    # The list may name others only with `azp`, which CodeIDToken holds against our id.
    subject = claims["sub"]
    if not (isinstance(subject, str) and 0 < len(subject) <= _MAX_SUBJECT and subject.isprintable()):
        raise SignOnRefused("subject")
    name = claims.get(settings.name_claim)
    shown = name[:_MAX_NAME] if isinstance(name, str) and name.isprintable() else ""
    return Identity(settings.issuer, subject, shown, _second_factor(settings, claims))


def _claims(settings: SignOnSettings, keys: KeySet, token: str, nonce: str, access_token: str) -> Any:
    try:
        decoded = jwt.decode(token, keys, algorithms=settings.algorithms)
    except (JoseError, ValueError, TypeError, UnicodeError) as error:
        raise SignOnRefused(f"signature: {type(error).__name__}") from error
    wanted = {
        "iss": {"essential": True, "value": settings.issuer},
        "aud": {"essential": True, "value": settings.client_id},
        "nonce": {"essential": True, "value": nonce},
    }
    params = {"client_id": settings.client_id, "nonce": nonce, "access_token": access_token}
    return CodeIDToken(decoded.claims, decoded.header, wanted, params)


def _second_factor(settings: SignOnSettings, claims: Mapping[str, Any]) -> bool:
    methods = claims.get("amr")
    said: Sequence[Any] = [claims.get("acr"), *(methods if isinstance(methods, list) else ())]
    return any(isinstance(one, str) and one in settings.second_factors for one in said)
