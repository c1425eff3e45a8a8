"""What became of division codes, and how a scope follows: it never grows past the ground it had.

When codes change, rows and accounts change on different days. Until both have, a scope holds the old codes
and the new: a new code where everything it was made of lies in the scope, an old one where everything it
became does. A street that was merged with another's is therefore not followed: whose scope holds one of the
two alone would gain the other. The security administrator grants it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import Actor
from rider_hub.access.hub import Hub
from rider_hub.access.keys import Keyring
from rider_hub.access.parks import with_parks
from rider_hub.access.row_macs import is_whole
from rider_hub.access.tables import division_change
from rider_hub.clock import local_date

__all__ = ["followed", "in_scope_now", "steps"]

Change = RowMapping | Mapping[str, Any]


async def in_scope_now(
    connection: AsyncConnection, hub: Hub, actor: Actor, parks: Iterable[str] | None
) -> Actor:
    """Return the actor with the divisions of these parks in scope, and with what all of them became.

    Read whenever the account is: a park or a code that changed changes who sees what at once.
    """
    actor = await with_parks(connection, hub.keys, actor, parks)
    own = actor.scope.divisions
    found = await followed(connection, hub.keys, own, local_date(hub.clock.now())) if own else own
    if len(found) == len(own):
        return actor
    return replace(actor, scope=replace(actor.scope, divisions=tuple(sorted(found))))


async def followed(
    connection: AsyncConnection, keys: Keyring, divisions: Iterable[str], today: date
) -> set[str]:
    """Return these divisions with the codes they became by a day, step by step.

    A change that was written past the hub opens nothing (`access.row_macs`), nor does one of a later day.
    """
    inside = set(divisions)
    asked: set[str] = set()
    # A step may complete what an earlier one lacked, so codes are asked for again until nothing is new.
    while inside - asked:
        asked |= inside
        column = division_change.c
        touched = or_(column.from_code.in_(sorted(inside)), column.to_code.in_(sorted(inside)))
        rows = (await connection.execute(select(division_change).where(touched))).mappings().all()
        whole = [row for row in rows if row["as_of"] <= today and is_whole(keys, division_change, row)]
        inside |= steps(inside, whole)
    return inside


def steps(inside: Iterable[str], changes: Sequence[Change]) -> set[str]:
    """Return the codes one change away whose whole ground lies inside these divisions."""
    held = tuple(inside)
    new = {row["to_code"] for row in changes if row["from_code"] in held and _covers(held, row["made_of"])}
    old = {row["from_code"] for row in changes if row["to_code"] in held and _covers(held, row["became"])}
    return new | old


def _covers(held: tuple[str, ...], codes: Sequence[str]) -> bool:
    return all(code.startswith(held) for code in codes)
