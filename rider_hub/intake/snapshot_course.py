"""The course of a snapshot: counted, judged, held or put in force, released or dropped by county staff.

The absent are pending leavers until the whole has arrived. Each step is a transaction of its own and is done
again without harm: a break anywhere is carried on by the next batch or by the job.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Actor, Change, Hub
from rider_hub.errors import Absent, Conflict
from rider_hub.intake.absence import absences, covers_of
from rider_hub.intake.faults import whole
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.snapshot_model import Snapshot, SnapshotState
from rider_hub.intake.snapshot_store import (
    end_snapshot,
    is_overtaken,
    locked_snapshot,
    overtaken_by,
    page_of,
    parts_running,
    rows_arrived,
    set_snapshot,
    snapshot_of_receipt,
)
from rider_hub.intake.snapshot_tables import snapshot, snapshot_part
from rider_hub.intake.snapshots import with_snapshot
from rider_hub.intake.store import find_sender, lock_sender
from rider_hub.parameters import parameter
from rider_hub.riders.absence import write_absences
from rider_hub.riders.model import RegistrationState

__all__ = ["SHARE", "carry_on", "conclude", "drop_snapshot", "release_snapshot"]

#: The key in a sender's settings that overrides the share of leavers a snapshot may have unasked.
SHARE = "leave_share"


async def conclude(hub: Hub, actor: Actor, operation: str, taken: Receipt) -> Receipt:
    """Judge the snapshot of a batch that ended, if it is whole now; return the receipt with its report."""
    async with hub.database.read() as connection:
        found = await snapshot_of_receipt(connection, taken.id)
    if found is None:
        return taken
    await _go_on(hub, actor, operation, found)
    async with hub.database.read() as connection:
        return await with_snapshot(connection, taken)


async def carry_on(hub: Hub, actor: Actor) -> dict[str, int]:
    """Go on with each snapshot that a break left in the middle; let those lapse that never came whole."""
    limit = timedelta(hours=parameter("intake.snapshot_hours").value)
    counts = {"carried_on": 0, "lapsed": 0}
    async with hub.database.read() as connection:
        query = select(snapshot).where(
            snapshot.c.state.in_([SnapshotState.ARRIVING, SnapshotState.ARRIVED, SnapshotState.APPLYING])
        )
        rows = [Snapshot.of(row) for row in (await connection.execute(query)).mappings()]
    for one in rows:
        left = await _go_on(hub, actor, "feeds.take", one)
        counts["carried_on"] += left.state is not one.state
        if left.state is SnapshotState.ARRIVING and left.begun_at < hub.clock.now() - limit:
            async with hub.change(actor, "feeds.take", target=f"snapshot:{one.id}") as work:
                await end_snapshot(work, left, SnapshotState.LAPSED)
            counts["lapsed"] += 1
    return counts


async def release_snapshot(hub: Hub, actor: Actor, snapshot_id: str) -> Snapshot:
    """Let the absent of a held snapshot leave.

    Raises Absent out of scope, Conflict where it is not held or other than the declared rows came.
    """
    async with hub.change(actor, "snapshots.decide", target=f"snapshot:{snapshot_id}") as work:
        held = await _held(work, snapshot_id)
        if await rows_arrived(work.connection, held) != held.total:
            raise whole("snapshot_not_whole")
        await lock_sender(work.connection, held.platform)
        overtaken = await is_overtaken(work.connection, held)
        values: dict[str, Any] = {"decided_by": actor.id, "state": SnapshotState.APPLYING}
        await set_snapshot(work, held.id, **values)
        if overtaken:
            await end_snapshot(work, held, SnapshotState.SUPERSEDED)
    return await _go_on(hub, actor, "snapshots.decide", replace(held, state=SnapshotState.APPLYING))


async def drop_snapshot(hub: Hub, actor: Actor, snapshot_id: str) -> None:
    """Void a held snapshot: nobody leaves by it, its rows stay.

    Raises Absent out of scope, Conflict where it is not held.
    """
    async with hub.change(actor, "snapshots.decide", target=f"snapshot:{snapshot_id}") as work:
        held = await _held(work, snapshot_id)
        await set_snapshot(work, held.id, decided_by=actor.id)
        await end_snapshot(work, held, SnapshotState.DROPPED)


async def _held(work: Change, snapshot_id: str) -> Snapshot:
    c = snapshot.c
    query = select(snapshot).where(c.id == snapshot_id, work.scope.where(c.county, c.platform))
    row = (await work.connection.execute(query.with_for_update())).mappings().first()
    if row is None:
        raise Absent
    if row["state"] != SnapshotState.HELD:
        raise Conflict(
            "这份全量名册不在待核对状态，可能已有人处理，或已有更新的名册。",
            "This snapshot is not held: somebody decided it, or a newer one came.",
            code="snapshot_not_held",
        )
    return Snapshot.of(row)


async def _go_on(hub: Hub, actor: Actor, operation: str, one: Snapshot) -> Snapshot:
    """Take a snapshot as far as it goes: counted, judged, applied."""
    if one.state is SnapshotState.ARRIVING:
        one = await _count(hub, actor, operation, one)
    if one.state is SnapshotState.ARRIVED:
        one = await _judge(hub, actor, operation, one)
    if one.state is SnapshotState.APPLYING:
        one = await _apply(hub, actor, operation, one)
    return one


async def _count(hub: Hub, actor: Actor, operation: str, one: Snapshot) -> Snapshot:
    """Say whether all rows have come, over all parts; rows that came twice, in whatever bytes, count once."""
    async with hub.database.read() as connection:
        if await _came(connection, one) is None:
            return one
    async with hub.change(actor, operation, target=f"snapshot:{one.id}") as work:
        there = await locked_snapshot(work, one.id)
        # Counted again under the lock: a part may have joined meanwhile.
        rows = await _came(work.connection, there)
        if there.state is not SnapshotState.ARRIVING or rows is None:
            return there
        if rows > one.total:
            await end_snapshot(work, there, SnapshotState.OVER)
        else:
            await set_snapshot(work, one.id, state=SnapshotState.ARRIVED, found={"rows": rows})
        return await locked_snapshot(work, one.id)


async def _came(connection: AsyncConnection, one: Snapshot) -> int | None:
    """Count the rows that have come; None while a part is being taken or some are missing."""
    rows = await rows_arrived(connection, one)
    running = (await connection.execute(parts_running(one.id))).scalar_one()
    return None if running or rows < one.total else rows


async def _judge(hub: Hub, actor: Actor, operation: str, one: Snapshot) -> Snapshot:
    """Count who would leave, and put the snapshot in force or hold it."""
    async with hub.database.read() as connection:
        sender = await find_sender(connection, one.platform, Actor.sender(one.platform).scope)
        query = select(func.sum(snapshot_part.c.unreadable))
        query = query.where(snapshot_part.c.snapshot_id == one.id)
        unreadable = (await connection.execute(query)).scalar() or 0
    riders = leaving = 0
    async for connection, rows in _pages(hub, one):
        active = [row for row in rows if row["state"] == RegistrationState.ACTIVE]
        cover = await covers_of(connection, one.platform, one)
        gone = await absences(connection, hub.keys, cover, active)
        riders += len(active)
        leaving += sum(at is not None for at in gone.values())
    share = _share(sender)
    found = {"rows": one.total, "unreadable": int(unreadable), "riders": riders, "leaving": leaving}
    held = unreadable or leaving > share * riders
    async with hub.change(actor, operation, target=f"snapshot:{one.id}") as work:
        await lock_sender(work.connection, one.platform)
        there = await locked_snapshot(work, one.id)
        if there.state is not SnapshotState.ARRIVED:
            return there
        if await is_overtaken(work.connection, one):
            await end_snapshot(work, there, SnapshotState.SUPERSEDED, found)
        else:
            state = SnapshotState.HELD if held else SnapshotState.APPLYING
            await set_snapshot(work, one.id, state=state, found=found, judged_at=work.now)
        work.count(riders=riders, leaving=leaving)
        return await locked_snapshot(work, one.id)


def _share(sender: Sender | None) -> float:
    own = sender.settings.get(SHARE) if sender else None
    return float(own) if own is not None else parameter("intake.snapshot_leave").value


async def _apply(hub: Hub, actor: Actor, operation: str, one: Snapshot) -> Snapshot:
    """Write who is absent and who is back, 1,000 a transaction, then end the snapshots before this one."""
    async with hub.database.read() as connection:
        query = select(snapshot_part.c.receipt_id).where(snapshot_part.c.snapshot_id == one.id)
        receipt_id = (await connection.execute(query.order_by(snapshot_part.c.receipt_id))).scalars().first()
    last = ""
    while True:
        async with hub.change(actor, operation, target=f"snapshot:{one.id}") as work:
            await lock_sender(work.connection, one.platform)
            rows = await page_of(work.connection, one, last)
            cover = await covers_of(work.connection, one.platform)
            wanted = await absences(work.connection, hub.keys, cover, rows)
            await write_absences(work, hub.keys, rows, wanted, receipt_id)
            work.count(registrations=len(rows))
            if not rows:
                await set_snapshot(work, one.id, state=SnapshotState.APPLIED)
                for older in await overtaken_by(work.connection, one):
                    await end_snapshot(work, older, SnapshotState.SUPERSEDED)
                return await locked_snapshot(work, one.id)
        last = rows[-1]["id"]
        await asyncio.sleep(0)


async def _pages(hub: Hub, one: Snapshot) -> AsyncIterator[tuple[AsyncConnection, Sequence[RowMapping]]]:
    last = ""
    while True:
        async with hub.database.read() as connection:
            rows = await page_of(connection, one, last)
            if not rows:
                return
            yield connection, rows
        last = rows[-1]["id"]
        await asyncio.sleep(0)
