"""Corrected fields of registrations: kept beside what the platform sends, so that no old value returns.

A correction names one field, its right value, and a keyed mark of the wrong one. Whatever version the
platform sends next: the wrong value again keeps the right one and is told to the platform; the right value is
well; any other is newer than what was corrected, and ends the correction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rider_hub.access import Keyring
from rider_hub.riders.indexes import person_columns
from rider_hub.riders.model import RegistrationState
from rider_hub.riders.searched import plain_name
from rider_hub.riders.tables import registration_correction
from rider_hub.storage import among, in_batches, new_id, upsert_rows

__all__ = [
    "CONFLICT",
    "FIELDS",
    "Correction",
    "Field",
    "apply_corrections",
    "corrections_of",
    "keep_correction",
    "opened",
    "patched",
]

Field = Literal["name", "phone", "station_ref", "state"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)
#: The warning a platform gets with a row that brings a corrected value back.
CONFLICT: Final = "differs_from_confirmed"

_VALUES_A_QUERY = 500
_PERSONAL = ("name", "phone")


class Correction(msgspec.Struct, frozen=True):
    """One corrected field as it is sealed; None takes the value away."""

    field: Field
    value: str | None


async def keep_correction(
    connection: AsyncConnection,
    keys: Keyring,
    row: Mapping[str, Any],
    correction: Correction,
    now: datetime,
) -> None:
    """Write down that a field of a registration is corrected from what stands there now."""
    wrong = _value(keys, row, correction.field)
    made = {
        "id": new_id(),
        "registration_id": row["id"],
        "field": correction.field,
        "instead_of": _mark(keys, correction.field, wrong),
        "made_at": now,
        "conflict_at": None,
    }
    cell = ("registration_correction", "sealed", made["id"])
    made["sealed"] = keys.seal("personal", cell, correction)
    there = (registration_correction.c.registration_id == row["id"]) & (
        registration_correction.c.field == correction.field
    )
    await connection.execute(delete(registration_correction).where(there))
    await upsert_rows(connection, registration_correction, [made], key=["id"])


async def corrections_of(
    connection: AsyncConnection, registrations: Iterable[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the corrections of registrations by their ids."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for these in among(connection, registration_correction.c.registration_id, set(registrations)):
        query = select(registration_correction).where(these)
        for row in (await connection.execute(query)).mappings():
            found[row["registration_id"]].append(dict(row))
    return found


async def apply_corrections(
    connection: AsyncConnection, keys: Keyring, rows: Sequence[dict[str, Any]], now: datetime
) -> set[str]:
    """Put corrected values into rows to be written; returns the ids of those that brought a wrong one."""
    known = await corrections_of(connection, [row["id"] for row in rows])
    conflicts: set[str] = set()
    ended: list[str] = []
    for row in rows:
        for kept in known.get(row["id"], ()):
            field: Field = kept["field"]
            sent = _value(keys, row, field)
            if sent is None and field in _PERSONAL:
                continue  # a platform that sends no names says nothing about this one
            if _mark(keys, field, sent) == kept["instead_of"]:
                row |= patched(keys, row, opened(keys, kept))  # noqa: PLW2901 - the rows themselves are mended
                conflicts.add(row["id"])
            elif sent != _plain(field, opened(keys, kept).value):
                ended.append(kept["id"])
    c = registration_correction.c
    for part in in_batches(ended, _VALUES_A_QUERY):
        await connection.execute(delete(registration_correction).where(c.id.in_(part)))
    for part in in_batches(sorted(conflicts), _VALUES_A_QUERY):
        told = update(registration_correction).where(c.registration_id.in_(part), c.conflict_at.is_(None))
        await connection.execute(told.values(conflict_at=now))
    return conflicts


def opened(keys: Keyring, kept: Mapping[str, Any]) -> Correction:
    """Open one correction."""
    content = keys.unseal("personal", ("registration_correction", "sealed", kept["id"]), kept["sealed"])
    return msgspec.convert(content, Correction)


def patched(keys: Keyring, row: Mapping[str, Any], correction: Correction) -> dict[str, Any]:
    """Return the columns of a row that a correction changes, indexes included."""
    if correction.field == "station_ref":
        return {"station_ref": correction.value}
    if correction.field == "state":
        return {"state": correction.value or RegistrationState.LEFT.value}
    values = _content(keys, row)
    values[correction.field] = correction.value
    values = {name: value for name, value in values.items() if value is not None}
    return person_columns(keys, [(row["id"], values)])[0]


def _value(keys: Keyring, row: Mapping[str, Any], field: Field) -> str | None:
    return _plain(field, _content(keys, row).get(field) if field in _PERSONAL else row[field])


def _plain(field: Field, value: str | None) -> str | None:
    return plain_name(value) if field == "name" and value else value


def _content(keys: Keyring, row: Mapping[str, Any]) -> dict[str, Any]:
    if not row["sealed"]:
        return {}
    content: dict[str, Any] = keys.unseal("personal", ("registration", "sealed", row["id"]), row["sealed"])
    return content


def _mark(keys: Keyring, field: Field, value: str | None) -> bytes:
    return keys.blind("lasting", "corrected", f"{field}\x00{value or ''}")
