"""What administrators do to other people's accounts; each of it is audited and ends the account's sessions.

The system administrator disables, resets passwords and unlocks ("users.change"); the security administrator
gives roles and scope and resets second factors ("users.grant"). Nobody does any of it to the own account.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import RowMapping, select

from rider_hub.access import lockout, second_factor
from rider_hub.access.account_rules import (
    DUTIES,
    Department,
    Standing,
    check_grant,
    check_partner,
    check_roles,
    invalid,
    sealed_phone,
)
from rider_hub.access.account_tables import user
from rider_hub.access.actor import Actor, Role
from rider_hub.access.hub import Change, Hub
from rider_hub.access.own_account import drop_sessions
from rider_hub.access.password_rules import password_fault
from rider_hub.access.passwords import hash_password
from rider_hub.access.persons import person_indexes
from rider_hub.access.policy import allows
from rider_hub.access.row_macs import change_row, check_row
from rider_hub.errors import Absent, Conflict, Refused

__all__ = [
    "change_details",
    "disable",
    "enable",
    "grant",
    "new_password",
    "release",
    "reset_password",
    "reset_second_factor",
    "unlock",
]

_SIGNS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_password(username: str) -> str:
    """Return a random password that can be read out on the telephone: no l, I, 1, O or 0."""
    while True:
        blocks = ["".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4)]
        password = "-".join(blocks)
        # By chance it may hold a short user name, or no digit.
        if password_fault(password, username) is None:
            return password


async def grant(
    hub: Hub,
    actor: Actor,
    username: str,
    *,
    roles: Sequence[Role],
    divisions: Sequence[str] = (),
    platforms: Sequence[str] = (),
    partners: Sequence[str] = (),
    parks: Sequence[str] = (),
    organizations: Sequence[str] = (),
    scope_title: str = "",
) -> None:
    """Give an account other roles and another scope.

    Raises Invalid for two administrator duties and a partner's account without its partner, Conflict where a
    duty would have nobody left.
    """
    check_roles(roles)
    check_partner(roles, partners)
    first = not allows(actor, "users.grant")
    async with _work(hub, actor, "users.change" if first else "users.grant", username) as (work, row):
        if first and (not roles or row["roles"]):
            raise Refused  # naming the first administrators is all that the system administrator may
        await check_grant(work.connection, actor, roles)
        await _keep_duties(work, row, lost=set(row["roles"]) - {str(role) for role in roles})
        await _change(
            hub,
            work,
            row,
            roles=sorted(roles),
            divisions=sorted(divisions),
            platforms=sorted(platforms),
            partners=sorted(partners),
            parks=sorted(parks),
            organizations=sorted(organizations),
            scope_title=scope_title or "、".join([*divisions, *parks, *platforms, *partners]),
        )


async def change_details(
    hub: Hub,
    actor: Actor,
    username: str,
    *,
    display_name: str,
    department: Department | None,
    standing: Standing | None,
    phone: str | None = None,
) -> None:
    """Change what an account says of its person; without a phone the one kept stays."""
    async with _work(hub, actor, "users.change", username) as (work, row):
        values: dict[str, Any] = {
            "display_name": display_name,
            "department": department,
            "standing": standing,
        }
        await _change(hub, work, row, **values, **(sealed_phone(hub.keys, row["id"], phone) if phone else {}))


async def disable(hub: Hub, actor: Actor, username: str) -> None:
    """Disable an account: nobody signs in to it and its sessions are over in every process."""
    async with _work(hub, actor, "users.change", username) as (work, row):
        await _keep_duties(work, row, lost=set(row["roles"]))
        await _change(hub, work, row, disabled_at=work.now)


async def enable(hub: Hub, actor: Actor, username: str) -> str:
    """Enable an account again under a new temporary password, which is returned to be handed over."""
    password = new_password(username)
    hashed = await hash_password(password, hub.keys.suite)
    async with _work(hub, actor, "users.change", username, disabled=True) as (work, row):
        await _change(hub, work, row, disabled_at=None, **_temporary(work, row, hashed))
    return password


async def reset_password(hub: Hub, actor: Actor, username: str) -> str:
    """Give an account a temporary password and return it, to be handed over; it must be changed at log-in."""
    password = new_password(username)
    hashed = await hash_password(password, hub.keys.suite)
    async with _work(hub, actor, "users.change", username) as (work, row):
        await _change(hub, work, row, **_temporary(work, row, hashed))
        await lockout.unlock(work.connection, hub.keys, username)
    return password


async def reset_second_factor(hub: Hub, actor: Actor, username: str) -> None:
    """Take an account's second factor away; where its roles ask for one it enrols anew at the next log-in."""
    async with _work(hub, actor, "users.grant", username) as (work, row):
        await second_factor.remove(work.connection, row["id"])
        await _change(hub, work, row)


async def release(hub: Hub, actor: Actor, username: str) -> None:
    """Let an account in again whose password was reset, or that was enabled, and that has no second factor.

    Raises Refused for whoever did that, also by a second account; Absent where nothing waits.
    """
    async with _work(hub, actor, "users.grant", username) as (work, row):
        held_by = row["held_by"]
        if held_by is None:
            raise Absent
        query = select(user.c.phone_index).where(user.c.username == held_by.removeprefix("user:"))
        person = (await work.connection.execute(query)).scalar()
        own = await person_indexes(work.connection, hub.keys, actor)
        if actor.id == held_by or person in own:
            raise Refused
        await _change(hub, work, row, held_by=None)


async def unlock(hub: Hub, actor: Actor, username: str) -> int:
    """Let an account be tried again at once; returns how many counters there were."""
    async with _work(hub, actor, "users.change", username) as (work, _):
        freed = await lockout.unlock(work.connection, hub.keys, username)
        work.count(counters=freed)
    return freed


@asynccontextmanager
async def _work(
    hub: Hub, actor: Actor, operation: str, username: str, *, disabled: bool = False
) -> AsyncIterator[tuple[Change, RowMapping]]:
    """Open a change of one account; raises Absent for no such account and Invalid for the own one."""
    async with hub.change(actor, operation, target=f"user:{username}") as work:
        query = select(user).where(user.c.username == username).with_for_update()
        row = (await work.connection.execute(query)).mappings().first()
        if row is None or (row["disabled_at"] is not None) != disabled:
            raise Absent
        if actor.id == f"user:{username}":
            raise invalid(
                "username",
                "own_account",
                "不能对自己的账号做这项操作，请另一位管理员处理。",
                "Not to the own account: ask another administrator.",
            )
        check_row(hub.keys, user, row)
        yield work, row


async def _change(hub: Hub, work: Change, row: RowMapping, **values: Any) -> None:
    await change_row(work.connection, hub.keys, user, user.c.id == row["id"], values, epoch=1)
    await drop_sessions(work.connection, row["id"])


async def _keep_duties(work: Change, row: RowMapping, lost: set[str]) -> None:
    """Raise Conflict where an administrator duty would be left without an account that can sign in."""
    query = select(user.c.roles).where(user.c.disabled_at.is_(None), user.c.id != row["id"])
    held = {role for roles in (await work.connection.execute(query)).scalars() for role in roles}
    for role in sorted({str(duty) for duty in DUTIES} & lost - held):
        title = Role(role).title_zh
        raise Conflict(
            f"这是最后一个{title}账号，请先设置另一个{title}。",
            f"This is the last account of {role}: make another one first.",
        )


def _temporary(work: Change, row: RowMapping, hashed: str) -> dict[str, Any]:
    return {
        "password_hash": hashed,
        "password_history": [row["password_hash"], *row["password_history"]][:5],
        "password_temporary": True,
        "password_changed_at": work.now,
        "held_by": work.actor.id,
    }
