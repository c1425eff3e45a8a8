"""Tests of the version rule of stations and of where they lie, on both databases."""

from datetime import UTC, datetime
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.batch import Checked
from connectors.records import Station
from geo.datum import convert
from rider_hub.access import Hub
from rider_hub.organizations import network
from rider_hub.organizations.service import StationOutcome, upsert_stations
from rider_hub.organizations.tables import station
from tests.factories import county_staff, make_hub
from tests.rider_hub.divisions.world import COMMUNITIES, COUNTY, import_county, middle

STAFF = county_staff(COUNTY)
NOON = datetime(2026, 11, 1, 4, tzinfo=UTC)


def checked(row: int = 1, **fields: Any) -> Checked:
    """Return a checked station with defaults."""
    fields = {"station_ref": "S-1", "name": "东四站", "updated_at": NOON, "record_id": "r1", **fields}
    record = Station(**fields)
    return Checked(row, record, sha256(msgspec.json.encode(record, order="sorted")).digest())


async def upsert(hub: Hub, *records: Checked) -> StationOutcome:
    """Bring checked stations in."""
    async with hub.change(STAFF, "imports.change") as work:
        return await upsert_stations(work, "jia", COUNTY, records, hub.keys)


async def stored(hub: Hub) -> list[tuple[Any, ...]]:
    """Return ref, name and division of every station."""
    async with hub.database.read() as connection:
        query = select(station.c.station_ref, station.c.name, station.c.division, station.c.retracted)
        rows = await connection.execute(query.order_by(station.c.station_ref))
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_greatest_version_wins_in_any_order(
    order: tuple[int, ...], database_url: str, tmp_path: Path
) -> None:
    """Three versions in any order, one batch each, leave the latest."""
    versions = [checked(name=f"名{hour}", updated_at=NOON.replace(hour=hour)) for hour in (1, 2, 3)]
    async with make_hub(database_url, tmp_path) as hub:
        for at in order:
            await upsert(hub, versions[at])
        assert await stored(hub) == [("S-1", "名3", COUNTY, False)]


async def test_outcomes_are_counted(database_url: str, tmp_path: Path) -> None:
    """New and changed are accepted; the same again, or an older one, is unchanged; a clash is named."""
    async with make_hub(database_url, tmp_path) as hub:
        assert await upsert(hub, checked()) == StationOutcome(1, 0)
        assert await upsert(hub, checked()) == StationOutcome(0, 1)
        assert await upsert(hub, checked(name="旧", updated_at=NOON.replace(hour=1))) == StationOutcome(0, 1)
        clash = await upsert(hub, checked(row=7, name="同版不同文"))
        assert clash.conflicts == (7,)
        assert clash.accepted + clash.unchanged == 1
        again = await upsert(
            hub, checked(2, station_ref="S-2"), checked(3, station_ref="S-2"), checked(4, station_ref="S-3")
        )
        assert again == StationOutcome(2, 1)
        assert len(await stored(hub)) == 3


async def test_equal_versions_settle_the_same_way_round(database_url: str, tmp_path: Path) -> None:
    """Equal time and id with other content end in one state whichever came first."""
    one, two = checked(name="甲名"), checked(name="乙名")
    async with make_hub(database_url, tmp_path) as hub:
        await upsert(hub, one)
        await upsert(hub, two)
        first = await stored(hub)
        await upsert(hub, one)
        assert await stored(hub) == first
        await upsert(hub, two, one)
        assert await stored(hub) == first


async def test_a_retracted_station_leaves_the_network(database_url: str, tmp_path: Path) -> None:
    """A retraction is kept as a version and takes the station out of the network."""
    async with make_hub(database_url, tmp_path) as hub:
        await upsert(hub, checked())
        await upsert(hub, checked(op="retract", updated_at=NOON.replace(hour=9)))
        await upsert(hub, checked(updated_at=NOON.replace(hour=5)))
        assert (await stored(hub))[0][3] is True
        async with hub.database.read() as connection:
            assert (await network.load(connection, COUNTY, NOON.date())).stations == {}


async def test_a_station_lies_where_its_point_is(database_url: str, tmp_path: Path) -> None:
    """The point decides by current boundaries, in its frame; then the stated community; then the county."""
    lng, lat = middle(COMMUNITIES[4])
    x, y = convert(lng, lat, "wgs84", "gcj02")
    async with make_hub(database_url, tmp_path) as hub:
        await import_county(hub, STAFF)
        await upsert(
            hub,
            checked(
                station_ref="S-1", lng=float(x), lat=float(y), frame="gcj02", community_code=COMMUNITIES[0]
            ),
            checked(station_ref="S-2", community_code=COMMUNITIES[0]),
            checked(station_ref="S-3", community_code="110101999999"),
            checked(station_ref="S-4", lng=117.0, lat=lat, frame="wgs84"),
        )
        divisions = [row[2] for row in await stored(hub)]
        async with hub.database.read() as connection:
            place = (await network.load(connection, COUNTY, NOON.date())).stations["jia/S-1"]
    assert divisions == [COMMUNITIES[4], COMMUNITIES[0], COUNTY, COUNTY]
    assert place.stated_community == COMMUNITIES[0]
    assert place.lng == pytest.approx(lng, abs=1e-9)
