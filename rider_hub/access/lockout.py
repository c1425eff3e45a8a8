"""Lock-out: passwords and codes are counted before they are checked, by account and by where they come from.

Three counters for a visitor the hub does not know: the account from this address (5, then 30 minutes), this
address over all accounts (30, then 30 minutes), the account from anywhere unknown (20 a day, then an hour). A
browser that has signed in to the account before carries a mark and is counted by it alone, so that nobody can
lock an owner out of the own computer (OWASP ASVS 6.1.1). Rows are in the database: a restart forgets nothing.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, literal, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_tables import sign_in_attempt as attempt
from rider_hub.access.account_tables import user
from rider_hub.access.hub import Hub
from rider_hub.access.keys import Keyring
from rider_hub.errors import HubError
from rider_hub.storage import UtcDateTime

__all__ = [
    "RULES",
    "Client",
    "Locked",
    "Reservation",
    "Rule",
    "count_codes",
    "device_mark",
    "forget_attempts",
    "forgive",
    "is_known_device",
    "locked_accounts",
    "password_since",
    "reserve",
    "unlock",
]


@dataclass(frozen=True)
class Rule:
    """So many tries in a window; the last of them locks for a time."""

    limit: int
    window: timedelta
    lock: timedelta


_HALF_HOUR = timedelta(minutes=30)
RULES = {
    "device": Rule(5, _HALF_HOUR, _HALF_HOUR),
    "pair": Rule(5, _HALF_HOUR, _HALF_HOUR),
    "address": Rule(30, _HALF_HOUR, _HALF_HOUR),
    "account": Rule(20, timedelta(days=1), timedelta(hours=1)),
    #: Riders behind one mobile operator's address are many: far more codes than one person asks for.
    "codes": Rule(100, timedelta(hours=1), timedelta(hours=1)),
}


class Locked(HubError):
    """Too many wrong tries; the same sentence for every counter and for accounts that do not exist."""

    status = 429
    default_code = "locked"

    def __init__(self) -> None:
        super().__init__(
            "输错次数过多，请稍后（30 分钟至 1 小时）再试，或请系统管理员解锁。",
            "Too many wrong tries: try again in 30 to 60 minutes, or have a system administrator unlock it.",
        )


@dataclass(frozen=True)
class Client:
    """Where a try comes from: the address group, and the mark of a browser known to the account."""

    address: str
    device: str | None = None


@dataclass(frozen=True)
class Reservation:
    """A try that was counted as wrong already; a right one is forgiven."""

    keys: tuple[tuple[str, bytes], ...]
    #: This try was the last before a lock.
    locks: bool


async def reserve(hub: Hub, realm: str, account: str, client: Client) -> Reservation:
    """Count one try at an account (or a code of it) before it is checked; raises Locked where none is left.

    Counting and checking are one statement, so tries at the same time are never more than the limit. A try
    that is refused counts nowhere.
    """
    counters = _counters(hub.keys, realm, account, client)
    return await count(hub, counters, owner=_owner(hub.keys, account))


async def count_codes(hub: Hub, realm: str, address: str) -> Reservation:
    """Count one code asked for or typed by a rider's address, over all phones; raises Locked."""
    key = hub.keys.blind("lasting", f"attempt:{realm}:codes", address)
    return await count(hub, [("codes", key)], owner=None)


async def count(hub: Hub, counters: Sequence[tuple[str, bytes]], *, owner: bytes | None) -> Reservation:
    """Count one try on each counter, (rule, key), in this order; raises Locked and counts none."""
    locks = False
    now = hub.clock.now()
    async with hub.database.write() as connection:
        for name, key in counters:
            owned = None if name in {"address", "codes"} else owner
            row = (await connection.execute(_counted(connection, RULES[name], key, owned, now))).first()
            if row is None:
                raise Locked
            locks = locks or row.locked_until is not None
    return Reservation(tuple(counters), locks)


async def forgive(hub: Hub, reservation: Reservation) -> None:
    """Take a right try back: the own counter starts anew, the wider ones forget this try alone."""
    async with hub.database.write() as connection:
        for name, key in reservation.keys:
            if name in {"pair", "device"}:
                await connection.execute(delete(attempt).where(attempt.c.key == key))
                continue
            taken = update(attempt).where(attempt.c.key == key, attempt.c.count > 0)
            await connection.execute(taken.values(count=attempt.c.count - 1, locked_until=None))


async def unlock(connection: AsyncConnection, keys: Keyring, account: str) -> int:
    """Delete the counters of one account; addresses stay counted. Returns how many there were."""
    result = await connection.execute(delete(attempt).where(attempt.c.account == _owner(keys, account)))
    return int(result.rowcount)


async def locked_accounts(
    connection: AsyncConnection, keys: Keyring, accounts: Sequence[str], now: datetime
) -> set[str]:
    """Return those of the accounts at which somebody is locked out now."""
    query = select(attempt.c.account).where(attempt.c.account.is_not(None), attempt.c.locked_until > now)
    locked = set((await connection.execute(query)).scalars())
    return {account for account in accounts if _owner(keys, account) in locked}


async def forget_attempts(connection: AsyncConnection, now: datetime) -> int:
    """Delete counters that no longer hold anybody back; returns how many."""
    longest = max(rule.window for rule in RULES.values())
    over = and_(
        attempt.c.window_at <= now - longest,
        or_(attempt.c.locked_until.is_(None), attempt.c.locked_until <= now),
    )
    return int((await connection.execute(delete(attempt).where(over))).rowcount)


async def password_since(hub: Hub, account: str) -> str:
    """Return since when an account has its password, "" for no such account: marks end with it."""
    query = select(user.c.password_changed_at).where(user.c.username == account)
    async with hub.database.read() as connection:
        since: datetime | None = (await connection.execute(query)).scalar()
    return since.astimezone(UTC).isoformat() if since else ""


def device_mark(keys: Keyring, account: str, since: str) -> str:
    """Return a new mark for a browser that has just signed in to an account with the password of `since`."""
    device = secrets.token_urlsafe(16)
    return f"{device}.{keys.mac('lasting', _device(account, since, device)).hex()}"


def is_known_device(keys: Keyring, account: str, since: str, mark: str) -> bool:
    """Say whether a browser's mark was given out by this hub for this very account and password."""
    device, _, mac = mark.partition(".")
    try:
        return keys.verifies("lasting", _device(account, since, device), bytes.fromhex(mac))
    except ValueError:
        # A cookie that is no text is one nobody gave out.
        return False


def _counted(connection: AsyncConnection, rule: Rule, key: bytes, owner: bytes | None, now: datetime) -> Any:
    """Return the one statement that counts a try unless it is locked; it returns a row where it counted."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    at = literal(now, UtcDateTime())
    until = literal(now + rule.lock, UtcDateTime())
    # A counter that was locked is free again here (see `where`) and begins anew, as one whose window is past.
    fresh = or_(attempt.c.window_at <= now - rule.window, attempt.c.locked_until.is_not(None))
    locking: ColumnElement[Any] = case(
        (fresh, null()), (attempt.c.count + 1 >= rule.limit, until), else_=null()
    )
    statement = dialect.insert(attempt).values(
        key=key, account=owner, count=1, window_at=now, locked_until=None
    )
    return statement.on_conflict_do_update(
        index_elements=[attempt.c.key],
        set_={
            "count": case((fresh, 1), else_=attempt.c.count + 1),
            "window_at": case((fresh, at), else_=attempt.c.window_at),
            "locked_until": locking,
        },
        where=or_(attempt.c.locked_until.is_(None), attempt.c.locked_until <= now),
    ).returning(attempt.c.count, attempt.c.locked_until)


def _counters(keys: Keyring, realm: str, account: str, client: Client) -> tuple[tuple[str, bytes], ...]:
    def key(name: str, *parts: str) -> bytes:
        return keys.blind("lasting", f"attempt:{realm}:{name}", "\x00".join(parts))

    if client.device is not None:
        return (("device", key("device", account, client.device)),)
    # Always in this order: two visitors never wait for each other's rows.
    return (
        ("address", key("address", client.address)),
        ("account", key("account", account)),
        ("pair", key("pair", account, client.address)),
    )


def _owner(keys: Keyring, account: str) -> bytes:
    return keys.blind("lasting", "attempt:owner", account)


def _device(account: str, since: str, device: str) -> bytes:
    return f"known device\x00{account}\x00{since}\x00{device}".encode()
