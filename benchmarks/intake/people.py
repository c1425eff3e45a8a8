"""Registrations as a platform of tier B sends them, of nobody: signed bodies of NDJSON, compressed."""

import gzip
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rider_hub.clock import SHANGHAI
from tests.rider_hub.intake.build import STREETS, WEST, WIDTH, station

__all__ = ["STATIONS", "bodies", "line", "station_body"]

STATIONS = 200
_FIRST = datetime(2026, 10, 1, 9, tzinfo=SHANGHAI)
_DEDICATED = 0.4
_POINT_EVERY = 10
#: One rider in so many shares the phone of the one before: a link to be proposed.
_SHARED_EVERY = 100


def line(number: int) -> bytes:
    """Return one registration as its platform would send it: name, phone, hashed number, work place."""
    phone = number - 1 if number % _SHARED_EVERY == 0 else number
    row: dict[str, Any] = {
        "record_id": f"D{number:08d}-1",
        "platform_rider_ref": f"D{number:08d}",
        "updated_at": (_FIRST + timedelta(seconds=number)).isoformat(),
        "effective_at": (_FIRST - timedelta(days=number % 900)).isoformat(),
        "name": f"骑手{number:08d}号",
        "phone": f"{19_900_000_000 + phone}",
        "id_hash": hashlib.sha256(b"%d" % number).hexdigest(),
    }
    return msgspec.json.encode(row | _work(number)) + b"\n"


def _work(number: int) -> dict[str, Any]:
    if number % 10 < _DEDICATED * 10:
        return {"employment": "dedicated", "station_ref": f"S-{number % STATIONS}"}
    street = number % len(STREETS)
    area: dict[str, Any] = {"community_code": f"{STREETS[street]}001"}
    if number % _POINT_EVERY == _POINT_EVERY - 1:
        area |= {"lng": round(WEST + (street + 0.5) * WIDTH, 3), "lat": 39.915, "frame": "wgs84"}
    return {"employment": "crowdsourced", "work_area": area}


def bodies(rows: int, size: int, *, first: int = 0) -> Iterator[bytes]:
    """Yield the bodies of pushes of `size` rows each, as they are sent."""
    for start in range(first, first + rows, size):
        end = min(start + size, first + rows)
        yield gzip.compress(b"".join(map(line, range(start, end))), 6, mtime=0)


def station_body() -> bytes:
    """Return the body that brings the stations in."""
    rows = (msgspec.json.encode(station(number)) for number in range(STATIONS))
    return gzip.compress(b"\n".join(rows), 6, mtime=0)
