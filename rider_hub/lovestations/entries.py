"""Reads rows of love stations; needs no database."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from geo.datum import FRAMES, convert
from rider_hub.divisions.faults import fault
from rider_hub.divisions.registry import Entry, read_entries
from rider_hub.divisions.rows import Cells, Row, separated
from rider_hub.errors import Failure
from rider_hub.lovestations.hours import parse

__all__ = ["LOVE_STATION", "read_love_stations", "unreadable_hours"]

LOVE_STATION: Final = {
    "code": ("编号", "驿站编号", "代码"),
    "name": ("名称", "驿站名称"),
    "address": ("地址", "驿站地址"),
    "division": ("区划", "区划代码", "社区代码", "所在社区代码", "community_code", "community"),
    "lng": ("经度",),
    "lat": ("纬度",),
    "frame": ("坐标系",),
    "services": ("服务", "服务内容", "服务项目"),
    "opening_hours": ("开放时间", "营业时间"),
    "capacity": ("容量", "容纳人数", "座位数"),
    "verified_on": ("核实日期", "最近核实", "last_verified"),
    "valid_from": ("启用日期", "开始日期"),
    "valid_to": ("停用日期", "截止日期"),
}
_FRAMES: Final = {name: (name,) for name in FRAMES}


def read_love_stations(rows: Iterable[Row], today: date, frame: str | None) -> list[Entry]:
    """Read love stations; points become WGS 84 by the row's frame, else by the one given for all."""

    def read(cells: Cells) -> Entry:
        start, end = cells.period(today)
        point = _point(cells, frame)
        division = cells.code("division")
        values: dict[str, Any] = {
            "code": cells.text("code", limit=48, required=True),
            "name": cells.text("name", limit=128, required=True),
            "address": cells.text("address", limit=256),
            "division": division,
            "lng": point[0] if point else None,
            "lat": point[1] if point else None,
            "services": _services(cells),
            "opening_hours": cells.text("opening_hours", limit=256) or "",
            "capacity": cells.integer("capacity", limit=100_000),
            "verified_on": cells.day("verified_on"),
            "valid_from": start,
            "valid_to": end,
        }
        entry = Entry(cells, values)
        if division is not None:
            entry.divisions.append(("division", division))
        return entry

    return read_entries(rows, LOVE_STATION, read)


def unreadable_hours(entries: Sequence[Entry]) -> tuple[Failure, ...]:
    """Return a notice for each good row whose hours nobody can tell."""
    return tuple(
        fault(entry.cells.number, "opening_hours", "hours_unreadable")
        for entry in entries
        if entry.good and parse(entry.values["opening_hours"]) is None
    )


def _point(cells: Cells, frame: str | None) -> tuple[float, float] | None:
    before = len(cells.failures)
    point = cells.point()
    if point is None:
        if len(cells.failures) == before:
            cells.fail("lng", "field_required")
        return None
    stated = frame if cells.raw("frame") is None else cells.choice("frame", _FRAMES)
    if stated is None:
        if cells.raw("frame") is None:
            cells.fail("frame", "frame_missing")
        return None
    lng, lat = convert(point[0], point[1], stated, "wgs84")
    return float(lng), float(lat)


def _services(cells: Cells) -> list[str]:
    value = cells.raw("services")
    if value is None:
        return []
    parts = separated(value) if isinstance(value, str) else [str(part) for part in value]
    return list(dict.fromkeys(parts))
