"""Gathering a snapshot from its batches, and telling its sender of it."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked, Reject
from connectors.fields import read_fields
from connectors.records import Registration
from rider_hub.access import Change, Keyring
from rider_hub.errors import Conflict
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.snapshot_model import Declared, SnapshotState
from rider_hub.intake.snapshot_store import rows_arrived, snapshot_of_receipt
from rider_hub.intake.snapshot_tables import snapshot, snapshot_member, snapshot_part
from rider_hub.riders.tombstones import marks_of
from rider_hub.storage import in_slices, insert_ignoring, new_id, put_rows

__all__ = ["join_snapshot", "note_part", "with_snapshot"]


async def join_snapshot(work: Change, taken: RowMapping, declared: Declared) -> None:
    """Write down that a batch is part of a snapshot; raises Conflict where the name came with other words."""
    mine = {
        "id": new_id(),
        "platform": taken["platform"],
        "county": taken["county"],
        "name": declared.name or f"batch:{taken['idempotency_key']}",
        "station_ref": declared.station_ref,
        "as_of": declared.as_of,
        "total": declared.total,
        "state": SnapshotState.ARRIVING,
        "found": {},
        "begun_at": work.now,
        "judged_at": None,
        "decided_by": None,
    }
    await insert_ignoring(work.connection, snapshot, mine, key=["platform", "name"])
    query = select(snapshot).where(snapshot.c.platform == mine["platform"], snapshot.c.name == mine["name"])
    row = (await work.connection.execute(query)).mappings().one()
    if any(row[name] != mine[name] for name in ("station_ref", "as_of", "total")):
        raise Conflict(
            "这个全量编号（rfs-snapshot）已用于另一范围、时间或总数。各部分的声明须一致；新的全量请用新的编号。",
            "This rfs-snapshot came with another scope, as-of or total: all parts declare the same.",
            code="snapshot_differs",
        )
    part = {"receipt_id": taken["id"], "snapshot_id": row["id"], "unreadable": 0}
    await insert_ignoring(work.connection, snapshot_part, part, key=["receipt_id"])


async def note_part(
    work: Change, keys: Keyring, sender: Sender, taken: Receipt, rows: Sequence[Checked | Reject]
) -> None:
    """Write down who is in this part of a batch; who is refused is there too, and has not left."""
    one = await snapshot_of_receipt(work.connection, taken.id)
    if one is None or one.state is not SnapshotState.ARRIVING:
        return  # a newer one overtook it: nobody leaves by this one any more
    refs = [_reference(one, sender) for one in rows]
    named = list({ref for ref in refs if ref is not None})
    marks = await in_slices(named, lambda part: marks_of(keys, sender.platform, part))
    members = [{"snapshot_id": one.id, "mark": mark} for mark in marks]
    await put_rows(work.connection, snapshot_member, members, key=["snapshot_id", "mark"])
    unreadable = refs.count(None)
    if unreadable:
        mine = update(snapshot_part).where(snapshot_part.c.receipt_id == taken.id)
        await work.connection.execute(mine.values(unreadable=snapshot_part.c.unreadable + unreadable))


def _reference(one: Checked | Reject, sender: Sender) -> str | None:
    """Return whose row this is; None where nothing may be kept of it, or no reference can be read."""
    if isinstance(one, Checked):
        return str(getattr(one.record, "platform_rider_ref", "")) or None
    if one.payload is None:
        return None
    content = msgspec.json.decode(one.payload)
    if sender.mapping is not None:
        content = sender.mapping.translate("registration", content).values
    found = read_fields({"platform_rider_ref": content.get("platform_rider_ref")}, Registration)
    ref = found.values.get("platform_rider_ref")
    return ref if isinstance(ref, str) and ref else None


async def with_snapshot(connection: AsyncConnection, taken: Receipt) -> Receipt:
    """Return a receipt with what is known of the snapshot it is a part of."""
    found = await snapshot_of_receipt(connection, taken.id)
    if found is None:
        return taken
    seen = found.found if "rows" in found.found else {"rows": await rows_arrived(connection, found.id)}
    return replace(taken, snapshot=replace(found, found=seen).to_json())
