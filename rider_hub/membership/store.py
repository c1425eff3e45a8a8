"""The sealed record of one rider: locked, read, written; there is no query over several riders."""

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring
from rider_hub.membership.envelopes import open_row, seal_row, subject_of
from rider_hub.membership.model import Declaration
from rider_hub.membership.tables import declaration
from rider_hub.storage import new_id, upsert_rows

__all__ = ["erase_record", "hold_record", "read_record", "write_record"]


async def hold_record(connection: AsyncConnection, keys: Keyring, rider_id: str) -> None:
    """Lock the rider's record until the transaction ends, making an empty one where there is none.

    Consent, withdrawal and sending take this lock first, so none of them acts on what another is changing.
    """
    row_id = new_id()
    row = {
        "id": row_id,
        "subject": subject_of(keys, rider_id),
        "sealed": seal_row(keys, "declaration", row_id, Declaration(rider_id)),
    }
    await upsert_rows(connection, declaration, [row], key=["subject"], keep=["id", "sealed"])
    held = select(declaration.c.id).where(declaration.c.subject == row["subject"]).with_for_update()
    await connection.execute(held)


async def read_record(connection: AsyncConnection, keys: Keyring, rider_id: str) -> Declaration:
    """Return what stands in the rider's record; without one an empty declaration."""
    query = select(declaration).where(declaration.c.subject == subject_of(keys, rider_id))
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return Declaration(rider_id)
    return msgspec.convert(open_row(keys, "declaration", row["id"], row["sealed"]), Declaration)


async def write_record(connection: AsyncConnection, keys: Keyring, value: Declaration) -> None:
    """Overwrite the rider's record, which the caller holds."""
    subject = subject_of(keys, value.rider_id)
    query = select(declaration.c.id).where(declaration.c.subject == subject)
    row_id = (await connection.execute(query)).scalar_one()
    sealed = seal_row(keys, "declaration", row_id, value)
    await connection.execute(update(declaration).where(declaration.c.id == row_id).values(sealed=sealed))


async def erase_record(connection: AsyncConnection, keys: Keyring, rider_id: str) -> int:
    """Delete the rider's record; returns how many rows went."""
    subject = subject_of(keys, rider_id)
    result = await connection.execute(delete(declaration).where(declaration.c.subject == subject))
    return int(result.rowcount)
