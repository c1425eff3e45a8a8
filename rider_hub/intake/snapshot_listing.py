"""Queries behind the pages of snapshots; within scope, counts alone."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select

from rider_hub.access import Look
from rider_hub.errors import Absent
from rider_hub.intake.listing import platform_names
from rider_hub.intake.snapshot_model import Snapshot, SnapshotState
from rider_hub.intake.snapshot_store import find_snapshot, rows_arrived
from rider_hub.intake.snapshot_tables import snapshot, snapshot_part

__all__ = ["count_held", "list_snapshots", "scope_words", "show_snapshot"]


async def count_held(look: Look) -> int:
    """Count the snapshots that wait for county staff."""
    query = select(func.count()).where(snapshot.c.state == SnapshotState.HELD, _scoped(look))
    return int((await look.connection.execute(query)).scalar_one())


async def list_snapshots(
    look: Look, filters: Mapping[str, str], *, limit: int | None, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return snapshots, the newest first, and how many there are."""
    wanted = [snapshot.c[name] == filters[name] for name in ("platform", "state") if name in filters]
    query = select(snapshot).where(_scoped(look), *wanted)
    total = (await look.connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    query = query.order_by(snapshot.c.as_of.desc(), snapshot.c.id).limit(limit).offset(offset)
    named = await platform_names(look)
    found = [Snapshot.of(row) for row in (await look.connection.execute(query)).mappings()]
    return [
        {
            "id": one.id,
            "platform": named.get(one.platform, one.platform),
            "name": one.name,
            "scope": scope_words(one),
            "as_of": one.as_of,
            "state": one.state.value,
            "total": one.total,
            "rows": await rows_arrived(look.connection, one),
            "leaving": one.found.get("leaving"),
            "riders": one.found.get("riders"),
        }
        for one in found
    ], total


async def show_snapshot(look: Look, snapshot_id: str) -> tuple[Snapshot, int, list[str]]:
    """Return a snapshot, the rows that came, and the receipts they came with; raises Absent out of scope."""
    found = await find_snapshot(look.connection, (snapshot.c.id == snapshot_id) & _scoped(look))
    if found is None:
        raise Absent
    query = select(snapshot_part.c.receipt_id).where(snapshot_part.c.snapshot_id == snapshot_id)
    receipts = (await look.connection.execute(query.order_by(snapshot_part.c.receipt_id))).scalars()
    return found, await rows_arrived(look.connection, found), list(receipts)


def scope_words(one: Snapshot) -> str:
    """Say of what a snapshot is the whole."""
    return f"站点 {one.station_ref}" if one.station_ref else "全部骑手"


def _scoped(look: Look) -> ColumnElement[bool]:
    return look.scope.where(snapshot.c.county, snapshot.c.platform)
