"""Turns the demo's world into what each platform sends: standard records in that platform's own frame."""

from datetime import datetime

from geo import datum
from rider_hub.demo.people import midnight
from rider_hub.demo.world_model import Company, Feed, Frame, Record, Registration, Rider, Station
from rider_hub.demo.world_stations import PLATFORMS

STATION_DECIMALS = 6


def build_feeds(
    stations: tuple[Station, ...], riders: tuple[Rider, ...], streets: dict[str, str]
) -> tuple[Feed, ...]:
    """Return one feed a platform; a rider who left again has a `leave` record after the first one."""
    return tuple(
        Feed(
            platform=platform.code,
            frame=platform.frame,
            stations=station_records(
                tuple(s for s in stations if s.platform == platform.code), streets, platform.frame
            ),
            registrations=tuple(_registration_records(platform, riders)),
        )
        for platform in PLATFORMS
    )


def station_records(
    stations: tuple[Station, ...], streets: dict[str, str], actual: Frame, stated: Frame | None = None
) -> tuple[Record, ...]:
    """Return station records with coordinates in the frame `actual`, stated as such unless told otherwise."""
    if not stations:
        return ()
    lng, lat = datum.convert([s.lng for s in stations], [s.lat for s in stations], "wgs84", actual)
    return tuple(
        _without_empty(
            {
                "record_id": f"{station.ref}-1",
                "station_ref": station.ref,
                "name": station.name,
                "platform": station.platform,
                "partner": station.partner,
                "address": station.address,
                "community_code": station.stated_community,
                "street": streets[station.street],
                "lng": round(float(lng[i]), STATION_DECIMALS),
                "lat": round(float(lat[i]), STATION_DECIMALS),
                "frame": stated or actual,
                "active_from": station.active_from.isoformat(),
                "headcount": station.headcount,
                "updated_at": midnight(station.active_from).isoformat(),
            }
        )
        for i, station in enumerate(stations)
    )


def _registration_records(platform: Company, riders: tuple[Rider, ...]) -> list[Record]:
    records = []
    for rider in riders:
        for registration in rider.registrations:
            if registration.platform == platform.code:
                records.append(registration_record(rider, registration, platform.frame))
                if registration.left_at is not None:
                    records.append(_leave_record(registration, registration.left_at))
    return records


def registration_record(rider: Rider, registration: Registration, frame: Frame) -> Record:
    """Return a registration's upsert record, without empty fields."""
    area = registration.work_area
    work_area = area and _without_empty(
        {
            "community_code": area.community_code,
            "lng": area.lng,
            "lat": area.lat,
            "frame": None if area.lng is None else frame,
        }
    )
    return _without_empty(
        {
            "record_id": f"{registration.ref}-1",
            "op": "upsert",
            "platform_rider_ref": registration.ref,
            "employment": registration.employment,
            "station_ref": registration.station_ref,
            "work_area": work_area,
            "effective_at": registration.effective_at.isoformat(),
            "updated_at": registration.updated_at.isoformat(),
            "name": rider.name,
            "phone": rider.phone,
            "id_hash": registration.id_hash,
        }
    )


def _leave_record(registration: Registration, left_at: datetime) -> Record:
    return {
        "record_id": f"{registration.ref}-2",
        "op": "leave",
        "platform_rider_ref": registration.ref,
        "effective_at": left_at.isoformat(),
        "updated_at": left_at.isoformat(),
    }


def _without_empty(record: Record) -> Record:
    return {name: value for name, value in record.items() if value is not None}
