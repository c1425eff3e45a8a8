"""The second factor: time codes of an authenticator app (RFC 6238), and recovery codes for who lost it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_tables import recovery_code, second_factor
from rider_hub.access.actor import Role
from rider_hub.access.keys import Keyring
from rider_hub.settings import Settings
from rider_hub.storage import insert_rows, upsert_rows

__all__ = [
    "RECOVERY_CODES",
    "confirm",
    "factor_since",
    "is_required",
    "new_recovery_codes",
    "offer_secret",
    "provisioning_uri",
    "recovery_codes_left",
    "remove",
    "use_code",
]

RECOVERY_CODES = 10
_STEP_S = 30
_DRIFT = 1
_DIGITS = 6
_ISSUER = "骑手党建服务"


def is_required(settings: Settings, roles: Iterable[Role]) -> bool:
    """Say whether an account with these roles must have a second factor."""
    return not settings.demo and bool(set(settings.second_factor_roles) & {str(role) for role in roles})


async def factor_since(connection: AsyncConnection, user_id: str) -> datetime | None:
    """Return since when an account has a second factor, None where it has none."""
    query = select(second_factor.c.confirmed_at).where(second_factor.c.user_id == user_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def offer_secret(connection: AsyncConnection, keys: Keyring, user_id: str) -> str:
    """Return the secret to show until it is confirmed; the same one each time, so that a reload is harmless.

    What was confirmed before stays in force until the new one is.
    """
    query = select(second_factor.c.pending).where(second_factor.c.user_id == user_id)
    pending = (await connection.execute(query)).scalar_one_or_none()
    if pending is not None:
        return _opened(keys, "pending", user_id, pending)
    secret = pyotp.random_base32()
    pending = _sealed(keys, "pending", user_id, secret)
    row = {"user_id": user_id, "sealed": None, "pending": pending, "last_step": 0, "confirmed_at": None}
    kept = ["sealed", "last_step", "confirmed_at"]
    await upsert_rows(connection, second_factor, [row], key=["user_id"], keep=kept)
    return secret


def provisioning_uri(secret: str, username: str) -> str:
    """Return what the QR code of the enrolment page says to the app."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER)


async def confirm(
    connection: AsyncConnection, keys: Keyring, user_id: str, code: str, now: datetime
) -> list[str] | None:
    """Put the offered secret in force where the code is of it; returns fresh recovery codes, else None."""
    query = select(second_factor).where(second_factor.c.user_id == user_id).with_for_update()
    row = (await connection.execute(query)).mappings().first()
    if row is None or row["pending"] is None:
        return None
    secret = _opened(keys, "pending", user_id, row["pending"])
    step = _step_of(secret, code, now)
    if step is None:
        return None
    # Sealed anew: an envelope of the one column does not open in the other.
    sealed = _sealed(keys, "sealed", user_id, secret)
    changed = update(second_factor).where(second_factor.c.user_id == user_id)
    await connection.execute(changed.values(sealed=sealed, pending=None, last_step=step, confirmed_at=now))
    return await new_recovery_codes(connection, user_id)


async def use_code(
    connection: AsyncConnection, keys: Keyring, user_id: str, code: str, now: datetime
) -> str | None:
    """Use a code of the app or a recovery code up; returns which it was ("app", "recovery"), None if neither.

    The last used step moves by compare-and-set: of two requests with one code, one alone finds it unused.
    """
    query = select(second_factor.c.sealed).where(second_factor.c.user_id == user_id)
    sealed = (await connection.execute(query)).scalar_one_or_none()
    if sealed is None:
        return None
    step = _step_of(_opened(keys, "sealed", user_id, sealed), code, now)
    if step is not None:
        moved = update(second_factor).where(
            second_factor.c.user_id == user_id, second_factor.c.last_step < step
        )
        return "app" if (await connection.execute(moved.values(last_step=step))).rowcount else None
    spent = update(recovery_code).where(
        recovery_code.c.user_id == user_id,
        recovery_code.c.code_hash == _hash(user_id, code),
        recovery_code.c.used_at.is_(None),
    )
    return "recovery" if (await connection.execute(spent.values(used_at=now))).rowcount else None


async def new_recovery_codes(connection: AsyncConnection, user_id: str) -> list[str]:
    """Replace an account's recovery codes and return the new ones, to be shown once."""
    await connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    rows = [{"user_id": user_id, "code_hash": _hash(user_id, code), "used_at": None} for code in codes]
    await insert_rows(connection, recovery_code, rows)
    return codes


async def recovery_codes_left(connection: AsyncConnection, user_id: str) -> int:
    """Return how many recovery codes are unused."""
    query = select(func.count()).where(recovery_code.c.user_id == user_id, recovery_code.c.used_at.is_(None))
    return int((await connection.execute(query)).scalar_one())


async def remove(connection: AsyncConnection, user_id: str) -> None:
    """Take an account's second factor and recovery codes away; where required it enrols anew at log-in."""
    await connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    await connection.execute(delete(second_factor).where(second_factor.c.user_id == user_id))


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step a code belongs to, one either side of now; None where to none."""
    code = code.replace(" ", "")
    current = int(now.timestamp()) // _STEP_S
    totp = pyotp.TOTP(secret, digits=_DIGITS, interval=_STEP_S)
    found = None
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        # All are compared, whichever is right: the time taken tells nothing.
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode("utf-8", "surrogateescape")):
            found = step
    return found


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash(user_id: str, code: str) -> str:
    # 80 random bits need no slow hash and no key: nobody tries them all.
    plain = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(f"{user_id}\x00{plain}".encode("utf-8", "surrogateescape")).hexdigest()


def _sealed(keys: Keyring, column: str, user_id: str, secret: str) -> bytes:
    return keys.seal("account", ("second_factor", column, user_id), {"secret": secret})


def _opened(keys: Keyring, column: str, user_id: str, sealed: bytes) -> str:
    return str(keys.unseal("account", ("second_factor", column, user_id), sealed)["secret"])
