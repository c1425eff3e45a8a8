"""Plans the demo's bad input: rows to be refused or held, and a station batch in a wrong frame."""

from dataclasses import replace
from datetime import date

import numpy as np

from rider_hub.demo.places import Ground
from rider_hub.demo.world_feeds import station_records
from rider_hub.demo.world_model import (
    Company,
    Expected,
    Fault,
    FaultKind,
    Feed,
    Frame,
    FrameFault,
    Record,
    Station,
)
from rider_hub.demo.world_stations import PLATFORMS, address

FRAME_FAULT_ROWS = 40  # at least 30 rows must state their street for a verdict
FRAME_FAULT_PLATFORM = PLATFORMS[0]
FRAME_FAULT_ACTUAL: Frame = "bd09"
PLATFORM_DIGIT = {platform.code: str(i) for i, platform in enumerate(PLATFORMS, start=1)}
EXPECTED: dict[FaultKind, Expected] = {
    "unknown_employment": "refused",
    "missing_field": "refused",
    "malformed_phone": "refused",
    "precise_work_area": "refused",
    "forbidden_field": "refused",
    "duplicate": "unchanged",
    "unknown_station": "waiting",
}


def build_faults(feeds: tuple[Feed, ...], ground: Ground) -> tuple[Fault, ...]:
    """Return each kind of bad registration once a platform; all but the duplicate have refs of their own."""
    return tuple(
        _fault(feed, kind, number, ground)
        for feed in feeds
        if feed.registrations
        for number, kind in enumerate(EXPECTED, start=1)
    )


def build_frame_faults(ground: Ground, *, today: date, rng: np.random.Generator) -> tuple[FrameFault, ...]:
    """Return one batch of new stations whose bd09 coordinates go out as gcj02; each row names its street."""
    spots = rng.choice(len(ground.spots), size=FRAME_FAULT_ROWS, replace=len(ground.spots) < FRAME_FAULT_ROWS)
    platform = FRAME_FAULT_PLATFORM
    stations = tuple(_moved_station(ground, int(spot), i, today) for i, spot in enumerate(spots, start=1))
    records = station_records(stations, ground.street_names, FRAME_FAULT_ACTUAL, platform.frame)
    return (FrameFault(platform.code, platform.frame, FRAME_FAULT_ACTUAL, records),)


def _moved_station(ground: Ground, spot: int, number: int, today: date) -> Station:
    row = ground.communities.iloc[ground.spot_community[spot]]
    platform: Company = FRAME_FAULT_PLATFORM
    return Station(
        ref=f"{platform.code.upper()}-{ground.county}-X{number:03d}",
        name=f"{platform.name}新址{number:02d}站",
        platform=platform.code,
        partner=None,
        address=address(ground, row["code"], row["name"]),
        street=row["code"][:9],
        community=row["code"],
        stated_community=row["code"],
        lng=float(ground.spots[spot, 0]),
        lat=float(ground.spots[spot, 1]),
        active_from=today,
        headcount=10,
    )


def _fault(feed: Feed, kind: FaultKind, number: int, ground: Ground) -> Fault:
    """Spoil a copy of the feed's first row in one way."""
    first = feed.registrations[0]
    prefix = feed.platform.upper()
    ref = f"{prefix}RX{number:03d}"
    fresh = {
        "record_id": f"{ref}-1",
        "op": "upsert",
        "platform_rider_ref": ref,
        "employment": "crowdsourced",
        "work_area": {"community_code": ground.communities["code"].iloc[0]},
        "effective_at": first["effective_at"],
        "updated_at": first["updated_at"],
        "name": f"骑手误{number:04d}",
        "phone": f"1999{PLATFORM_DIGIT[feed.platform]}{number:06d}",
    }
    fault = Fault(feed.platform, kind, "registration", fresh, EXPECTED[kind])
    if kind == "forbidden_field":
        return replace(fault, native_extra={"政治面貌": "示例"})
    return replace(fault, record=_spoiled(kind, fresh, first, feed.frame, f"{prefix}-{ground.county}-9999"))


def _spoiled(kind: FaultKind, fresh: Record, first: Record, frame: Frame, unknown: str) -> Record:
    if kind == "duplicate":
        return dict(first)
    if kind == "missing_field":
        return {name: value for name, value in fresh.items() if name != "employment"}
    changes: dict[str, Record] = {
        "unknown_employment": {"employment": "其他"},
        "malformed_phone": {"phone": "199-0000"},
        "precise_work_area": {"work_area": {"lng": 116.412345, "lat": 39.912345, "frame": frame}},
        "unknown_station": {"employment": "dedicated", "station_ref": unknown, "work_area": None},
    }
    return {name: value for name, value in (fresh | changes[kind]).items() if value is not None}
