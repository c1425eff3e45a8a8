"""The one form in which a record is kept and hashed; a record that is in it already passes quickly."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, cast

import msgspec
from msgspec.structs import force_setattr

from connectors.fields import FIRST_YEAR, LAST_YEAR
from connectors.identity import ID_LENGTH, is_community_code, is_id_hash, is_id_number, is_mobile
from connectors.records import Frame, Place, Record, Registration, Request, Station, WorkArea

# The bytes with which all of these begin; no Chinese character does. Dropping them is many times quicker than
# the pattern, and of most rows nothing is dropped.
_RARE: Final = b"\\ \x7f\xc2\xe1\xe2\xe3"
# In compact canonical JSON a backslash shows a control character or a quote, a blank beside a quote padding.
# DEL and the two Unicode line ends are not escaped, so named here.
_ODD: Final = re.compile(
    rb'\\|\x7f|\xe2\x80[\xa8\xa9]|"(?: |\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xaf]|'
    rb"\xe2\x81\x9f|\xe3\x80\x80)|(?: |\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xaf]|"
    rb'\xe2\x81\x9f|\xe3\x80\x80)"'
)


canonical: Final[Callable[[Record], bytes]] = msgspec.json.Encoder(order="sorted").encode
"""Return a record as canonical JSON: compact, keys sorted, no empty field."""


def digest_of(text: bytes) -> bytes:
    """Return the SHA-256 of canonical JSON."""
    return sha256(text).digest()


def looks_odd(text: bytes) -> bool:
    """Say whether canonical JSON holds text that a schema can't judge: it needs the closer look."""
    return len(text.translate(None, _RARE)) != len(text) and _ODD.search(text) is not None


def settle(record: Record, frame: Frame | None) -> None:
    """Give a record UTC times, and its frame beside its point wherever the sender stated it.

    It is changed as it stands, so it must be one that nobody else holds yet.
    """
    if isinstance(record, Registration):
        # Written out: most rows of all feeds pass here.
        updated, effective = record.updated_at, record.effective_at
        if updated is not None and updated.tzinfo is not UTC:
            force_setattr(record, "updated_at", updated.astimezone(UTC))
        if effective is not None and effective.tzinfo is not UTC:
            force_setattr(record, "effective_at", effective.astimezone(UTC))
        if record.work_area is not None or record.frame is not None:
            _settle_part(record, record.work_area, frame)
    elif isinstance(record, Request):
        _settle_time(record, "updated_at", record.updated_at)
        _settle_time(record, "occurred_at", record.occurred_at)
        _settle_part(record, cast("Place | None", record.place), frame)
    else:
        _settle_time(record, "updated_at", record.updated_at)
        _settle_point(record, frame)


def _settle_time(record: Record, name: str, moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is not UTC:
        force_setattr(record, name, moment.astimezone(UTC))


def _settle_part(record: Registration | Request, part: WorkArea | Place | None, frame: Frame | None) -> None:
    if part is not None:
        _settle_point(part, record.frame or frame)
    if record.frame is not None:
        force_setattr(record, "frame", None)


def _settle_point(part: Station | WorkArea | Place, stated: Frame | None) -> None:
    if part.lng is None and part.lat is None:
        if part.frame is not None:
            force_setattr(part, "frame", None)
    elif part.frame is None and stated:
        force_setattr(part, "frame", stated)


def is_regular(record: Record) -> bool:
    """Tell whether values that a schema can't judge are in their one form already.

    What is not goes through the field-by-field reading, which normalises or names the fault.
    """
    if isinstance(record, Registration):
        # Written out: most rows of all feeds pass here.
        effective, area, station = record.effective_at, record.work_area, record.station_ref
        return (
            (len(record.record_id) != ID_LENGTH or _plain(record.record_id))
            and (len(record.platform_rider_ref) != ID_LENGTH or _plain(record.platform_rider_ref))
            and (station is None or len(station) != ID_LENGTH or _plain(station))
            and FIRST_YEAR < record.updated_at.year < LAST_YEAR
            and (effective is None or FIRST_YEAR < effective.year < LAST_YEAR)
            and (record.phone is None or is_mobile(record.phone))
            and (record.id_hash is None or is_id_hash(record.id_hash))
            and (record.id_number is None or is_id_number(record.id_number))
            and (area is None or _plain_place(area))
        )
    if isinstance(record, Station):
        references = _plain(record.station_ref) and _plain(record.record_id)
        return references and _plain_time(record.updated_at) and _plain_days(record) and _plain_place(record)
    times = _plain_time(record.updated_at) and _plain_time(record.occurred_at)
    references = _plain(record.record_id) and _plain(record.platform_rider_ref)
    return times and references and _plain_place(record.place)


def _plain_time(moment: datetime | None) -> bool:
    # Beside the bounds the year may change with the zone.
    return moment is None or FIRST_YEAR < moment.year < LAST_YEAR


def _plain(reference: str | None) -> bool:
    return reference is None or len(reference) != ID_LENGTH or not is_id_number(reference.upper())


def _plain_place(part: Station | WorkArea | Place) -> bool:
    # Not a number keeps every bound that is asked the wrong way round.
    code, lng, lat = part.community_code, part.lng, part.lat
    return (
        (code is None or is_community_code(code))
        and (lng is None or lng == lng)  # noqa: PLR0124
        and (lat is None or lat == lat)  # noqa: PLR0124
    )


def _plain_days(record: Station) -> bool:
    days = (record.active_from, record.active_to)
    return all(day is None or FIRST_YEAR <= day.year <= LAST_YEAR for day in days)
