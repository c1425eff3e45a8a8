"""Staff accounts: making one, finding one, and the actor it stands for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.account_rules import (
    Department,
    Standing,
    check_grant,
    check_partner,
    check_roles,
    check_username,
    sealed_phone,
)
from rider_hub.access.account_tables import user
from rider_hub.access.actor import Actor, Role
from rider_hub.access.hub import Hub
from rider_hub.access.password_rules import check_strength
from rider_hub.access.passwords import hash_password
from rider_hub.access.row_macs import signed, vouched
from rider_hub.access.scope import Scope
from rider_hub.access.successions import in_scope_now
from rider_hub.errors import Conflict, Invalid
from rider_hub.storage import insert_rows, new_id

__all__ = ["actor_of", "add_user", "any_user", "find_user", "operator", "shown_names"]

_PROGRAMS = {
    "job": "定时任务",
    "scheduler": "系统自动",
    "operator": "控制台",
    "test": "测试报送",
    "rule": "按规则自动生效",
    "link": "站点上报链接",
}


async def add_user(
    hub: Hub,
    actor: Actor,
    *,
    username: str,
    display_name: str,
    password: str,
    roles: Sequence[Role] = (),
    divisions: Sequence[str] = (),
    platforms: Sequence[str] = (),
    partners: Sequence[str] = (),
    parks: Sequence[str] = (),
    organizations: Sequence[str] = (),
    scope_title: str = "",
    department: Department | None = None,
    standing: Standing | None = None,
    phone: str | None = None,
    temporary: bool = False,
) -> str:
    """Create a staff account and return its id; a `temporary` password must be changed at the first log-in.

    Raises Invalid where the password is weak, the phone is no mobile number, the actor may not give these
    roles or one account would hold two of the three administrator duties; Conflict where the name is taken.
    """
    check_username(username)
    check_strength(password, username)
    check_roles(roles)
    check_partner(roles, partners)
    user_id = new_id()
    row: dict[str, Any] = {
        "id": user_id,
        "username": username,
        "display_name": display_name,
        "password_hash": await hash_password(password, hub.keys.suite),
        "password_history": [],
        "password_temporary": temporary,
        "roles": sorted(roles),
        "divisions": sorted(divisions),
        "platforms": sorted(platforms),
        "partners": sorted(partners),
        "parks": sorted(parks),
        "organizations": sorted(organizations),
        "scope_title": scope_title or "、".join([*divisions, *parks, *platforms, *partners]),
        "department": department,
        "standing": standing,
        "epoch": 1,
        **sealed_phone(hub.keys, user_id, phone),
    }
    async with hub.change(actor, "users.change", target=username) as work:
        await check_grant(work.connection, actor, roles)
        taken = await work.connection.execute(select(user.c.id).where(user.c.username == username))
        if taken.first():
            raise Conflict(f"用户名 {username} 已存在。", f"The user name {username} is taken.")
        row |= {"created_at": work.now, "password_changed_at": work.now}
        await insert_rows(work.connection, user, [signed(hub.keys, user, row)])
    return user_id


async def any_user(hub: Hub) -> bool:
    """Say whether the hub has an account at all; the first one is made without anybody to make it."""
    async with hub.database.read() as connection:
        return (await connection.execute(select(user.c.id).limit(1))).first() is not None


async def find_user(hub: Hub, username: str) -> RowMapping | None:
    """Return the row of an account that is not disabled, None where there is none.

    Raises RowAltered, on record, where somebody changed it past the hub.
    """
    async with hub.database.read() as connection:
        query = select(user).where(user.c.username == username, user.c.disabled_at.is_(None))
        row = (await connection.execute(query)).mappings().first()
    if row is not None:
        await vouched(hub, row)
    return row


async def shown_names(connection: AsyncConnection, actors: Iterable[str | None]) -> dict[str, str]:
    """Return the names under which actors' ids are shown on pages; programs are named by what they are."""
    ids = {actor for actor in actors if actor}
    usernames = sorted(actor.removeprefix("user:") for actor in ids if actor.startswith("user:"))
    query = select(user.c.username, user.c.display_name).where(user.c.username.in_(usernames))
    people = {f"user:{row.username}": row.display_name for row in await connection.execute(query)}
    return {actor: people.get(actor) or _PROGRAMS.get(actor.partition(":")[0], actor) for actor in ids}


async def operator(hub: Hub, username: str) -> Actor:
    """Return the actor a command runs `--as`; raises Invalid where there is no such account."""
    row = await find_user(hub, username)
    if row is None:
        raise Invalid(
            f"没有用户 {username}。可用 rider-hub user add 新建。",
            f"There is no user {username}; add one with `rider-hub user add`.",
        )
    return await _placed(hub, row)


async def _placed(hub: Hub, row: RowMapping) -> Actor:
    async with hub.database.read() as connection:
        return await in_scope_now(connection, hub, actor_of(row), row["parks"])


def actor_of(row: RowMapping | Mapping[str, Any], session: str | None = None) -> Actor:
    """Return the actor an account's row describes, without its parks and what its divisions became."""
    return Actor(
        id=f"user:{row['username']}",
        display_name=row["display_name"],
        roles=frozenset(Role(name) for name in row["roles"]),
        scope=Scope(
            divisions=tuple(row["divisions"]),
            platforms=tuple(row["platforms"]),
            partners=tuple(row["partners"] or ()),
        ),
        scope_title=row["scope_title"],
        organizations=frozenset(row["organizations"]),
        session=session,
        person=row["phone_index"],
    )
