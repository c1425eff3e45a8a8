"""Queries over snapshots; one goes on, or it ends and who is in it is forgotten."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change
from rider_hub.intake.absence import covers_of
from rider_hub.intake.model import ReceiptState
from rider_hub.intake.snapshot_model import IN_FORCE, Snapshot, SnapshotState
from rider_hub.intake.snapshot_tables import snapshot, snapshot_member, snapshot_part
from rider_hub.intake.tables import receipt
from rider_hub.organizations.tables import station
from rider_hub.riders.tables import registration

__all__ = [
    "end_snapshot",
    "find_snapshot",
    "is_known_station",
    "is_overtaken",
    "locked_snapshot",
    "overtaken_by",
    "page_of",
    "parts_running",
    "rows_arrived",
    "set_snapshot",
    "snapshot_of_receipt",
]

_PAGE = 1000
#: States in which rows may still come, or a person decides by how many came.
_COUNTED = (SnapshotState.ARRIVING, SnapshotState.ARRIVED, SnapshotState.HELD)
_OPEN = (*_COUNTED, *IN_FORCE)


async def snapshot_of_receipt(connection: AsyncConnection, receipt_id: str) -> Snapshot | None:
    """Return the snapshot a receipt is a part of, None for changes."""
    query = (
        select(snapshot)
        .join(snapshot_part, snapshot_part.c.snapshot_id == snapshot.c.id)
        .where(snapshot_part.c.receipt_id == receipt_id)
    )
    row = (await connection.execute(query)).mappings().first()
    return Snapshot.of(row) if row else None


async def locked_snapshot(work: Change, snapshot_id: str) -> Snapshot:
    """Return a snapshot as it is now; nobody else changes it until the transaction ends."""
    query = select(snapshot).where(snapshot.c.id == snapshot_id).with_for_update()
    return Snapshot.of((await work.connection.execute(query)).mappings().one())


async def set_snapshot(work: Change, snapshot_id: str, **values: Any) -> None:
    """Write values of a snapshot."""
    await work.connection.execute(update(snapshot).where(snapshot.c.id == snapshot_id).values(**values))


async def end_snapshot(
    work: Change, one: Snapshot, state: SnapshotState, found: Mapping[str, Any] | None = None
) -> None:
    """End a snapshot for good: who was in it is forgotten."""
    rows = await rows_arrived(work.connection, one)
    await set_snapshot(
        work, one.id, state=state, found={**(one.found if found is None else found), "rows": rows}
    )
    await work.connection.execute(delete(snapshot_member).where(snapshot_member.c.snapshot_id == one.id))


async def rows_arrived(connection: AsyncConnection, one: Snapshot) -> int:
    """Count the rows received over all parts; rows that came twice, in whatever bytes, count once."""
    if one.state not in _COUNTED:
        return int(one.found.get("rows", 0))
    query = select(func.count()).where(snapshot_member.c.snapshot_id == one.id)
    return int((await connection.execute(query)).scalar_one())


def parts_running(snapshot_id: str) -> Select[Any]:
    """Return the query that counts the parts still being taken."""
    return (
        select(func.count())
        .select_from(snapshot_part.join(receipt, receipt.c.id == snapshot_part.c.receipt_id))
        .where(snapshot_part.c.snapshot_id == snapshot_id, receipt.c.state == ReceiptState.RUNNING)
    )


async def is_known_station(connection: AsyncConnection, platform: str, station_ref: str) -> bool:
    """Say whether a sender has a station of this reference, or riders who belong to one."""
    for table in (station, registration):
        query = select(table.c.id).where(table.c.platform == platform, table.c.station_ref == station_ref)
        if (await connection.execute(query.limit(1))).first() is not None:
            return True
    return False


async def page_of(connection: AsyncConnection, one: Snapshot, last: str) -> Sequence[RowMapping]:
    """Return the next registrations in the scope of a snapshot, by id."""
    c = registration.c
    query = select(registration).where(c.platform == one.platform, c.county == one.county, c.id > last)
    if one.station_ref:
        query = query.where(c.station_ref == one.station_ref)
    return (await connection.execute(query.order_by(c.id).limit(_PAGE))).mappings().all()


async def is_overtaken(connection: AsyncConnection, one: Snapshot) -> bool:
    """Say whether a snapshot in force that covers all this one does is newer."""
    by_scope = (await covers_of(connection, one.platform)).by_scope
    return any(newer.order > one.order for scope in {"", one.station_ref} if (newer := by_scope.get(scope)))


async def overtaken_by(connection: AsyncConnection, one: Snapshot) -> Iterable[Snapshot]:
    """Return the older snapshots that say nothing any more, now that this one is in force."""
    c = snapshot.c
    query = select(snapshot).where(c.platform == one.platform, c.state.in_(_OPEN), c.id != one.id)
    if one.station_ref:
        query = query.where(c.station_ref == one.station_ref)
    found = [Snapshot.of(row) for row in (await connection.execute(query)).mappings()]
    return [older for older in found if older.order < one.order]


async def find_snapshot(connection: AsyncConnection, where: Any) -> Snapshot | None:
    """Return the snapshot a condition finds, None where there is none."""
    row = (await connection.execute(select(snapshot).where(where))).mappings().first()
    return Snapshot.of(row) if row else None
