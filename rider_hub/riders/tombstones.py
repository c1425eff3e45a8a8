"""What is left of an erased registration: a keyed mark, so that sending it again does not bring it back.

The mark is HMAC(platform, platform_rider_ref); with it stands up to which version all is forgotten, and
whether the registration had ended by then. No name, no reference, no id.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from rider_hub.access import Keyring
from rider_hub.riders.model import Outcome, RegistrationState
from rider_hub.riders.rows import record_of
from rider_hub.riders.tables import erasure_tombstone
from rider_hub.storage import among, in_batches, in_slices, upsert_rows

__all__ = ["NOT_STORED", "again_code", "bury", "lift", "lift_by_code", "mark_of", "marks_of", "sift"]

#: The one neutral word to a sender, whatever the reason: erased at the rider's wish, or kept for long enough.
NOT_STORED: Final = "not_stored"

_VALUES_A_QUERY = 500
#: A mark begins with its key's own bytes, the same in all; some 80 bits after them are not to be guessed.
_CODE_BYTES = 15
_GROUP = 4


def mark_of(keys: Keyring, platform: str, ref: str) -> bytes:
    """Return the keyed mark of a registration."""
    return marks_of(keys, platform, [ref])[0]


def marks_of(keys: Keyring, platform: str, refs: Iterable[str]) -> list[bytes]:
    """Return the keyed mark of each registration of a platform."""
    return keys.blind_many("lasting", "erased", [f"{platform}\x00{ref}" for ref in refs])


async def bury(
    connection: AsyncConnection, keys: Keyring, registrations: Iterable[Mapping[str, Any] | RowMapping]
) -> list[bytes]:
    """Leave the marks of registrations that are about to be deleted, and return them."""
    rows = [
        {
            "mark": mark_of(keys, row["platform"], row["platform_rider_ref"]),
            "version_at": row["version_at"],
            "ended": row["state"] != RegistrationState.ACTIVE,
        }
        for row in registrations
    ]
    await upsert_rows(connection, erasure_tombstone, rows, key=["mark"])
    return [row["mark"] for row in rows]


@dataclass
class _Grave:
    version_at: datetime
    ended: bool


async def sift(
    connection: AsyncConnection, keys: Keyring, platform: str, records: Sequence[Checked]
) -> tuple[list[Checked], dict[int, Outcome]]:
    """Part records into those to be taken in and those of erased registrations, with outcomes of the latter.

    An erased registration is stored again once the rider joined anew: the platform said it had ended, after
    the erasure, and then sent a newer version. A registration that had ended before it was erased needs the
    newer version alone. What is sent while it goes on is not stored.
    """
    refs = list({record_of(one).platform_rider_ref for one in records})
    marks = dict(await in_slices(refs, lambda part: zip(part, marks_of(keys, platform, part), strict=True)))
    graves = await _graves(connection, marks.values())
    if not graves:
        return list(records), {}
    taken: list[Checked] = []
    outcomes: dict[int, Outcome] = {}
    reopened: set[bytes] = set()
    for one in sorted(records, key=lambda one: record_of(one).updated_at):
        record = record_of(one)
        mark = marks[record.platform_rider_ref]
        grave = graves.get(mark)
        if grave is None or mark in reopened:
            taken.append(one)
        elif record.op == "upsert" and grave.ended and record.updated_at > grave.version_at:
            reopened.add(mark)
            taken.append(one)
        else:
            outcomes[one.row] = Outcome(one.row, "not_stored", NOT_STORED)
            if record.updated_at > grave.version_at:
                graves[mark] = _Grave(record.updated_at, ended=record.op != "upsert")
    await _lift(connection, reopened)
    moved = [{"mark_": mark, "at": g.version_at, "over": g.ended} for mark, g in graves.items()]
    statement = update(erasure_tombstone).where(erasure_tombstone.c.mark == bindparam("mark_"))
    await connection.execute(statement.values(version_at=bindparam("at"), ended=bindparam("over")), moved)
    in_order = {one.row: one for one in taken}
    return [one for one in records if one.row in in_order], outcomes


async def lift(connection: AsyncConnection, keys: Keyring, platform: str, ref: str) -> bool:
    """Let a registration be stored again because the rider asks for it; says whether there was a mark."""
    return await _lift(connection, [mark_of(keys, platform, ref)]) > 0


async def lift_by_code(connection: AsyncConnection, code: str) -> bool:
    """Let the registration be stored again whose code the rider was given; says whether there was one."""
    plain = "".join(code.upper().split()).replace("-", "")
    try:
        start = base64.b32decode(plain)
    except (binascii.Error, ValueError):
        return False
    if len(start) != _CODE_BYTES:
        return False
    c = erasure_tombstone.c.mark
    query = select(c).where(c >= start, c < start + b"\xff" * 32)
    return await _lift(connection, (await connection.execute(query)).scalars().all()) > 0


def again_code(mark: bytes) -> str:
    """Return the code by which the rider, and nobody else, may have an erased registration stored again."""
    text = base64.b32encode(mark[:_CODE_BYTES]).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


async def _graves(connection: AsyncConnection, marks: Iterable[bytes]) -> dict[bytes, _Grave]:
    found: dict[bytes, _Grave] = {}
    for these in among(connection, erasure_tombstone.c.mark, set(marks)):
        query = select(erasure_tombstone).where(these)
        rows = (await connection.execute(query)).mappings()
        found |= {row["mark"]: _Grave(row["version_at"], row["ended"]) for row in rows}
    return found


async def _lift(connection: AsyncConnection, marks: Iterable[bytes]) -> int:
    lifted = 0
    for part in in_batches(sorted(marks), _VALUES_A_QUERY):
        gone = await connection.execute(delete(erasure_tombstone).where(erasure_tombstone.c.mark.in_(part)))
        lifted += int(gone.rowcount)
    return lifted
