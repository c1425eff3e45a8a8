"""Passwords: hashed with argon2id, in a thread, two at a time so that log-ins never starve ingestion."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from rider_hub.errors import Failure, Invalid

__all__ = ["MIN_LENGTH", "check_strength", "hash_password", "verify_password"]

MIN_LENGTH = 10
_AT_ONCE = 2
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_gates: dict[int, asyncio.Semaphore] = {}
#: Verified against when the user doesn't exist, so that both answers take the same work.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$p8V3LcVd8D3oZ3bF1U8o5x0V2b1G5n0sY9Z1tq5nJrE"


def check_strength(password: str, username: str) -> None:
    """Raise Invalid unless a password is long enough and does not hold the user's name."""
    if len(password) < MIN_LENGTH or (username and username.lower() in password.lower()):
        zh = f"密码至少 {MIN_LENGTH} 位，且不能包含用户名。"
        en = f"A password has at least {MIN_LENGTH} characters and does not hold the user name."
        raise Invalid(zh, en, errors=[Failure(row=0, path="password", code="password_weak", zh=zh, en=en)])


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    async with _gate():
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Say whether a password is the stored one; None (no such user) costs the same and is False."""
    async with _gate():
        return await asyncio.to_thread(_verify, stored or _NOBODY, password) and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except VerificationError:
        return False


def _gate() -> asyncio.Semaphore:
    # One gate a loop: a semaphore can't be shared between loops.
    loop = id(asyncio.get_running_loop())
    return _gates.setdefault(loop, asyncio.Semaphore(_AT_ONCE))
