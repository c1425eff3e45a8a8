"""The nightly rewriting of everything private: what a copied database shows of order and time ends with it.

Where a row was written tells when it was, and when tells who: beside it stand the trail and the sessions of
that hour. So each night every rider has a record, every envelope is sealed anew, and rows lie in the order of
their random ids (decision 0008).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Hub, Keyring
from rider_hub.membership.envelopes import SIZE
from rider_hub.membership.store import fill_records
from rider_hub.riders.indexes import no_phone_yet
from rider_hub.riders.tables import rider
from rider_hub.storage import private_metadata, upsert_rows

__all__ = ["rewrite_private"]

_PAGE = 1000
_OPERATION = "jobs.run"


async def rewrite_private(hub: Hub, actor: Actor) -> dict[str, int]:
    """Give every rider a record, seal all private rows anew, and lay them in an order that tells nothing.

    1,000 rows a transaction, in the order of their ids: ids are random, so which rows share a transaction
    says nothing either. A kill in between leaves rows of both nights, and the next night's run mends it.
    """
    made = await _fill(hub, actor)
    rewritten = 0
    for table in private_metadata.sorted_tables:
        rewritten += await _rewrite(hub, actor, table)
    tables = [rider, *private_metadata.sorted_tables]
    await hub.database.compact([table.fullname for table in tables], by_key=True)
    return {"made": made, "rewritten": rewritten}


async def _fill(hub: Hub, actor: Actor) -> int:
    """Make the empty records of riders who have none, and the mark of those who never signed in."""
    made, last = 0, ""
    while True:
        async with hub.change(actor, _OPERATION, target="private records") as work:
            query = select(rider.c.id).where(rider.c.id > last).order_by(rider.c.id).limit(_PAGE)
            page = (await work.connection.execute(query)).scalars().all()
            if not page:
                return made
            if hub.database.dialect == "postgresql":
                await _lock(work.connection, rider)
                # A first sign-in wrote the rider's row: its place and transaction would tell when that was.
                await work.connection.execute(update(rider).where(rider.c.id.in_(page)).values(id=rider.c.id))
            made += await _fill_page(work.connection, hub.keys, page)
            last = page[-1]


async def _fill_page(connection: AsyncConnection, keys: Keyring, page: Sequence[str]) -> int:
    made = await fill_records(connection, keys, page)
    unset = select(rider.c.id).where(rider.c.id.in_(page), rider.c.first_phone.is_(None))
    for rider_id in (await connection.execute(unset)).scalars().all():
        mark = update(rider).where(rider.c.id == rider_id, rider.c.first_phone.is_(None))
        await connection.execute(mark.values(first_phone=no_phone_yet(keys, rider_id)))
    return made


async def _rewrite(hub: Hub, actor: Actor, table: Table) -> int:
    done, last = 0, ""
    while True:
        async with hub.change(actor, _OPERATION, target=f"private {table.name}") as work:
            if hub.database.dialect == "postgresql":
                await _lock(work.connection, table)
            query = select(table).where(table.c.id > last).order_by(table.c.id).limit(_PAGE)
            page = (await work.connection.execute(query)).mappings().all()
            if not page:
                return done
            await upsert_rows(
                work.connection, table, [_resealed(hub.keys, table, dict(row)) for row in page], key=["id"]
            )
            done, last = done + len(page), page[-1]["id"]


async def _lock(connection: AsyncConnection, table: Table) -> None:
    """Have writers wait for one page of rows: without this lock two of them could wait in a ring."""
    await connection.execute(text(f"LOCK TABLE {table.fullname} IN EXCLUSIVE MODE"))


def _resealed(keys: Keyring, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    cell = (table.name, "sealed", row["id"])
    value = keys.unseal("membership", cell, row["sealed"])
    return row | {"sealed": keys.seal("membership", cell, value, pad=SIZE)}
