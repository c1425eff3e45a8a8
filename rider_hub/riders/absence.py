"""Registrations that are absent from a snapshot count as left; back in a newer one, they count as they did.

Absence is an overlay on the record that was last sent: its version and content stay, so that the state after
any order of records and snapshots is the same. A newer version of the record ends it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Change, Keyring
from rider_hub.riders.corrections import apply_corrections
from rider_hub.riders.linking import review_links
from rider_hub.riders.model import RegistrationState
from rider_hub.riders.tables import registration, registration_history
from rider_hub.storage import insert_rows, new_id

__all__ = ["forget_absent_contents", "is_at_stake", "write_absences"]


def is_at_stake(row: Mapping[str, Any] | RowMapping) -> bool:
    """Say whether absence can change a registration: it is active, or counts as left by absence alone."""
    return row["state"] == RegistrationState.ACTIVE or row["absent_at"] is not None


async def write_absences(
    work: Change,
    keys: Keyring,
    rows: Sequence[RowMapping],
    wanted: Mapping[str, datetime | None],
    receipt_id: str | None,
) -> None:
    """Write since when registrations are absent, None for those that are there; at most 1,000 at once.

    `wanted` names rows of `rows` by id. History and links follow as they do for a record that says so.
    """
    moved = [dict(row) for row in rows if row["id"] in wanted and row["absent_at"] != wanted[row["id"]]]
    if not moved:
        return
    before = {row["id"]: row["state"] for row in moved}
    for row in moved:
        row["absent_at"] = wanted[row["id"]]
        row["state"] = RegistrationState.LEFT.value if row["absent_at"] else RegistrationState.ACTIVE.value
    # What a person corrected outlives this as it does a record: who was said to have left stays so.
    await apply_corrections(work.connection, keys, [row for row in moved if not row["absent_at"]], work.now)
    values = [{"id_": row["id"], "now_": row["state"], "at_": row["absent_at"]} for row in moved]
    statement = update(registration).where(registration.c.id == bindparam("id_"))
    statement = statement.values(state=bindparam("now_"), absent_at=bindparam("at_"))
    await work.connection.execute(statement, values)
    changed = [row for row in moved if row["state"] != before[row["id"]]]
    await insert_rows(
        work.connection, registration_history, [_history(row, receipt_id, work.now) for row in changed]
    )
    indexes = {row[name] for row in changed for name in ("identity_index", "phone_index") if row[name]}
    await review_links(work.connection, keys, {row["id"] for row in changed}, indexes, work.now)


async def forget_absent_contents(connection: AsyncConnection, before: datetime) -> int:
    """Wipe name, phone and number of registrations absent since before a time; returns how many.

    Their version keeps its time alone, so that the same record, sent again, is stored again.
    """
    c = registration.c
    emptied = dict.fromkeys(("sealed", "phone_index", "phone4_index", "name_index", "identity_index"), None)
    statement = update(registration).where(c.absent_at < before, c.version_id != "")
    gone = await connection.execute(statement.values(**emptied, version_id="", digest=b""))
    return int(gone.rowcount)


def _history(row: Mapping[str, Any], receipt_id: str | None, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "registration_id": row["id"],
        "version_at": row["absent_at"] or row["version_at"],
        "state": row["state"],
        "employment": row["employment"],
        "station_ref": row["station_ref"],
        "receipt_id": receipt_id,
        "recorded_at": now,
    }
