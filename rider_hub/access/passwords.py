"""Passwords: hashed in a thread, two at a time so that log-ins never starve ingestion.

Suite `intl` hashes with argon2id, suite `sm` with PBKDF2-HMAC-SM3, since argon2 is no commercial-crypto
algorithm. The hash's first word tells which, so both are verified, and the other one is made anew at log-in.
"""

import asyncio
import base64
import hmac
import secrets
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

__all__ = ["hash_password", "is_outdated", "matches_any", "verify_password"]

_AT_ONCE = 2
_argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_SM3 = "$pbkdf2-sm3$"
_SM3_ROUNDS = 600_000
_gates: dict[int, asyncio.Semaphore] = {}
#: Verified against when the user doesn't exist, so that both answers take the same work.
_NOBODY = {
    "intl": "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA"
    "$p8V3LcVd8D3oZ3bF1U8o5x0V2b1G5n0sY9Z1tq5nJrE",
    "sm": f"{_SM3}{_SM3_ROUNDS}$c29tZXNhbHRzb21lc2FsdA==$p8V3LcVd8D3oZ3bF1U8o5x0V2b1G5n0sY9Z1tq5nJrE=",
}


async def hash_password(password: str, suite: str = "intl") -> str:
    """Return the hash of a password by the suite's algorithm."""
    async with _gate():
        return await asyncio.to_thread(_hash_sm3 if suite == "sm" else _argon2.hash, password)


async def verify_password(stored: str | None, password: str, suite: str = "intl") -> bool:
    """Say whether a password is the stored one; None (no such user) costs the same and is False."""
    async with _gate():
        found = await asyncio.to_thread(_verify, stored or _NOBODY[suite], password)
    return found and stored is not None


async def matches_any(stored: Sequence[str], password: str) -> bool:
    """Say whether a password is one of those used before."""
    return any([await verify_password(each, password) for each in stored])


def is_outdated(stored: str, suite: str) -> bool:
    """Say whether a hash is of another suite or of lesser work than hashes made today."""
    if suite == "sm":
        return not stored.startswith(f"{_SM3}{_SM3_ROUNDS}$")
    return stored.startswith(_SM3) or _argon2.check_needs_rehash(stored)


def _verify(stored: str, password: str) -> bool:
    if stored.startswith(_SM3):
        rounds, salt, digest = stored.removeprefix(_SM3).split("$")
        return hmac.compare_digest(
            _derive(password, base64.b64decode(salt), int(rounds)), base64.b64decode(digest)
        )
    try:
        return _argon2.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _hash_sm3(password: str) -> str:
    salt = secrets.token_bytes(16)
    digest = _derive(password, salt, _SM3_ROUNDS)
    return f"{_SM3}{_SM3_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _derive(password: str, salt: bytes, rounds: int) -> bytes:
    kdf = PBKDF2HMAC(algorithm=hashes.SM3(), length=32, salt=salt, iterations=rounds)
    return kdf.derive(password.encode("utf-8", "surrogatepass"))


def _gate() -> asyncio.Semaphore:
    # One gate a loop: a semaphore can't be shared between loops.
    loop = id(asyncio.get_running_loop())
    return _gates.setdefault(loop, asyncio.Semaphore(_AT_ONCE))
