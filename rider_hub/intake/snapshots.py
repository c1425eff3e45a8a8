"""Gathering a snapshot from its batches, and telling its sender of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from connectors.records import Registration
from rider_hub.access import Change, Keyring
from rider_hub.errors import Conflict
from rider_hub.intake.absence import members_among
from rider_hub.intake.faults import warning, whole
from rider_hub.intake.model import Receipt
from rider_hub.intake.outcomes import Outcome
from rider_hub.intake.snapshot_model import CLOSED, UNNAMED, Declared, SnapshotState
from rider_hub.intake.snapshot_roll import Roll
from rider_hub.intake.snapshot_store import is_known_station, rows_arrived, snapshot_of_receipt
from rider_hub.intake.snapshot_tables import snapshot, snapshot_member, snapshot_part
from rider_hub.riders.tombstones import marks_of
from rider_hub.storage import in_slices, insert_ignoring, new_id, put_rows

__all__ = ["join_snapshot", "note_part", "scope_warnings", "warnings_of", "with_snapshot"]


async def join_snapshot(work: Change, taken: RowMapping | Mapping[str, Any], declared: Declared) -> None:
    """Write down that a batch is part of a snapshot.

    Raises Conflict where the name came with other words, or where all rows of the snapshot have come already:
    who is in a late part would count as having left.
    """
    mine = {
        "id": new_id(),
        "platform": taken["platform"],
        "county": taken["county"],
        "name": declared.name or f"{UNNAMED}{taken['idempotency_key']}",
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
    # Held until the part is written down, so that nobody counts the parts without it meanwhile.
    row = (await work.connection.execute(query.with_for_update())).mappings().one()
    if any(row[name] != mine[name] for name in ("station_ref", "as_of", "total")):
        raise Conflict(
            "这个名册编号（rfs-snapshot）已用于另一范围、时间或总数。各部分的声明须一致；新的全量名册请用新的编号。",
            "This rfs-snapshot came with another scope, as-of or total: all parts declare the same.",
            code="snapshot_differs",
        )
    if row["state"] in CLOSED:
        raise whole("snapshot_closed")
    part = {"receipt_id": taken["id"], "snapshot_id": row["id"], "unreadable": 0}
    await insert_ignoring(work.connection, snapshot_part, part, key=["receipt_id"])


async def note_part(work: Change, keys: Keyring, roll: Roll, taken: Receipt, rows: Sequence[Outcome]) -> None:
    """Write down who is in this part of a batch; who is refused is there too, and has not left."""
    named, unnamed = roll.names(rows)
    one = await snapshot_of_receipt(work.connection, taken.id)
    if one is None or one.state is not SnapshotState.ARRIVING:
        return  # a newer one overtook it: nobody leaves by this one any more
    marks = await in_slices([*named, *unnamed], lambda part: marks_of(keys, one.platform, part))
    nobody = marks[len(named) :]
    unreadable = len(nobody) - len(await members_among(work.connection, one.id, nobody))
    members = [{"snapshot_id": one.id, "mark": mark} for mark in marks]
    await put_rows(work.connection, snapshot_member, members, key=["snapshot_id", "mark"])
    if unreadable:
        mine = update(snapshot_part).where(snapshot_part.c.receipt_id == taken.id)
        await work.connection.execute(mine.values(unreadable=snapshot_part.c.unreadable + unreadable))


def warnings_of(declared: Declared, rows: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return a warning for each row that is not of the station whose whole was declared."""
    station_ref = declared.station_ref
    if not station_ref:
        return []
    said = [(one.row, one.record) for one in rows if isinstance(one, Checked)]
    return [
        warning(row, "outside_snapshot_scope")
        for row, record in said
        if isinstance(record, Registration) and record.op == "upsert" and record.station_ref != station_ref
    ]


async def scope_warnings(work: Change, platform: str, declared: Declared) -> list[dict[str, Any]]:
    """Return a warning where the declared station is one nobody knows, once all rows are stored."""
    ref = declared.station_ref
    if not ref or await is_known_station(work.connection, platform, ref):
        return []
    return [warning(0, "snapshot_scope_unknown")]


async def with_snapshot(connection: AsyncConnection, taken: Receipt) -> Receipt:
    """Return a receipt with what is known of the snapshot it is a part of."""
    found = await snapshot_of_receipt(connection, taken.id)
    if found is None:
        return taken
    seen = {**found.found, "rows": await rows_arrived(connection, found)}
    return replace(taken, snapshot=replace(found, found=seen).to_json())
