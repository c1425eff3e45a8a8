"""Finds registrations of one person that came at the same moment, and so were not linked."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub
from rider_hub.riders.linking import review_links
from rider_hub.riders.tables import identity_link, registration
from rider_hub.storage import among, in_batches

__all__ = ["link_missed"]

_INDEXES_A_TRANSACTION = 500


async def link_missed(hub: Hub, actor: Actor) -> Mapping[str, int]:
    """Review the links of registrations that share an index and have different riders; returns new links.

    Two senders' transactions don't see each other's rows before they commit: a person both register at that
    moment for the first time is linked here. What a person decided about a pair stays. While keys of indexes
    rotate, one phone has several, and nothing is done.
    """
    if hub.keys.rotates("index"):
        return {"links": 0}
    async with hub.database.read() as connection:
        found = [
            value
            for column in (registration.c.identity_index, registration.c.phone_index)
            for value in await _shared(connection, column.name)
        ]
    links = 0
    for part in in_batches(found, _INDEXES_A_TRANSACTION):
        async with hub.change(actor, "riders.relink") as work:
            before = await _count(work.connection)
            await review_links(work.connection, hub.keys, await _ids(work.connection, part), part, work.now)
            fresh = await _count(work.connection) - before
            work.count(links=fresh)
        links += fresh
    return {"links": links}


async def _shared(connection: AsyncConnection, column: str) -> Sequence[bytes]:
    c = registration.c[column]
    several = func.count(registration.c.rider_id.distinct()) > 1
    query = select(c).where(c.is_not(None)).group_by(c).having(several).order_by(c)
    return (await connection.execute(query)).scalars().all()


async def _ids(connection: AsyncConnection, indexes: Sequence[bytes]) -> set[str]:
    found: set[str] = set()
    for column in (registration.c.identity_index, registration.c.phone_index):
        for these in among(connection, column, indexes):
            found.update((await connection.execute(select(registration.c.id).where(these))).scalars())
    return found


async def _count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(identity_link))).scalar_one()
