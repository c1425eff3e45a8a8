"""Tests of importing love stations and finding those near, on both databases."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from geo.datum import convert
from rider_hub.clock import FixedClock, local_date
from rider_hub.lovestations import store
from rider_hub.lovestations.model import OpenState, state_at
from rider_hub.lovestations.service import import_love_stations, nearby, nearest_open
from tests.factories import county_staff, make_hub
from tests.rider_hub.divisions.world import COMMUNITIES, COUNTY, STREETS, import_county, middle

STAFF = county_staff(COUNTY)
LNG, LAT = middle(COMMUNITIES[0])
#: 09:00 on a Monday in China.
NOW = FixedClock().now()


def row(code: str, metres_east: float = 0.0, **changes: Any) -> dict[str, Any]:
    """Return a row of a love station with defaults."""
    return {
        "code": code,
        "name": f"驿站{code}",
        "lng": LNG + metres_east / 85_400,
        "lat": LAT,
        "frame": "wgs84",
        "services": "饮水、充电",
        "opening_hours": "Mo-Su 08:00-20:00",
        "verified_on": "2026-10-20",
        **changes,
    }


async def test_love_stations_come_in_with_their_place(database_url: str, tmp_path: Path) -> None:
    """Points are converted, the division is found by the point, services and dates are read."""
    x, y = convert(LNG, LAT, "wgs84", "bd09")
    rows = [
        row("A"),
        row("B", lng=f"{x}", lat=f"{y}", frame="bd09", division=COMMUNITIES[2], capacity="12.0"),
    ]
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        assert (await import_love_stations(hub, STAFF, rows)).ok
        async with hub.database.read() as connection:
            found = await store.current(connection, COUNTY, local_date(NOW))
            assert (await store.current(connection, STREETS[2], local_date(NOW))).codes == []
    assert found.codes == ["A", "B"]
    assert [one.division for one in found.rows] == [COMMUNITIES[0], COMMUNITIES[2]]
    assert found.rows[0].services == ("饮水", "充电")
    assert found.rows[1].capacity == 12
    assert found.lng[1] == pytest.approx(LNG, abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"frame": ""}, ("frame", "frame_missing")),
        ({"frame": "beijing54"}, ("frame", "value_not_in_list")),
        ({"lng": LAT, "lat": LNG}, ("lng", "point_out_of_range")),
        ({"lng": ""}, ("lng", "point_half")),
        ({"lng": "nan"}, ("lng", "point_out_of_range")),
        ({"lng": "", "lat": ""}, ("lng", "field_required")),
        ({"lat": "北纬"}, ("lat", "number_invalid")),
        ({"lng": 120.0}, ("division", "division_unfound")),
        ({"division": "110101001777"}, ("division", "division_unknown")),
        ({"capacity": "-1"}, ("capacity", "integer_invalid")),
        ({"verified_on": "上周"}, ("verified_on", "date_invalid")),
    ],
)
async def test_a_bad_row_is_named(
    changes: dict[str, Any], fault: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    """Each fault is named by row, column and code, and refuses the file."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        report = await import_love_stations(hub, STAFF, [row("A"), row("B", **changes)])
        assert not report.stored
        assert [(one.row, one.path, one.code) for one in report.failures] == [(2, *fault)]
        async with hub.database.read() as connection:
            assert (await store.current(connection, COUNTY, local_date(NOW))).codes == []


async def test_unreadable_hours_are_noted(database_url: str, tmp_path: Path) -> None:
    """Hours nobody can read come in with a notice."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        report = await import_love_stations(hub, STAFF, [row("A", opening_hours="白天")])
        assert report.ok
        assert [one.code for one in report.notices] == ["hours_unreadable"]


async def test_only_the_surely_open_are_told_as_open(database_url: str, tmp_path: Path) -> None:
    """Closed, unreadable, unverified, stale and ended ones are never among the nearest open."""
    rows = [
        row("closed", 10, opening_hours="Mo-Su 20:00-23:00"),
        row("unknown", 20, opening_hours="白天"),
        row("never", 30, verified_on=""),
        row("stale", 40, verified_on="2026-05-05"),
        row("edge", 50, verified_on="2026-05-06"),
        row("ended", 60, valid_from="2026-01-01", valid_to="2026-11-01"),
        row("open", 70),
        row("far", 1600),
    ]
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        assert (await import_love_stations(hub, STAFF, rows)).ok
        async with hub.database.read() as connection:
            found = await nearest_open(connection, LNG, LAT, NOW, k=3, radius_m=1500.0)
            around = await nearby(connection, LNG, LAT, NOW, k=9, radius_m=1500.0)
    assert [(one.station.code, one.state) for one in found] == [
        ("edge", OpenState.OPEN),
        ("open", OpenState.OPEN),
    ]
    assert found[1].metres == pytest.approx(70, rel=0.01)
    assert {one.station.code: one.state.value for one in around} == {
        "closed": "closed",
        "unknown": "unknown",
        "never": "unverified",
        "stale": "unverified",
        "edge": "open",
        "open": "open",
    }


async def test_unverified_for_longer_than_the_limit_to_the_day(database_url: str, tmp_path: Path) -> None:
    """On the 180th day after the check a love station may be open; on the 181st it is unverified."""
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        await import_love_stations(hub, STAFF, [row("A", opening_hours="24/7", verified_on="2026-01-01")])
        async with hub.database.read() as connection:
            one = (await store.current(connection, COUNTY, date(2026, 11, 2))).rows[0]
    day = datetime(2026, 1, 1, 4, tzinfo=UTC)
    assert state_at(one, day + timedelta(days=180)) is OpenState.OPEN
    assert state_at(one, day + timedelta(days=181)) is OpenState.UNVERIFIED
