"""Intake, matching and love stations do their work on a database that refuses every membership table."""

from pathlib import Path

from rider_hub.assignments import service, store
from rider_hub.clock import FixedClock
from rider_hub.lovestations.service import nearby
from rider_hub.riders.store import snapshot
from tests.rider_hub.assignments.county import COUNTY, NOW, bring_in_county
from tests.rider_hub.membership_denied import membership_denied_hub


async def test_riders_are_taken_in_matched_and_served_without_reading_membership(
    database_url: str, tmp_path: Path
) -> None:
    """From the first row of a feed to love stations near by, no statement touches who declared."""
    async with membership_denied_hub(database_url, tmp_path, FixedClock()) as hub:
        county = await bring_in_county(hub)
        run_id = await service.preview_run(hub, county.staff, COUNTY)
        await service.approve_run(hub, county.staff, run_id)
        applied = await service.apply_run(hub, county.staff, run_id)
        await service.roll_back_run(hub, county.staff, run_id)
        async with hub.database.read() as connection:
            riders = await snapshot(connection, COUNTY, NOW)
            assert await store.current(connection, [rider.rider_id for rider in riders]) == {}
            place = county.world.love_stations[0]
            found = await nearby(connection, place.lng, place.lat, NOW, k=3, radius_m=1500.0)
        assert applied["applied"] == len(riders) > 150
        assert found
