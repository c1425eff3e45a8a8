"""Match runs on a real county: preview, approve, apply, roll back."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from rider_hub.access import Hub, Scope
from rider_hub.assignments import service, store
from rider_hub.assignments.listing import list_assignments, list_differences
from rider_hub.assignments.model import Assignment
from rider_hub.assignments.tables import assignment, match_change
from rider_hub.assignments.totals import assignment_totals
from rider_hub.errors import Absent, Conflict, Refused
from rider_hub.riders.tables import rider
from tests.factories import county_staff, make_hub
from tests.rider_hub.assignments.county import COUNTY, County, bring_in_county, take


async def _applied(hub: Hub, county: County) -> str:
    run_id = await service.preview_run(hub, county.staff, COUNTY)
    await service.approve_run(hub, county.staff, run_id)
    await service.apply_run(hub, county.staff, run_id)
    return run_id


async def _in_force(hub: Hub) -> dict[str, Assignment]:
    async with hub.database.read() as connection:
        ids = (await connection.execute(select(rider.c.id))).scalars().all()
        return await store.current(connection, ids)


async def test_a_preview_changes_nothing(database_url: str, tmp_path: Path) -> None:
    """Before approval and apply no rider has an assignment, and the same inputs give the same digest."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        first = await service.show_run(
            hub, county.staff, await service.preview_run(hub, county.staff, COUNTY)
        )
        second = await service.show_run(
            hub, county.staff, await service.preview_run(hub, county.staff, COUNTY)
        )
        assert await _in_force(hub) == {}
        assert first["digest"] == second["digest"]
        assert first["counts"]["new"] + first["counts"]["unresolved"] == first["inputs"]["riders"] > 150


async def test_an_applied_run_answers_for_every_active_rider(database_url: str, tmp_path: Path) -> None:
    """Every active rider has an assignment or a reason code, and lies in the scope of the place found."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        run_id = await _applied(hub, county)
        found = await _in_force(hub)
        run = await service.show_run(hub, county.staff, run_id)
        assert len(found) == run["inputs"]["riders"] == run["outcome"]["applied"]
        assert all(each.community_branch and (each.community or each.unresolved) for each in found.values())
        async with hub.database.read() as connection:
            rows = await connection.execute(select(rider.c.id, rider.c.division))
            assert {row.id: row.division for row in rows if row.id in found} == {
                rider_id: each.division for rider_id, each in found.items()
            }
            totals = await assignment_totals(connection, county.staff.scope)
        assert totals.riders == len(found)
        assert totals.by_kind["station_branch"] == sum(
            each.station_branch is not None for each in found.values()
        )


async def test_a_second_run_finds_everything_unchanged(database_url: str, tmp_path: Path) -> None:
    """With nothing new there is no difference to approve."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        await _applied(hub, county)
        run = await service.show_run(hub, county.staff, await service.preview_run(hub, county.staff, COUNTY))
        assert {kind for kind, count in run["counts"].items() if count} == {"unchanged"}


async def test_rolling_back_restores_what_was_in_force(database_url: str, tmp_path: Path) -> None:
    """After a roll-back the assignments are those of before, and history keeps all versions."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        await _applied(hub, county)
        before = await _in_force(hub)
        station = dict(county.world.feeds[0].stations[0])
        moved = station | {
            "lng": station["lng"] + 0.02,
            "record_id": "moved",
            "updated_at": "2026-11-24T09:00:00+08:00",
        }
        moved.pop("community_code", None)
        await take(hub, county.world.feeds[0].platform, "station", [moved], "moved")
        county.clock.advance(hours=1)
        run_id = await _applied(hub, county)
        assert await _in_force(hub) != before
        county.clock.advance(hours=1)
        outcome = await service.roll_back_run(hub, county.staff, run_id)
        assert outcome["not_restored"] == []
        assert await _in_force(hub) == before
        async with hub.database.read() as connection:
            versions = await connection.execute(select(func.max(assignment.c.version)))
            assert versions.scalar_one() == 3


async def test_what_changed_since_is_not_rolled_back_but_named(database_url: str, tmp_path: Path) -> None:
    """A rider whose assignment a later run changed keeps it, and the roll-back says so."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        first = await _applied(hub, county)
        found = await _in_force(hub)
        chosen = next(
            each for each in found.values() if each.community and each.reasons["place"] != "own_choice"
        )
        other = next(
            each.community for each in found.values() if each.community not in {None, chosen.community}
        )
        async with hub.database.write() as connection:
            await connection.execute(
                rider.update().where(rider.c.id == chosen.rider_id).values(chosen_community=other)
            )
        second = await _applied(hub, county)
        outcome = await service.roll_back_run(hub, county.staff, first)
        assert outcome["not_restored"] == [chosen.rider_id]
        assert set(await _in_force(hub)) == {chosen.rider_id}
        async with hub.database.read() as connection:
            listed, total = await list_differences(
                connection, Scope.all(), second, kind="moved", limit=None, offset=0
            )
        assert [row["rider_id"] for row in listed] == [chosen.rider_id]
        assert total == 1


async def test_a_rider_changed_since_the_preview_is_skipped(database_url: str, tmp_path: Path) -> None:
    """Of two previews the second one applied skips every rider the first one changed."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        runs = [await service.preview_run(hub, county.staff, COUNTY) for _ in range(2)]
        outcomes = []
        for run_id in runs:
            await service.approve_run(hub, county.staff, run_id)
            outcomes.append(await service.apply_run(hub, county.staff, run_id))
        assert outcomes[0]["skipped"] == outcomes[1]["applied"] == 0
        assert outcomes[1]["skipped"] == outcomes[0]["applied"]


async def test_runs_move_only_forward(database_url: str, tmp_path: Path) -> None:
    """A run can't be applied before approval, nor twice, nor rolled back before it was applied."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        run_id = await service.preview_run(hub, county.staff, COUNTY)
        for step in (service.apply_run, service.roll_back_run):
            with pytest.raises(Conflict):
                await step(hub, county.staff, run_id)
        await service.approve_run(hub, county.staff, run_id)
        await service.apply_run(hub, county.staff, run_id)
        with pytest.raises(Conflict):
            await service.apply_run(hub, county.staff, run_id)


async def test_small_changes_apply_by_themselves_and_large_ones_wait(
    database_url: str, tmp_path: Path
) -> None:
    """The job previews the first match of a county; one rider's move it applies."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        first = await service.rematch(hub, county.staff, COUNTY)
        assert (first["applied"], first["waiting_for_approval"] > 50) == (0, True)
        await service.approve_run(hub, county.staff, first["run_id"])
        await service.apply_run(hub, county.staff, first["run_id"])
        assert await service.rematch(hub, county.staff, COUNTY) == {
            "run_id": (await _last_run(hub)),
            "applied": 0,
            "waiting_for_approval": 0,
        }
        found = next(iter((await _in_force(hub)).values()))
        async with hub.database.write() as connection:
            await connection.execute(
                rider.update().where(rider.c.id == found.rider_id).values(chosen_community="110101017001")
            )
        assert (await service.rematch(hub, county.staff, COUNTY))["applied"] == 1


async def _last_run(hub: Hub) -> str:
    async with hub.database.read() as connection:
        row = await store.last_run(connection, Scope.all(), COUNTY, "discarded")
    assert row is not None
    return str(row["id"])


async def test_a_street_sees_its_street_and_may_not_run(database_url: str, tmp_path: Path) -> None:
    """Street staff see exactly the assignments of their street, and neither preview nor approve."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        run_id = await _applied(hub, county)
        street = county.street_staff.scope.divisions[0]
        async with hub.database.read() as connection:
            rows, total = await list_assignments(
                connection, county.street_staff.scope, filters={}, limit=None, offset=0
            )
        expected = {
            each.rider_id for each in (await _in_force(hub)).values() if each.division.startswith(street)
        }
        assert {row["rider_id"] for row in rows} == expected
        assert total == len(expected) > 0
        with pytest.raises(Refused):
            await service.preview_run(hub, county.street_staff, COUNTY)
        with pytest.raises(Absent):
            await service.show_run(hub, county.street_staff, run_id)


async def test_another_countys_staff_can_neither_run_nor_see(database_url: str, tmp_path: Path) -> None:
    """A county's runs look absent from outside."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        run_id = await service.preview_run(hub, county.staff, COUNTY)
        outsider = county_staff("110105")
        for attempt in (
            service.preview_run(hub, outsider, COUNTY),
            service.show_run(hub, outsider, run_id),
            service.approve_run(hub, outsider, run_id),
        ):
            with pytest.raises(Absent):
                await attempt


async def test_only_differences_are_staged(database_url: str, tmp_path: Path) -> None:
    """Unchanged riders are counted and take no row."""
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        await _applied(hub, county)
        run_id = await service.preview_run(hub, county.staff, COUNTY)
        async with hub.database.read() as connection:
            query = select(func.count()).select_from(match_change).where(match_change.c.run_id == run_id)
            assert (await connection.execute(query)).scalar_one() == 0
