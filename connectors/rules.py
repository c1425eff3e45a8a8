"""Rules across the fields of one record; what a single field must be stands in fields."""

from typing import Final

from connectors.problems import Problem
from connectors.records import (
    MAX_WORK_AREA_DECIMALS,
    Place,
    Record,
    Registration,
    Station,
    WorkArea,
)

# A number of so many decimals is a whole number of steps divided by them, to the last bit.
_STEPS: Final = 10**MAX_WORK_AREA_DECIMALS

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


REQUIRED_OF_UPSERT: Final[dict[str, tuple[str, ...]]] = {
    "station": ("name",),
    "registration": ("employment", "effective_at"),
    "request": (),
}
"""Fields that an upsert needs beyond those every record needs."""

REQUIRED_BY_EMPLOYMENT: Final = {"dedicated": "station_ref", "crowdsourced": "work_area"}
"""What says where a rider belongs, by employment."""


def cross_problems(record: Record) -> list[Problem]:
    """Return the faults that only several fields together show; fields may be None where unread."""
    if isinstance(record, Registration):
        return _registration(record)
    if isinstance(record, Station):
        return _station(record)
    if not isinstance(record.place, Place):
        return []
    found = _point(record.place, "place.")
    if not _is_somewhere(record.place) and not record.place.address:
        found.append(Problem("place", "place_required"))
    return found


def _station(record: Station) -> list[Problem]:
    found = _point(record, "")
    if record.op == "upsert":
        for name in REQUIRED_OF_UPSERT["station"]:
            if getattr(record, name) is None:
                found.append(Problem(name, "field_required"))
        if not record.address and not _is_somewhere(record):
            found.append(Problem("address", "station_place_required"))
    if record.active_from and record.active_to and record.active_to < record.active_from:
        found.append(Problem("active_to", "dates_reversed"))
    return found


def _registration(record: Registration) -> list[Problem]:
    found = []
    area = record.work_area
    if record.id_number is not None and record.id_hash is not None:
        found.append(Problem("id_hash", "id_number_and_hash"))
    if area is not None and (area.lng is not None or area.lat is not None):
        found += _point(area, "work_area.")
        for name, degrees in (("lng", area.lng), ("lat", area.lat)):
            if degrees is not None and round(degrees * _STEPS) / _STEPS != degrees:
                detail = {"limit": MAX_WORK_AREA_DECIMALS}
                found.append(Problem(f"work_area.{name}", "work_area_too_precise", detail))
    if record.op == "upsert":
        if record.employment is None or record.effective_at is None:
            missing = (name for name in REQUIRED_OF_UPSERT["registration"] if getattr(record, name) is None)
            found += [Problem(name, "field_required") for name in missing]
        where = REQUIRED_BY_EMPLOYMENT.get(record.employment or "")
        if where == "station_ref" and record.station_ref is None:
            found.append(Problem(where, "station_ref_required"))
        if where == "work_area" and (area is None or not _is_somewhere(area)):
            found.append(Problem(where, "work_area_required"))
    return found


def _is_somewhere(part: Station | WorkArea | Place) -> bool:
    return part.community_code is not None or part.lng is not None or part.lat is not None


def _point(part: Station | WorkArea | Place, prefix: str) -> list[Problem]:
    whole = part.lat is not None and part.frame is not None
    if whole if part.lng is not None else part.lat is None:
        return []
    found = [
        Problem(f"{prefix}{name}", "point_incomplete")
        for name in ("lng", "lat")
        if getattr(part, name) is None
    ]
    if part.frame is None:
        found.append(Problem(f"{prefix}frame", "frame_required"))
    return found
