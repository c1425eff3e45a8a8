"""Turning checked records into rows: sealing, keyed indexes, points into WGS 84; no query."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
import numpy as np
from sqlalchemy import RowMapping

from connectors.batch import Checked
from connectors.records import Registration, WorkArea
from geo.frames import read_points
from rider_hub.access import Keyring
from rider_hub.riders import indexes
from rider_hub.riders.model import WAITING_FOR_STATION, RegistrationState, Version
from rider_hub.storage import new_id

__all__ = [
    "history_row",
    "keyed_digests",
    "points_wgs84",
    "record_of",
    "registration_rows",
    "seal_persons",
    "without_number",
]

_PERSONAL = ("name", "phone", "phone_ext")
_NO_PERSON = dict.fromkeys(("sealed", "phone_index", "phone4_index", "name_index", "identity_index"))


def record_of(checked: Checked) -> Registration:
    """Return the record as the registration it is."""
    return cast("Registration", checked.record)


def without_number(checked: Checked, keys: Keyring, county: str) -> Checked:
    """Return the record with its identity number replaced by the hash a sender could have given instead.

    The digest is made anew, so that sending the number or its hash is the same content.
    """
    record = record_of(checked)
    if record.id_number is None:
        return checked
    hashed = indexes.identity_hash(keys, county, record.id_number)
    record = msgspec.structs.replace(record, id_number=None, id_hash=hashed)
    return Checked(checked.row, record, hashlib.sha256(msgspec.json.encode(record, order="sorted")).digest())


def keyed_digests(keys: Keyring, checked: Sequence[Checked]) -> list[bytes]:
    """Return the keyed digest of each record's content, by which it is known again."""
    return keys.blind_many("lasting", "digest", [one.digest.hex() for one in checked])


def registration_rows(
    news: Sequence[tuple[Checked, Version]],
    known: Mapping[str, RowMapping],
    *,
    platform: str,
    county: str,
    stations: Mapping[str, str],
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the rows of new versions, in order, but for what `seal_persons` puts into them.

    A row holds what its record says and nothing older: so a tombstone has no name, and the state depends on
    the greatest version alone. `known` are the rows there now by reference (they keep their ids), `stations`
    the divisions of the stations known by reference.
    """
    rows = []
    points = points_wgs84([record_of(checked).work_area for checked, _ in news])
    for (checked, version), (lng, lat) in zip(news, points, strict=True):
        record = record_of(checked)
        there = known.get(record.platform_rider_ref)
        row_id = there["id"] if there else new_id()
        area = record.work_area or WorkArea()
        waits = record.op == "upsert" and record.station_ref is not None
        rows.append(
            {
                "id": row_id,
                "rider_id": there["rider_id"] if there else new_id(),
                "platform": platform,
                "platform_rider_ref": record.platform_rider_ref,
                "state": RegistrationState.of_op(record.op).value,
                "employment": record.employment,
                "station_ref": record.station_ref,
                "area_community": area.community_code,
                "area_lng": lng,
                "area_lat": lat,
                "area_frame": area.frame,
                "county": county,
                "effective_at": record.effective_at or record.updated_at,
                "version_at": version.at,
                "version_id": version.record_id,
                "digest": version.digest,
                "seen_at": now,
                "absent_at": None,
                "hold": WAITING_FOR_STATION if waits and record.station_ref not in stations else None,
                **_NO_PERSON,
            }
        )
    return rows


def seal_persons(
    rows: Sequence[dict[str, Any]], keys: Keyring, said: Mapping[str, Registration]
) -> Sequence[dict[str, Any]]:
    """Put envelopes and indexes into rows, together, which takes less time; `said` are records by id."""
    records = [said[row["id"]] for row in rows]
    persons = [
        {name: getattr(record, name) for name in _PERSONAL if getattr(record, name) is not None}
        for record in records
    ]
    named = [(row["id"], values) for row, values in zip(rows, persons, strict=True)]
    identities = indexes.identity_indexes(keys, [record.id_hash for record in records])
    columns = indexes.person_columns(keys, named)
    for row, personal, identity in zip(rows, columns, identities, strict=True):
        row.update(personal, identity_index=identity)
    return rows


def points_wgs84(areas: Sequence[WorkArea | None]) -> list[tuple[float | None, float | None]]:
    """Read the points of work areas in the frames stated beside them, all at once."""
    points: list[tuple[float | None, float | None]] = [(None, None)] * len(areas)
    at = [i for i, area in enumerate(areas) if area is not None and area.lng is not None]
    stated = [cast("WorkArea", areas[i]) for i in at]
    if at:
        lng, lat = read_points(
            np.array([area.lng for area in stated], dtype=np.float64),
            np.array([area.lat for area in stated], dtype=np.float64),
            [str(area.frame) for area in stated],
        )
        for i, x, y in zip(at, lng.tolist(), lat.tolist(), strict=True):
            points[i] = (x, y)
    return points


def history_row(row: Mapping[str, Any], receipt_id: str | None, now: datetime) -> dict[str, Any]:
    """Return what the history keeps of a version; without a receipt it came by a correction."""
    return {
        "id": new_id(),
        "registration_id": row["id"],
        "version_at": row["version_at"],
        "state": row["state"],
        "employment": row["employment"],
        "station_ref": row["station_ref"],
        "receipt_id": receipt_id,
        "recorded_at": now,
    }
