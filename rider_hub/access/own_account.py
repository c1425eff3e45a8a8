"""What a member of staff does to the own account: password, second factor, sessions."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import lockout, second_factor
from rider_hub.access.account_rules import invalid
from rider_hub.access.account_tables import sign_in_step, user
from rider_hub.access.actor import Actor
from rider_hub.access.hub import Hub
from rider_hub.access.password_rules import check_strength
from rider_hub.access.passwords import hash_password, matches_any, verify_password
from rider_hub.access.row_macs import change_row
from rider_hub.access.staff_sessions import end_all
from rider_hub.access.users import actor_of, find_user
from rider_hub.errors import Absent, Conflict

__all__ = [
    "change_password",
    "check_own_password",
    "confirm_factor",
    "drop_sessions",
    "end_sessions",
    "own_row",
    "renew_recovery_codes",
]

#: The password before this one and four more.
_HISTORY = 5

Row = RowMapping | Mapping[str, Any]


async def own_row(hub: Hub, actor: Actor) -> RowMapping:
    """Return the row of the actor's own account; raises Absent for one who has none."""
    row = await find_user(hub, actor.id.removeprefix("user:")) if actor.id.startswith("user:") else None
    if row is None:
        raise Absent
    return row


async def change_password(hub: Hub, row: Row, old: str, new: str, client: lockout.Client) -> int:
    """Change an account's password; all its sessions end. Returns the account's new epoch.

    Raises Locked, or Invalid where the old password is wrong, the new one is weak, or it was used before.
    """
    await _check_old(hub, row, old, client)
    check_strength(new, row["username"], path="new")
    used = [row["password_hash"], *row["password_history"]][:_HISTORY]
    if await matches_any(used, new):
        zh, en = (
            f"不能使用最近 {_HISTORY} 次用过的密码。",
            f"The last {_HISTORY} passwords can't be used again.",
        )
        raise invalid("new", "password_used", zh, en)
    hashed = await hash_password(new, hub.keys.suite)
    async with hub.change(actor_of(row), "account.own", target="password") as work:
        values = {
            "password_hash": hashed,
            "password_history": used,
            "password_changed_at": work.now,
            "password_temporary": False,
            # Without a factor of their own nobody gets here with an account that waits for its release.
            "held_by": None,
        }
        same = (user.c.id == row["id"]) & (user.c.password_hash == row["password_hash"])
        after = await change_row(work.connection, hub.keys, user, same, values, epoch=1)
        if after is None:
            raise Conflict("密码刚被改过，请重新登录。", "The password was changed just now: sign in again.")
        await drop_sessions(work.connection, row["id"])
    return int(after["epoch"])


async def confirm_factor(hub: Hub, row: Row, code: str) -> list[str]:
    """Put the secret shown to an account in force by a code of it; returns recovery codes to show once."""
    async with hub.change(actor_of(row), "account.own", target="second factor") as work:
        codes = await second_factor.confirm(work.connection, hub.keys, row["id"], code, work.now)
        if codes is None:
            raise invalid(
                "code",
                "wrong_code",
                "验证码不对，请核对手机时间后输入应用里现在显示的 6 位数字。",
                "The code is wrong: check the phone's clock and enter the six digits shown now.",
            )
    return codes


async def renew_recovery_codes(hub: Hub, row: Row, password: str, client: lockout.Client) -> list[str]:
    """Replace an account's recovery codes, asked for with its password; returns the new ones."""
    await _check_old(hub, row, password, client, path="password")
    async with hub.change(actor_of(row), "account.own", target="recovery codes") as work:
        if await second_factor.factor_since(work.connection, row["id"]) is None:
            raise Absent
        return await second_factor.new_recovery_codes(work.connection, row["id"])


async def check_own_password(hub: Hub, row: Row, password: str, client: lockout.Client) -> None:
    """Raise Invalid unless this is the account's password; a stolen session alone changes nothing."""
    await _check_old(hub, row, password, client, path="password")


async def end_sessions(hub: Hub, actor: Actor, *, only: str | None = None) -> int:
    """End one of the own sessions by its id, or all but the one in use; returns how many."""
    row = await own_row(hub, actor)
    async with hub.change(actor, "account.own", target="sessions") as work:
        ended = await end_all(
            work.connection, row["id"], only=only, but=actor.session if only is None else None
        )
        work.count(ended=ended)
    if only is not None and not ended:
        raise Absent
    return ended


async def drop_sessions(connection: AsyncConnection, user_id: str) -> None:
    """Delete whatever an account has open; the epoch has ended them, this only tidies."""
    await end_all(connection, user_id)
    await connection.execute(delete(sign_in_step).where(sign_in_step.c.user_id == user_id))


async def _check_old(hub: Hub, row: Row, old: str, client: lockout.Client, *, path: str = "old") -> None:
    reserved = await lockout.reserve(hub, "password", row["username"], client)
    if not await verify_password(row["password_hash"], old, hub.keys.suite):
        # The row of the trail says "failed": somebody at an open session did not know the password.
        async with hub.change(actor_of(row), "account.own", target="present password"):
            raise invalid(path, "wrong_password", "当前密码不对。", "The present password is wrong.")
    await lockout.forgive(hub, reserved)
