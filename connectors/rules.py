"""Rules across the fields of one record, and the one form in which a record is kept and hashed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, cast

import msgspec

from connectors.fields import FIRST_YEAR, LAST_YEAR
from connectors.identity import is_id_number, is_mobile
from connectors.problems import Problem
from connectors.records import (
    MAX_WORK_AREA_DECIMALS,
    Frame,
    Place,
    Record,
    Registration,
    Request,
    Station,
    WorkArea,
)

RULES_IN_WORDS: Final[dict[str, str]] = {
    "station": (
        "An upsert needs a name, and an address, a community code or a point. lng and lat come together "
        "and with a frame, here or for the whole feed. active_to is not before active_from."
    ),
    "registration": (
        "An upsert needs employment and effective_at. dedicated needs station_ref; crowdsourced needs "
        "work_area with a community code or a point of at most 3 decimals. A point needs a frame, in the "
        "work area, in the row or for the whole feed. leave and retract need none of these. "
        "name, phone, phone_ext, id_number and id_hash are of tier B; only one of the last two is sent."
    ),
    "request": (
        "The place needs an address, a community code or a point; a point needs a frame, in the place, "
        "in the row or for the whole feed."
    ),
}
"""What the rules below say, for the published schema."""

_TIMES: Final = ("updated_at", "effective_at", "occurred_at")


def in_one_form(record: Record, frame: Frame | None) -> Record:
    """Return the record with UTC times, and its frame beside its point wherever the sender stated it."""
    changes: dict[str, object] = {}
    for name in _TIMES:
        moment = getattr(record, name, None)
        if moment is not None and moment.tzinfo is not UTC:
            changes[name] = moment.astimezone(UTC)
    if isinstance(record, Station):
        if record.lng is None and record.lat is None:
            changes |= {"frame": None} if record.frame else {}
        elif record.frame is None and frame:
            changes["frame"] = frame
    else:
        changes |= _framed_part(record, frame)
    return msgspec.structs.replace(record, **changes) if changes else record


def _framed_part(record: Registration | Request, frame: Frame | None) -> dict[str, object]:
    changes: dict[str, object] = {"frame": None} if record.frame else {}
    name = "work_area" if isinstance(record, Registration) else "place"
    part = cast("WorkArea | Place | None", getattr(record, name))
    if part is None:
        return changes
    has_point = part.lng is not None or part.lat is not None
    wanted = (part.frame or record.frame or frame) if has_point else None
    if wanted != part.frame:
        changes[name] = msgspec.structs.replace(part, frame=wanted)
    return changes


def is_regular(record: Record) -> bool:
    """Tell whether values that a schema can't judge are in their one form already.

    What is not goes through the field-by-field reading, which normalises or names the fault.
    """
    for name in _TIMES:
        moment = cast("datetime | None", getattr(record, name, None))
        if moment is not None and not FIRST_YEAR < moment.year < LAST_YEAR:
            return False
    if isinstance(record, Station):
        return _plain_reference(record.station_ref) and _plain_days(record)
    if not _plain_reference(record.record_id) or not _plain_reference(record.platform_rider_ref):
        return False
    if isinstance(record, Request):
        return True
    return (
        _plain_reference(record.station_ref)
        and (record.phone is None or is_mobile(record.phone))
        and (record.id_number is None or is_id_number(record.id_number))
    )


def _plain_reference(reference: str | None) -> bool:
    return reference is None or not is_id_number(reference.upper())


def _plain_days(record: Station) -> bool:
    days = (record.active_from, record.active_to)
    return _plain_reference(record.record_id) and all(
        day is None or FIRST_YEAR <= day.year <= LAST_YEAR for day in days
    )


def cross_problems(record: Record) -> Iterator[Problem]:
    """Yield the faults that only several fields together show; fields may be None where unread."""
    if isinstance(record, Station):
        yield from _station(record)
    elif isinstance(record, Registration):
        yield from _registration(record)
    elif isinstance(record.place, Place):
        yield from _point(record.place, "place.")
        if not _is_somewhere(record.place) and not record.place.address:
            yield Problem("place", "place_required")


def _station(record: Station) -> Iterator[Problem]:
    yield from _point(record, "")
    if record.op == "upsert":
        if record.name is None:
            yield Problem("name", "field_required")
        if not record.address and not _is_somewhere(record):
            yield Problem("address", "station_place_required")
    if record.active_from and record.active_to and record.active_to < record.active_from:
        yield Problem("active_to", "dates_reversed")


def _registration(record: Registration) -> Iterator[Problem]:
    if record.id_number is not None and record.id_hash is not None:
        yield Problem("id_hash", "id_number_and_hash")
    area = record.work_area
    if area is not None:
        yield from _point(area, "work_area.")
        for name in ("lng", "lat"):
            degrees = getattr(area, name)
            if degrees is not None and round(degrees, MAX_WORK_AREA_DECIMALS) != degrees:
                detail = {"limit": MAX_WORK_AREA_DECIMALS}
                yield Problem(f"work_area.{name}", "work_area_too_precise", detail)
    if record.op != "upsert":
        return
    for name in ("employment", "effective_at"):
        if getattr(record, name) is None:
            yield Problem(name, "field_required")
    if record.employment == "dedicated" and record.station_ref is None:
        yield Problem("station_ref", "station_ref_required")
    if record.employment == "crowdsourced" and (area is None or not _is_somewhere(area)):
        yield Problem("work_area", "work_area_required")


def _is_somewhere(part: Station | WorkArea | Place) -> bool:
    return part.community_code is not None or part.lng is not None or part.lat is not None


def _point(part: Station | WorkArea | Place, prefix: str) -> Iterator[Problem]:
    if part.lng is None and part.lat is None:
        return
    for name in ("lng", "lat"):
        if getattr(part, name) is None:
            yield Problem(f"{prefix}{name}", "point_incomplete")
    if part.frame is None:
        yield Problem(f"{prefix}frame", "frame_required")
