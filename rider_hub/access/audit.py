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

__all__ = ["actor_named", "record", "tampered"]

#: What riders do to their own data: one word for a choice of community, a declaration, a consent, an answer.
OWN = "rider.own"


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
        "actor": actor_named(keys, actor, operation),
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


def actor_named(keys: Keyring, actor: Actor, operation: str) -> str:
    """Return the name under which the trail keeps who did an operation.

    A rider who declares, consents or answers does it as "rider.own": with the rider's id beside it, a copied
    database would tell who ever did. So that word goes with a pseudonym of its own, found again by the key.
    """
    if actor.rider_id is None or operation != OWN:
        return actor.id
    return f"rider:{keys.blind('lasting', OWN, actor.rider_id).hex()[:32]}"


async def tampered(connection: AsyncConnection, keys: Keyring) -> list[str]:
    """Return the ids of rows whose content no longer agrees with their MAC."""
    rows = (await connection.execute(select(audit_row))).mappings()
    return [row["id"] for row in rows if not keys.verifies("audit", _message(row), row["mac"])]


def _message(row: Mapping[str, Any] | RowMapping) -> bytes:
    return msgspec.json.encode({key: row[key] for key in sorted(row.keys() - {"mac"})}, order="deterministic")
