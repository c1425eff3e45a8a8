"""The sealed record of one rider: locked, read, written; there is no query over several riders.

Declaration and consent ledger stand in one envelope of one length, so a subject has one row, whoever it is:
neither the number of rows nor their size says how much a rider consented to.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring
from rider_hub.membership.envelopes import fits, open_row, seal_row, subject_of, subjects_of
from rider_hub.membership.model import Declaration, Entry, TooManyConsents
from rider_hub.membership.tables import declaration
from rider_hub.storage import in_batches, insert_rows, new_id, one_at_a_time

__all__ = [
    "Record",
    "all_records",
    "erase_record",
    "fill_records",
    "hold_record",
    "lock_order",
    "read_record",
    "read_records",
    "read_whole",
    "write_record",
    "write_whole",
]

_PAGE = 500
#: A line of the ledger with its id.
Line = tuple[str, Entry]


@dataclass(frozen=True)
class Record:
    """All that stands in one envelope."""

    declaration: Declaration
    lines: tuple[Line, ...] = ()
    #: Ended consents whose lines were given up for newer ones, since the envelope never grows.
    dropped: int = 0


class _Line(msgspec.Struct, frozen=True, array_like=True):
    id: str
    act: str
    purpose: str
    body: str
    notice_version: int
    at: datetime
    ends: str | None


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    rider_id: str
    declared: Declaration | None = None
    lines: tuple[_Line, ...] = ()
    dropped: int = 0


async def hold_record(connection: AsyncConnection, keys: Keyring, rider_id: str) -> None:
    """Lock the rider's record until the transaction ends, making an empty one where there is none.

    Consent, withdrawal and sending take this lock first, so none of them acts on what another is changing.
    While keys rotate, two processes may write under different pseudonyms of one rider, which the unique index
    can't tell; so making the record is one at a time, by a lock that is the same for both.
    """
    held = select(declaration.c.id).where(declaration.c.subject.in_(subjects_of(keys, rider_id)))
    held = held.with_for_update()
    if (await connection.execute(held)).first() is not None:
        return
    await one_at_a_time(connection, lock_order(keys, rider_id))
    if (await connection.execute(held)).first() is None:
        await insert_rows(connection, declaration, [_empty_row(keys, rider_id)])


def lock_order(keys: Keyring, rider_id: str) -> bytes:
    """Return what riders' records are locked in the order of, where a transaction locks several.

    It is the same in every process, also while keys rotate, and tells nothing of riders' ids: the order in
    which private rows are written can be read from a copied database.
    """
    return keys.derive("lasting", f"record\x00{rider_id}".encode())


async def fill_records(connection: AsyncConnection, keys: Keyring, riders: Iterable[str]) -> int:
    """Make the empty records of riders who have none; returns how many it found missing."""
    wanted = sorted(set(riders), key=lambda rider_id: lock_order(keys, rider_id))
    there = await read_records(connection, keys, wanted)
    missing = [rider_id for rider_id in wanted if rider_id not in there]
    for rider_id in missing:
        await hold_record(connection, keys, rider_id)
    return len(missing)


def _empty_row(keys: Keyring, rider_id: str) -> dict[str, object]:
    """Return the row of a rider who declared nothing and consented to nothing; it looks like any other."""
    row_id = new_id()
    sealed = seal_row(keys, "declaration", row_id, _Stored(rider_id))
    return {"id": row_id, "subject": subject_of(keys, rider_id), "sealed": sealed}


async def read_record(connection: AsyncConnection, keys: Keyring, rider_id: str) -> Declaration:
    """Return what a rider declared; without a record an empty declaration."""
    return (await read_whole(connection, keys, rider_id)).declaration


async def read_whole(connection: AsyncConnection, keys: Keyring, rider_id: str) -> Record:
    """Return a rider's declaration and ledger; without a record an empty one."""
    found = await read_records(connection, keys, [rider_id])
    return found.get(rider_id, Record(Declaration(rider_id)))


async def read_records(
    connection: AsyncConnection, keys: Keyring, riders: Iterable[str]
) -> dict[str, Record]:
    """Return the records of these riders; those without one are absent."""
    found: dict[str, Record] = {}
    for page in in_batches(sorted(set(riders)), _PAGE):
        subjects = [subject for rider_id in page for subject in subjects_of(keys, rider_id)]
        query = select(declaration).where(declaration.c.subject.in_(subjects))
        records = [_read(keys, row) for row in (await connection.execute(query)).mappings()]
        found |= {record.declaration.rider_id: record for record in records}
    return found


async def all_records(connection: AsyncConnection, keys: Keyring) -> AsyncIterator[Record]:
    """Give every record, in an order that means nothing; for jobs alone."""
    last = ""
    while True:
        # By id: pseudonyms may change between two pages while keys rotate.
        query = select(declaration).where(declaration.c.id > last)
        page = (await connection.execute(query.order_by(declaration.c.id).limit(_PAGE))).mappings().all()
        if not page:
            return
        for row in page:
            yield _read(keys, row)
        last = page[-1]["id"]


async def write_record(connection: AsyncConnection, keys: Keyring, value: Declaration) -> None:
    """Overwrite what the rider declared; the caller holds the record."""
    record = await read_whole(connection, keys, value.rider_id)
    await write_whole(connection, keys, replace(record, declaration=value))


async def write_whole(connection: AsyncConnection, keys: Keyring, record: Record) -> None:
    """Overwrite the record, which the caller holds.

    The envelope never grows: lines of consents that ended go first, the oldest before the others. Raises
    Conflict where what is live alone does not fit.
    """
    subjects = subjects_of(keys, record.declaration.rider_id)
    while not fits(_stored(record)):
        record = _without_oldest(record)
    query = select(declaration.c.id).where(declaration.c.subject.in_(subjects))
    row_id = (await connection.execute(query)).scalar_one()
    sealed = seal_row(keys, "declaration", row_id, _stored(record))
    await connection.execute(update(declaration).where(declaration.c.id == row_id).values(sealed=sealed))


async def erase_record(connection: AsyncConnection, keys: Keyring, rider_id: str) -> int:
    """Delete the rider's record; returns how many rows went."""
    subjects = subjects_of(keys, rider_id)
    result = await connection.execute(delete(declaration).where(declaration.c.subject.in_(subjects)))
    return int(result.rowcount)


def _without_oldest(record: Record) -> Record:
    ended = next((entry.ends for _, entry in record.lines if entry.ends is not None), None)
    if ended is None:
        raise TooManyConsents
    lines = tuple(line for line in record.lines if ended not in (line[0], line[1].ends))
    return replace(record, lines=lines, dropped=record.dropped + 1)


def _read(keys: Keyring, row: RowMapping) -> Record:
    stored = msgspec.convert(open_row(keys, "declaration", row["id"], row["sealed"]), _Stored)
    lines = tuple(
        (
            line.id,
            Entry(
                stored.rider_id,
                line.act,  # type: ignore[arg-type]
                line.purpose,
                line.body,
                line.notice_version,
                line.at,
                line.ends,
            ),
        )
        for line in stored.lines
    )
    return Record(stored.declared or Declaration(stored.rider_id), lines, stored.dropped)


def _stored(record: Record) -> _Stored:
    value = record.declaration
    lines = tuple(
        _Line(line_id, e.act, e.purpose, e.body, e.notice_version, e.at, e.ends)
        for line_id, e in record.lines
    )
    declared = None if value == Declaration(value.rider_id) else value
    return _Stored(value.rider_id, declared, lines, record.dropped)
