"""Standard rows with defaults; a test sets only what it is about."""

from typing import Any

ID_NUMBER = "11010519491231002X"
"""The worked example of the identity number standard; it belongs to no living person."""


def registration(**changes: Any) -> dict[str, Any]:
    """Return a dedicated rider's registration."""
    row = {
        "record_id": "R-0001",
        "op": "upsert",
        "platform_rider_ref": "rider-0001",
        "employment": "dedicated",
        "station_ref": "S-01",
        "effective_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:00Z",
    }
    return row | changes


def crowdsourced(**area: Any) -> dict[str, Any]:
    """Return a crowdsourced rider's registration with a work area."""
    row = registration(employment="crowdsourced", work_area=area)
    del row["station_ref"]
    return row


def station(**changes: Any) -> dict[str, Any]:
    """Return a station."""
    row = {"station_ref": "S-01", "name": "示例一站", "address": "示例大街1号", "lng": 116.41, "lat": 39.93}
    return row | {"frame": "gcj02"} | changes


def request(**changes: Any) -> dict[str, Any]:
    """Return a service request."""
    row = {
        "record_id": "Q-1",
        "category": "停车难",
        "place": {"address": "示例大街1号"},
        "text": "取餐时无处停车",
        "updated_at": "2026-11-01T00:00:00Z",
    }
    return row | changes
