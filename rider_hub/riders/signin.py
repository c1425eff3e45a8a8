"""Riders prove who they are with a code sent to their phone; opening the session is the page's."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.identity import is_mobile, normalise_phone
from rider_hub.access import Change, Hub, Keyring
from rider_hub.access.actor import PUBLIC
from rider_hub.access.lockout import Locked, Reservation, count_codes, forgive
from rider_hub.access.tables import sign_in_code
from rider_hub.errors import Conflict, Failure, Invalid, Unauthenticated
from rider_hub.messages.service import post
from rider_hub.riders.indexes import first_phone_mark, phone_indexes
from rider_hub.riders.model import RegistrationState
from rider_hub.riders.own_phone import keep_first_phone
from rider_hub.riders.tables import registration
from rider_hub.storage import upsert_rows

__all__ = ["codes_of", "forget_codes", "forget_codes_of", "phone_mark", "request_code", "verify_code"]

_DIGITS = 6
_LIFETIME = timedelta(minutes=5)
_ATTEMPTS = 5
_BETWEEN = timedelta(seconds=60)
_WINDOW = timedelta(hours=1)
_CODES_A_WINDOW = 5


async def request_code(hub: Hub, phone: str, address: str = "") -> None:
    """Send a sign-in code to a phone through the outbox; an unknown phone gets the same answer and nothing.

    Raises Invalid where this is no mobile number, Conflict where codes are asked for too often. Both look at
    the number and the clock alone, so neither tells whether the phone is registered.
    """
    number = _number(phone)
    index = _index(hub.keys, number)
    await _count(hub, "code_asked", address)
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    async with hub.change(PUBLIC, "session.open") as work:
        query = select(sign_in_code).where(sign_in_code.c.phone_index == index).with_for_update()
        before = (await work.connection.execute(query)).mappings().first()
        row = _next_row(before, work.now) | {"phone_index": index, "code_mac": _mac(hub.keys, index, code)}
        await upsert_rows(work.connection, sign_in_code, [row], key=["phone_index"])
        if await _rider_of(work.connection, hub.keys, number) is not None:
            await post(work, hub.keys, "sign_in_code", number, {"text": _text(code), "code": code})


async def verify_code(hub: Hub, phone: str, code: str, address: str = "") -> str:
    """Return the id of the rider this phone and code belong to, and use the code up.

    Raises Unauthenticated, the same for a wrong, a used or an old code and for an unknown phone. Where two
    riders who are not linked have the same phone, it is the one seen last.
    """
    number = _number(phone)
    rider_id: str | None = None
    counted = await _count(hub, "code_typed", address)
    async with hub.change(PUBLIC, "session.open") as work:
        # The attempt counts even when it fails, so nothing is raised before this has committed.
        if await _use(work, hub.keys, _index(hub.keys, number), code.strip()):
            rider_id = await _rider_of(work.connection, hub.keys, number)
            if rider_id is not None:
                await keep_first_phone(work.connection, hub.keys, rider_id, number)
        work.count(signed_in=int(rider_id is not None))
    if rider_id is None:
        raise Unauthenticated(
            "验证码不对或已失效。请核对后重输，或重新获取验证码。",
            "The code is wrong or no longer valid: check it, or ask for a new one.",
            code="wrong_code",
        )
    if counted is not None:
        await forgive(hub, counted)
    return rider_id


async def _count(hub: Hub, realm: str, address: str) -> Reservation | None:
    """Count an address over all phones: one address can't ask codes for many, nor guess at many."""
    if not address:
        return None
    try:
        return await count_codes(hub, realm, address)
    except Locked:
        raise Conflict(
            "这个网络地址上的验证码操作过多，请一小时后再试，或换用手机流量。",
            "Too many codes from this network address: try again in an hour, or over mobile data.",
            code="code_too_often",
        ) from None


def phone_mark(keys: Keyring, phone: str) -> bytes:
    """Return the keyed index by which a session and the rider's first sign-in are compared."""
    return first_phone_mark(keys, _number(phone))


async def forget_codes(connection: AsyncConnection, before: datetime) -> int:
    """Delete what was kept of codes asked for before a time; returns how many."""
    result = await connection.execute(delete(sign_in_code).where(sign_in_code.c.window_at < before))
    return int(result.rowcount)


async def codes_of(
    connection: AsyncConnection, keys: Keyring, phones: Iterable[str]
) -> list[dict[str, object]]:
    """Return when codes were asked for with these phones; the codes themselves are not kept."""
    indexes = [_index(keys, phone) for phone in sorted(phones)]
    query = select(sign_in_code.c.created_at, sign_in_code.c.asked).where(
        sign_in_code.c.phone_index.in_(indexes)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def forget_codes_of(connection: AsyncConnection, keys: Keyring, phones: Iterable[str]) -> int:
    """Delete what was kept of codes sent to these phones; returns how many."""
    indexes = [_index(keys, phone) for phone in sorted(phones)]
    result = await connection.execute(delete(sign_in_code).where(sign_in_code.c.phone_index.in_(indexes)))
    return int(result.rowcount)


async def _rider_of(connection: AsyncConnection, keys: Keyring, number: str) -> str | None:
    """Return the rider of the registration with this phone that was seen last.

    Also of one that has left: a rider keeps the right to look, to withdraw and to ask for erasure.
    """
    query = (
        select(registration.c.rider_id)
        .where(registration.c.phone_index.in_(phone_indexes(keys, number)))
        .where(registration.c.state != RegistrationState.RETRACTED)
        .order_by(
            registration.c.state == RegistrationState.LEFT, registration.c.seen_at.desc(), registration.c.id
        )
        .limit(1)
    )
    return (await connection.execute(query)).scalar()


async def _use(work: Change, keys: Keyring, index: bytes, code: str) -> bool:
    """Count one attempt in the statement that checks the limit, then compare; a right code is gone."""
    attempt = (
        update(sign_in_code)
        .where(
            sign_in_code.c.phone_index == index,
            sign_in_code.c.attempts < _ATTEMPTS,
            sign_in_code.c.created_at > work.now - _LIFETIME,
        )
        .values(attempts=sign_in_code.c.attempts + 1)
        .returning(sign_in_code.c.code_mac)
    )
    stored = (await work.connection.execute(attempt)).scalar_one_or_none()
    if stored is None or not keys.verifies("lasting", _message(index, code), stored):
        return False
    spent = (
        update(sign_in_code)
        .where(sign_in_code.c.phone_index == index)
        .values(attempts=_ATTEMPTS, code_mac=b"")
    )
    await work.connection.execute(spent)
    return True


def _next_row(before: RowMapping | None, now: datetime) -> dict[str, object]:
    if before is not None and now - before["created_at"] < _BETWEEN:
        raise Conflict(
            "验证码刚刚发过，请 60 秒后再获取。",
            "A code was sent just now; ask again in 60 seconds.",
            code="code_too_soon",
        )
    fresh = before is None or now - before["window_at"] >= _WINDOW
    asked = 0 if fresh or before is None else before["asked"]
    if asked >= _CODES_A_WINDOW:
        raise Conflict(
            "获取验证码次数过多，请一小时后再试。",
            "Too many codes were asked for; try again in an hour.",
            code="code_too_often",
        )
    window_at = now if fresh or before is None else before["window_at"]
    return {"created_at": now, "attempts": 0, "asked": asked + 1, "window_at": window_at}


def _number(phone: str) -> str:
    found = normalise_phone(phone)
    if found is None or found[1] is not None or not is_mobile(found[0]):
        zh, en = "请输入 11 位手机号。", "Enter a mobile number of 11 digits."
        raise Invalid(zh, en, errors=[Failure(row=0, path="phone", code="phone_invalid", zh=zh, en=en)])
    return found[0]


def _index(keys: Keyring, number: str) -> bytes:
    # A field of its own: a copied table of codes can't be joined to the registrations' phone index.
    return keys.blind("lasting", "sign_in_phone", number)


def _mac(keys: Keyring, index: bytes, code: str) -> bytes:
    return keys.mac("lasting", _message(index, code))


def _message(index: bytes, code: str) -> bytes:
    return b"sign-in\x00" + index + b"\x00" + code.encode("utf-8", "replace")


def _text(code: str) -> str:
    return f"【骑手服务】登录验证码 {code}，5 分钟内有效。工作人员不会向您索要验证码。"
