"""Signing in to a staff account: password, second factor, a due change; only then does a session exist.

What comes between is a row of `sign_in_step` under a token of its own. It opens the next question and nothing
else, lives ten minutes, and ends with any change of the account.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import lockout, second_factor
from rider_hub.access.account_tables import sign_in_step, user
from rider_hub.access.actor import PUBLIC, Role
from rider_hub.access.hub import Hub
from rider_hub.access.passwords import hash_password, is_outdated, verify_password
from rider_hub.access.rider_sessions import token_hash
from rider_hub.access.row_macs import change_row, vouched
from rider_hub.access.users import actor_of, find_user
from rider_hub.errors import HubError, Unauthenticated
from rider_hub.settings import Settings
from rider_hub.storage import insert_rows

__all__ = [
    "Account",
    "Stage",
    "check_code",
    "check_password",
    "end_step",
    "find_step",
    "forget_steps",
    "note_signed_in",
    "open_step",
    "password_is_due",
    "signed_on",
    "stage_of",
    "step_over",
]

_LIFETIME = timedelta(minutes=10)
#: A password somebody else chose is no longer good after so long.
_TEMPORARY = timedelta(hours=72)

Row = RowMapping | Mapping[str, Any]


class Stage(StrEnum):
    """What a sign-in still asks for."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - the name of a stage
    ENROL = "enrol"
    DONE = "done"


@dataclass(frozen=True)
class Account:
    """An account whose password was right, and how far it is in signing in."""

    row: Row
    factor_shown: bool
    has_factor: bool
    by_password: bool = True

    @property
    def id(self) -> str:
        """The account's id."""
        return str(self.row["id"])

    @property
    def username(self) -> str:
        """The account's user name."""
        return str(self.row["username"])

    @property
    def epoch(self) -> int:
        """The state of the account that was proved."""
        return int(self.row["epoch"])


async def check_password(hub: Hub, username: str, password: str, client: lockout.Client) -> Account:
    """Return the account with this user name and password.

    Raises Locked or Unauthenticated, the same for an account that does not exist, after the same work. Each
    wrong try is audited; one refused by a lock checked nothing and leaves the lock's own row alone.
    """
    reserved = await lockout.reserve(hub, "password", username, client)
    row = await find_user(hub, username)
    stored = row["password_hash"] if row else None
    if not await verify_password(stored, password, hub.keys.suite) or row is None:
        await _note_wrong(hub, row, reserved, "password")
        raise Unauthenticated(
            "用户名或密码不对。", "The user name or the password is wrong.", code="wrong_credentials"
        )
    await lockout.forgive(hub, reserved)
    async with hub.database.read() as connection:
        has_factor = await second_factor.factor_since(connection, row["id"]) is not None
    _check_usable(row, hub.clock.now(), has_factor=has_factor)
    await _rehash(hub, row, password)
    return Account(row, factor_shown=False, has_factor=has_factor)


async def signed_on(hub: Hub, row: Row, *, second_factor_shown: bool) -> Account:
    """Return the account of a person whom a provider signed on; what else it asks for is asked as ever.

    The provider's second factor counts for accounts without one of their own: an own one is always asked for.
    """
    async with hub.database.read() as connection:
        has_factor = await second_factor.factor_since(connection, row["id"]) is not None
    _check_usable(row, hub.clock.now(), has_factor=has_factor, by_password=False)
    believed = second_factor_shown and not has_factor
    return Account(row, believed, has_factor or believed, by_password=False)


async def check_code(hub: Hub, token: str, code: str, client: lockout.Client) -> Account:
    """Show the second factor of a half-open sign-in; a code of the app or a recovery code, each once.

    Raises Locked or Unauthenticated.
    """
    account = await find_step(hub, token)
    if account is None:
        raise step_over()
    reserved = await lockout.reserve(hub, "code", account.username, client)
    async with hub.database.write() as connection:
        used = await second_factor.use_code(connection, hub.keys, account.id, code, hub.clock.now())
        if used is not None:
            shown = update(sign_in_step).where(sign_in_step.c.token_hash == token_hash(token))
            await connection.execute(shown.values(factor_shown=True))
    if used is None:
        await _note_wrong(hub, account.row, reserved, "code")
        raise Unauthenticated(
            "验证码不对或已用过，请等应用显示新的验证码后再输。",
            "The code is wrong or was used: wait for the app to show a new one.",
            code="wrong_code",
        )
    await lockout.forgive(hub, reserved)
    if used == "recovery":
        async with hub.change(
            actor_of(account.row), "session.open", target=f"user:{account.username}"
        ) as work:
            work.count(recovery_codes=1)
    return replace(account, factor_shown=True, has_factor=True)


def stage_of(settings: Settings, account: Account, now: datetime) -> Stage:
    """Return what a sign-in asks for next."""
    if account.has_factor and not account.factor_shown:
        return Stage.CODE
    if account.by_password and password_is_due(settings, account.row, now):
        return Stage.PASSWORD
    if not account.has_factor and second_factor.is_required(settings, map(Role, account.row["roles"])):
        return Stage.ENROL
    return Stage.DONE


def password_is_due(settings: Settings, row: Row, now: datetime) -> bool:
    """Say whether a password was chosen by somebody else, or is older than the setting allows."""
    limit = timedelta(days=settings.password_days)
    return bool(row["password_temporary"]) or (bool(limit) and row["password_changed_at"] <= now - limit)


async def open_step(hub: Hub, account: Account) -> str:
    """Keep a half-open sign-in and return its token."""
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": token_hash(token),
        "user_id": account.id,
        "epoch": account.epoch,
        "factor_shown": account.factor_shown,
        "by_password": account.by_password,
        "created_at": hub.clock.now(),
    }
    async with hub.database.write() as connection:
        await insert_rows(connection, sign_in_step, [row])
    return token


async def find_step(hub: Hub, token: str) -> Account | None:
    """Return the account of a half-open sign-in; None where it is over or the account has changed since."""
    query = (
        select(user, sign_in_step.c.factor_shown, sign_in_step.c.by_password)
        .join(
            sign_in_step,
            (sign_in_step.c.user_id == user.c.id) & (sign_in_step.c.epoch == user.c.epoch),
        )
        .where(sign_in_step.c.token_hash == token_hash(token), user.c.disabled_at.is_(None))
        .where(sign_in_step.c.created_at > hub.clock.now() - _LIFETIME)
    )
    async with hub.database.read() as connection:
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            return None
        has_factor = await second_factor.factor_since(connection, row["id"]) is not None
    await vouched(hub, row)
    if row["held_by"] is not None and not has_factor:
        return None
    return Account(row, bool(row["factor_shown"]), has_factor, bool(row["by_password"]))


async def end_step(hub: Hub, token: str) -> None:
    """Forget a half-open sign-in."""
    async with hub.database.write() as connection:
        await connection.execute(delete(sign_in_step).where(sign_in_step.c.token_hash == token_hash(token)))


async def forget_steps(connection: AsyncConnection, now: datetime) -> int:
    """Delete half-open sign-ins that are over; returns how many."""
    over = delete(sign_in_step).where(sign_in_step.c.created_at <= now - _LIFETIME)
    return int((await connection.execute(over)).rowcount)


async def note_signed_in(hub: Hub, account: Account) -> None:
    """Write into the trail that an account signed in."""
    actor = actor_of(account.row)
    async with hub.change(actor, "session.open", target=f"user:{account.username}") as work:
        work.count(second_factor=int(account.factor_shown))


def step_over() -> Unauthenticated:
    """Return the error of a half-open sign-in that is over."""
    return Unauthenticated(
        "登录已超时，请重新输入用户名和密码。", "The sign-in took too long: start again.", code="step_over"
    )


async def _note_wrong(hub: Hub, row: Row | None, reserved: lockout.Reservation, what: str) -> None:
    # What was typed as a user name may be a password: only the name of a real account is kept.
    target = f"user:{row['username']}" if row else ""
    async with hub.change(PUBLIC, "session.open", target=target) as work:
        work.count(**{f"wrong_{what}": 1, "locked": int(reserved.locks)})


def _check_usable(row: Row, now: datetime, *, has_factor: bool, by_password: bool = True) -> None:
    if row["held_by"] is not None and not has_factor:
        raise HubError(
            "系统管理员重置了本账号的密码或重新启用了本账号，须由安全管理员放行后才能登录。",
            "After a reset the security administrator must release the account before anybody signs in.",
            code="not_released",
            status=403,
        )
    if by_password and row["password_temporary"] and row["password_changed_at"] <= now - _TEMPORARY:
        raise HubError(
            "临时密码已过期，请系统管理员重新设置。",
            "The temporary password is over: have the system administrator set a new one.",
            code="password_over",
            status=401,
        )
    if not row["roles"]:
        raise HubError(
            "账号还没有角色，请安全管理员授权后再登录。",
            "The account has no role yet: have the security administrator give it one.",
            code="no_role",
            status=403,
        )


async def _rehash(hub: Hub, row: Row, password: str) -> None:
    if not is_outdated(row["password_hash"], hub.keys.suite):
        return
    hashed = await hash_password(password, hub.keys.suite)
    async with hub.database.write() as connection:
        same = (user.c.id == row["id"]) & (user.c.password_hash == row["password_hash"])
        await change_row(connection, hub.keys, user, same, {"password_hash": hashed})
