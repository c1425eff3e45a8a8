"""Riders' sessions: rows that a copied database, even with the key file, can't join to riders.

Who and when is sealed twice: inside under a key made of the cookie's token, which the hub does not keep, and
outside under the hub's own key. In clear stand the token's hash and the day after which the row may go.
"""

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_tables import rider_session
from rider_hub.access.hub import Hub
from rider_hub.access.keys import KeyFault, Keyring
from rider_hub.storage import insert_rows

__all__ = [
    "KNOWN",
    "RiderSession",
    "close_rider_session",
    "find_rider_session",
    "open_rider_session",
    "token_hash",
]

_Known = Callable[[AsyncConnection, str], Awaitable[bool]]
#: Says whether a rider is still there; the application sets it, since riders stand above this folder. A
#: session can't be found by its rider, so after an erasure it is over by this question.
KNOWN: web.AppKey[_Known] = web.AppKey("known_rider", _Known)  # type: ignore[arg-type]

_NONCE = 12
_TAG = 16
#: Every envelope is filled up to one length.
_PAD = 320
#: A session's last use is written at most this often, so that reading a page is not a write.
_TOUCH = timedelta(minutes=1)


@dataclass(frozen=True)
class RiderSession:
    """What the row of a rider's session says to whoever holds the cookie."""

    rider_id: str
    phone: bytes | None
    csrf: str
    created_at: datetime
    seen_at: datetime


async def open_rider_session(hub: Hub, token: str, rider_id: str, phone: bytes | None) -> None:
    """Keep a new session of a rider under the token that the cookie will hold."""
    now = hub.clock.now()
    opened = RiderSession(rider_id, phone, secrets.token_urlsafe(24), now, now)
    row = {
        "token_hash": token_hash(token),
        "sealed": _seal(hub.keys, token, opened),
        "keep_until": _end_of_day(now + timedelta(hours=hub.settings.session_hours)),
    }
    async with hub.database.write() as connection:
        await insert_rows(connection, rider_session, [row])


async def find_rider_session(hub: Hub, token: str) -> RiderSession | None:
    """Return the live session of a token, None where there is none or it is over."""
    now = hub.clock.now()
    query = select(rider_session.c.sealed).where(rider_session.c.token_hash == token_hash(token))
    async with hub.database.read() as connection:
        sealed = (await connection.execute(query)).scalar_one_or_none()
    found = None if sealed is None else _open(hub.keys, token, sealed)
    idle = timedelta(minutes=hub.settings.session_idle_minutes)
    whole = timedelta(hours=hub.settings.session_hours)
    if found is None or found.seen_at <= now - idle or found.created_at <= now - whole:
        return None
    if found.seen_at < now - _TOUCH:
        touched = RiderSession(found.rider_id, found.phone, found.csrf, found.created_at, now)
        change = update(rider_session).where(rider_session.c.token_hash == token_hash(token))
        async with hub.database.write() as connection:
            await connection.execute(change.values(sealed=_seal(hub.keys, token, touched)))
    return found


async def close_rider_session(connection: AsyncConnection, token: str) -> None:
    """Delete the session of a token."""
    await connection.execute(delete(rider_session).where(rider_session.c.token_hash == token_hash(token)))


def token_hash(token: str) -> str:
    """Return what is kept of a session's token."""
    # Bytes that are no text stay what they were instead of being an error.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _seal(keys: Keyring, token: str, opened: RiderSession) -> bytes:
    plain = msgspec.json.encode(opened)
    plain += b" " * (-len(plain) % _PAD)
    nonce = secrets.token_bytes(_NONCE)
    encryptor = _cipher(keys.suite, token, modes.GCM(nonce)).encryptor()
    inner = nonce + encryptor.update(plain) + encryptor.finalize() + encryptor.tag
    content = {"inner": base64.b64encode(inner).decode()}
    return keys.seal("account", ("rider_session", "sealed", token_hash(token)), content)


def _open(keys: Keyring, token: str, sealed: bytes) -> RiderSession | None:
    try:
        content = keys.unseal("account", ("rider_session", "sealed", token_hash(token)), sealed)
        inner = base64.b64decode(content["inner"])
        nonce, body, tag = inner[:_NONCE], inner[_NONCE:-_TAG], inner[-_TAG:]
        decryptor = _cipher(keys.suite, token, modes.GCM(nonce, tag)).decryptor()
        plain = decryptor.update(body) + decryptor.finalize()
    except (KeyFault, InvalidTag):
        # A key that was taken away meanwhile ends the session; signing in again mends it.
        return None
    return msgspec.json.decode(plain, type=RiderSession)


def _cipher(suite: str, token: str, mode: modes.GCM) -> "Cipher[modes.GCM]":
    digest = hashes.SM3() if suite == "sm" else hashes.SHA256()
    kdf = HKDF(algorithm=digest, length=32, salt=None, info=b"rider session")
    key = kdf.derive(token.encode("utf-8", "surrogateescape"))
    return Cipher(algorithms.SM4(key[:16]) if suite == "sm" else algorithms.AES256(key), mode)


def _end_of_day(at: datetime) -> datetime:
    day = at.astimezone(UTC).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
