"""Overlay areas a scope may name (parks, the districts of market-regulation offices): sets of divisions."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import Actor
from rider_hub.access.keys import Keyring
from rider_hub.access.row_macs import is_whole
from rider_hub.access.tables import park, park_member

__all__ = ["divisions_of", "park_names", "with_parks"]


async def divisions_of(connection: AsyncConnection, keys: Keyring, parks: Iterable[str]) -> list[str]:
    """Return the divisions these parks are made of now; an unknown park is made of none.

    A row written past the hub counts for nothing: whoever can write to the database must not widen a scope.
    """
    query = select(park_member).where(park_member.c.park.in_(sorted(set(parks))))
    rows = (await connection.execute(query)).mappings()
    return sorted({row["division"] for row in rows if is_whole(keys, park_member, row)})


async def park_names(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, str]:
    """Return the names of parks by code; unknown codes are absent."""
    query = select(park.c.code, park.c.name).where(park.c.code.in_(sorted(set(codes))))
    return {row.code: row.name for row in await connection.execute(query)}


async def with_parks(
    connection: AsyncConnection, keys: Keyring, actor: Actor, parks: Iterable[str] | None
) -> Actor:
    """Return the actor with the divisions of these parks in scope.

    Read whenever the account is, so that a park that changed changes whom it lets see what at once. An
    account whose parks hold nothing and that has no division of its own keeps an empty region: it sees
    nothing, and never more.
    """
    wanted = set(parks or ())
    if not wanted:
        return actor
    members = await divisions_of(connection, keys, wanted)
    divisions = tuple(sorted({*actor.scope.divisions, *members})) or (_NOWHERE,)
    return replace(actor, scope=replace(actor.scope, divisions=divisions))


#: No code begins with it: a company's account limited to an empty park must not become one without a limit.
_NOWHERE = "-"
