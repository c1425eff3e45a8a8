"""What is forgotten of snapshots: contents of the absent, marks that serve no more, old declarations."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.intake.snapshot_model import IN_FORCE, SnapshotState
from rider_hub.intake.snapshot_tables import snapshot, snapshot_member, snapshot_part
from rider_hub.riders.absence import forget_absent_contents

__all__ = ["forget_absent", "forget_parts"]

_KEPT = (SnapshotState.ARRIVING, SnapshotState.ARRIVED, SnapshotState.HELD, *IN_FORCE)


async def forget_absent(connection: AsyncConnection, before: datetime) -> int:
    """Wipe the contents of registrations absent since before a time, and marks of snapshots that ended."""
    ended = select(snapshot.c.id).where(snapshot.c.state.not_in(_KEPT))
    await connection.execute(delete(snapshot_member).where(snapshot_member.c.snapshot_id.in_(ended)))
    return await forget_absent_contents(connection, before)


async def forget_parts(connection: AsyncConnection, receipts: object) -> None:
    """Delete the parts that came with receipts about to go, and ended snapshots that have no part left."""
    await connection.execute(delete(snapshot_part).where(snapshot_part.c.receipt_id.in_(receipts)))  # type: ignore[arg-type]
    used = select(snapshot_part.c.snapshot_id)
    bare = select(snapshot.c.id).where(snapshot.c.id.not_in(used))
    await connection.execute(delete(snapshot_member).where(snapshot_member.c.snapshot_id.in_(bare)))
    await connection.execute(delete(snapshot).where(snapshot.c.id.not_in(used)))
