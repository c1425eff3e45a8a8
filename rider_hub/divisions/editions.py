"""The life of an edition: begun, filled in small transactions, then switched current or left unused."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Change, Hub
from rider_hub.divisions.model import Edition
from rider_hub.divisions.tables import boundary, division, edition
from rider_hub.errors import Conflict
from rider_hub.storage import insert_rows

__all__ = ["store_edition"]

_OPERATION: Final = "imports.change"
_ROWS_A_TRANSACTION: Final = 1000
#: Polygons are heavy: fewer a transaction, so that readers' audit rows need not wait.
_POLYGONS_A_TRANSACTION: Final = 200


async def store_edition(
    hub: Hub, actor: Actor, new: Edition, rows: Iterable[Mapping[str, Any]], report: Mapping[str, Any]
) -> bool:
    """Write a whole edition and return whether it is now the one in use.

    The rows go in small transactions, unseen; the last transaction switches to them. An import that breaks
    off leaves nothing in use, and the next import of the same kind, region and level clears what it left.
    Raises Conflict where another import of the same cleared this one meanwhile.
    """
    table = division if new.kind == "codes" else boundary
    await _clear_unfinished(hub, new, table)
    async with hub.change(actor, _OPERATION, target=f"edition:{new.id}", purpose="begin") as work:
        await insert_rows(work.connection, edition, [_row(new, report, work)])
    size = _ROWS_A_TRANSACTION if new.kind == "codes" else _POLYGONS_A_TRANSACTION
    written = 0
    left = iter(rows)
    while part := list(islice(left, size)):
        async with hub.database.write() as connection:
            await _require_unfinished(connection, new)
            await insert_rows(connection, table, part)
        written += len(part)
        await asyncio.sleep(0)
    async with hub.change(actor, _OPERATION, target=f"edition:{new.id}") as work:
        await _lock(work.connection, new)
        await _require_unfinished(work.connection, new)
        work.count(rows=written)
        return await _switch(work.connection, new)


async def _switch(connection: AsyncConnection, new: Edition) -> bool:
    """Take the edition into use unless a later-dated one is."""
    same = _same(new)
    later = select(func.count()).where(same, edition.c.finished, edition.c.as_of > new.as_of)
    is_newest = (await connection.execute(later)).scalar_one() == 0
    if is_newest:
        await connection.execute(update(edition).where(same).values(current=False))
    await connection.execute(
        update(edition).where(edition.c.id == new.id).values(finished=True, current=is_newest)
    )
    return is_newest


async def _lock(connection: AsyncConnection, new: Edition) -> None:
    """Let one import at a time decide which edition is in use; one order, so none waits in a circle."""
    query = select(edition.c.id).where(_same(new)).order_by(edition.c.id).with_for_update()
    await connection.execute(query)


def _same(new: Edition) -> ColumnElement[bool]:
    return and_(edition.c.kind == new.kind, edition.c.region == new.region, edition.c.level == new.level)


async def _clear_unfinished(hub: Hub, new: Edition, table: Table) -> None:
    async with hub.database.read() as connection:
        query = select(edition.c.id).where(_same(new), edition.c.finished.is_(False))
        left: Sequence[str] = (await connection.execute(query)).scalars().all()
    for edition_id in left:
        async with hub.database.write() as connection:
            # First, so that the broken-off import, should it still run, stops at its next batch.
            await connection.execute(
                update(edition).where(edition.c.id == edition_id).values(kind="cleared", current=False)
            )
        await _clear_rows(hub, table, edition_id)
        async with hub.database.write() as connection:
            await connection.execute(delete(edition).where(edition.c.id == edition_id))


async def _clear_rows(hub: Hub, table: Table, edition_id: str) -> None:
    mine = table.c.edition_id == edition_id
    part = select(table.c.code).where(mine).order_by(table.c.code).limit(_ROWS_A_TRANSACTION)
    while True:
        async with hub.database.write() as connection:
            # Whether rows are left is asked for: deleting none may only mean that another import was faster.
            codes = (await connection.execute(part)).scalars().all()
            await connection.execute(delete(table).where(mine, table.c.code.in_(codes)))
        if not codes:
            return
        await asyncio.sleep(0)


async def _require_unfinished(connection: AsyncConnection, new: Edition) -> None:
    query = select(edition.c.kind).where(edition.c.id == new.id, edition.c.finished.is_(False))
    if (await connection.execute(query.with_for_update())).scalar_one_or_none() != new.kind:
        raise Conflict(
            "同一区域正在进行另一次导入，本次已停止，没有任何内容生效。请稍后重新导入。",
            "Another import of the same region took over; this one stopped and nothing of it is in use.",
        )


def _row(new: Edition, report: Mapping[str, Any], work: Change) -> dict[str, Any]:
    return {
        "id": new.id,
        "kind": new.kind,
        "region": new.region,
        "level": new.level,
        "title": new.title,
        "as_of": new.as_of,
        "sketch": new.sketch,
        "report": dict(report),
        "imported_at": work.now,
        "finished": False,
        "current": False,
    }
