"""The one form in which a record is kept and hashed; a record that is in it already passes quickly."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, cast

import msgspec
from msgspec.structs import force_setattr

from connectors.fields import FIRST_YEAR, LAST_YEAR
from connectors.identity import is_id_number, is_mobile
from connectors.records import Frame, Place, Record, Registration, Station, WorkArea

_ID_LENGTH: Final = 18
# The bytes with which all of these begin; no Chinese character does. Dropping them is many times quicker than
# the pattern, and of most rows nothing is dropped.
_RARE: Final = b"\\ \x7f\xc2\xe1\xe2\xe3"
_encode: Final = msgspec.json.Encoder(order="sorted").encode
# In compact canonical JSON a backslash shows a control character or a quote, a blank beside a quote padding.
# DEL and the two Unicode line ends are not escaped, so named here.
_ODD: Final = re.compile(
    rb'\\|\x7f|\xe2\x80[\xa8\xa9]|"(?: |\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xaf]|'
    rb"\xe2\x81\x9f|\xe3\x80\x80)|(?: |\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xaf]|"
    rb'\xe2\x81\x9f|\xe3\x80\x80)"'
)


def canonical(record: Record) -> bytes:
    """Return a record as canonical JSON: compact, keys sorted, no empty field."""
    return _encode(record)


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
    moment = record.updated_at
    if moment is not None and moment.tzinfo is not UTC:
        force_setattr(record, "updated_at", moment.astimezone(UTC))
    if isinstance(record, Station):
        if record.lng is None and record.lat is None:
            force_setattr(record, "frame", None)
        elif record.frame is None and frame:
            force_setattr(record, "frame", frame)
        return
    name = "effective_at" if isinstance(record, Registration) else "occurred_at"
    moment = getattr(record, name)
    if moment is not None and moment.tzinfo is not UTC:
        force_setattr(record, name, moment.astimezone(UTC))
    stated = record.frame or frame
    if record.frame is not None:
        force_setattr(record, "frame", None)
    part = record.work_area if isinstance(record, Registration) else cast("Place | None", record.place)
    if part is not None:
        _settle_point(part, stated)


def _settle_point(part: WorkArea | Place, stated: Frame | None) -> None:
    if part.lng is None and part.lat is None:
        force_setattr(part, "frame", None)
    elif part.frame is None and stated:
        force_setattr(part, "frame", stated)


def is_regular(record: Record) -> bool:
    """Tell whether values that a schema can't judge are in their one form already.

    What is not goes through the field-by-field reading, which normalises or names the fault.
    """
    if isinstance(record, Registration):
        # Written out: most rows of all feeds pass here.
        for reference in (record.record_id, record.platform_rider_ref, record.station_ref):
            if reference is not None and len(reference) == _ID_LENGTH and not _plain(reference):
                return False
        return (
            _plain_time(record.updated_at)
            and _plain_time(record.effective_at)
            and (record.phone is None or is_mobile(record.phone))
            and (record.id_number is None or is_id_number(record.id_number))
            and (record.work_area is None or _plain_point(record.work_area))
        )
    if isinstance(record, Station):
        references = _plain(record.station_ref) and _plain(record.record_id)
        return references and _plain_time(record.updated_at) and _plain_days(record) and _plain_point(record)
    times = _plain_time(record.updated_at) and _plain_time(record.occurred_at)
    references = _plain(record.record_id) and _plain(record.platform_rider_ref)
    return times and references and _plain_point(record.place)


def _plain_time(moment: datetime | None) -> bool:
    # Beside the bounds the year may change with the zone.
    return moment is None or FIRST_YEAR < moment.year < LAST_YEAR


def _plain(reference: str | None) -> bool:
    return reference is None or len(reference) != _ID_LENGTH or not is_id_number(reference.upper())


def _plain_point(part: Station | WorkArea | Place) -> bool:
    # Not a number keeps every bound that is asked the wrong way round.
    lng, lat = part.lng, part.lat
    return (lng is None or lng == lng) and (lat is None or lat == lat)  # noqa: PLR0124


def _plain_days(record: Station) -> bool:
    days = (record.active_from, record.active_to)
    return all(day is None or FIRST_YEAR <= day.year <= LAST_YEAR for day in days)
