"""The audit trail: who did what to what, why, and how it ended; each row carries its own MAC."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access.actor import Actor
from rider_hub.access.keys import Keyring
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.storage import insert_rows, new_id

__all__ = ["record", "tampered"]


async def record(
    connection: AsyncConnection,
    keys: Keyring,
    actor: Actor,
    operation: str,
    *,
    at: datetime,
    outcome: str,
    target: str = "",
    purpose: str = "",
    counts: Mapping[str, int] | None = None,
    subjects: Iterable[str] = (),
) -> str:
    """Write one row of the trail in the caller's transaction and return its id.

    One row a batch or page: `counts` say how much, `subjects` are the ids of riders whose data was opened.
    """
    row = {
        "id": new_id(),
        "at": at,
        "actor": actor.id,
        "operation": operation,
        "target": target,
        "purpose": purpose,
        "outcome": outcome,
        "counts": dict(counts or {}),
    }
    await insert_rows(connection, audit_row, [{**row, "mac": keys.mac("audit", _message(row))}])
    riders = sorted(set(subjects))
    await insert_rows(
        connection, audit_subject, [{"audit_id": row["id"], "rider_id": rider} for rider in riders]
    )
    return str(row["id"])


async def tampered(connection: AsyncConnection, keys: Keyring) -> list[str]:
    """Return the ids of rows whose content no longer agrees with their MAC."""
    rows = (await connection.execute(select(audit_row))).mappings()
    return [row["id"] for row in rows if not keys.verifies("audit", _message(row), row["mac"])]


def _message(row: Mapping[str, Any] | RowMapping) -> bytes:
    return msgspec.json.encode({key: row[key] for key in sorted(row.keys() - {"mac"})}, order="deterministic")
