"""A work area that changes like a track holds its rider for review, whatever the order; no place is kept."""

import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role
from rider_hub.clock import FixedClock
from rider_hub.errors import Absent, Conflict
from rider_hub.parameters import parameter
from rider_hub.riders import store
from rider_hub.riders.area_changes import LIKE_TRACK, most_changes
from rider_hub.riders.area_reviews import release_work_area
from rider_hub.riders.tables import registration, work_area_mark, work_area_review
from rider_hub.views.retention import LIMITS
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import push, sender_of
from tests.rider_hub.riders.build import COUNTY, riders_of, row, take, tombstone
from tests.rider_hub.riders.staff_site import staff_site

NOW = datetime(2026, 10, 29, 12, tzinfo=UTC)
START = datetime(2026, 10, 1, tzinfo=UTC)
AREAS = (
    {"community_code": "110101001001"},
    {"community_code": "110101001002"},
    {"lng": 116.41, "lat": 39.93, "frame": "wgs84"},
    {"lng": 116.412, "lat": 39.93, "frame": "gcj02"},
)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub on each database at the end of October."""
    async with make_hub(database_url, tmp_path, FixedClock(NOW)) as opened:
        yield opened


def moves(*areas: int, ref: str = "R-1", every: int = 1) -> list[dict[str, Any]]:
    """Make versions of one rider, each some days after the one before, in these areas."""
    return [row(ref, 1 + i * every, work_area=AREAS[area]) for i, area in enumerate(areas)]


async def held(hub: Hub) -> list[str]:
    """Return the references of registrations under review."""
    query = (
        select(registration.c.platform_rider_ref)
        .join(work_area_review, work_area_review.c.registration_id == registration.c.id)
        .where(work_area_review.c.held_at.is_not(None))
    )
    async with hub.database.read() as connection:
        return sorted((await connection.execute(query)).scalars())


async def test_the_third_change_in_thirty_days_holds_the_rider_and_refuses_nothing(hub: Hub) -> None:
    """Two changes pass; the third is accepted as well, with a warning, and a person has to look."""
    for i, version in enumerate(moves(0, 1, 0, 2)):
        [outcome] = await take(hub, [version])
        assert (outcome.kind, outcome.warning) == ("accepted", LIKE_TRACK if i == 3 else None)
        assert await held(hub) == (["R-1"] if i == 3 else [])


async def test_repeating_an_area_or_a_version_is_no_change(hub: Hub) -> None:
    """A daily feed may send the same area each day under a new time, and every version twice."""
    for version in moves(0, 0, 0, 1, 1, 1, 0, 0):
        await take(hub, [version, version])
        await take(hub, [version])
    assert await held(hub) == []


async def test_changes_far_apart_are_a_habit(hub: Hub) -> None:
    """Three changes over more than thirty days hold nobody, however late the hub looks."""
    versions = moves(0, 1, 0, 1, every=9)
    late = {"updated_at": "2026-11-05T09:00:00+08:00", "record_id": "R-1-late"}
    hub.clock.advance(days=9)  # type: ignore[attr-defined]
    for version in [*versions[:3], versions[3] | late]:
        await take(hub, [version])
    assert await held(hub) == []


async def test_an_old_clock_hides_no_track(hub: Hub) -> None:
    """Versions of a minute each, dated months before they came, are counted like those of today."""
    old = [
        row("R-1", 1, work_area=AREAS[area], record_id=f"old-{i}", updated_at=f"2026-03-01T08:0{i}:00+08:00")
        for i, area in enumerate((0, 1, 0, 2))
    ]
    warnings = [(await take(hub, [version]))[0].warning for version in old]
    assert (warnings, await held(hub)) == ([None, None, None, LIKE_TRACK], ["R-1"])


async def test_leaving_and_coming_back_is_no_change_of_area(hub: Hub) -> None:
    """What stood before a tombstone counts on, and the tombstone itself says nothing of a place."""
    first, second, third, fourth = moves(0, 1, 0, 1, every=2)
    for version in (first, tombstone("R-1", 2), second, third):
        await take(hub, [version])
    assert await held(hub) == []
    await take(hub, [tombstone("R-1", 6)])
    await take(hub, [fourth])
    assert await held(hub) == ["R-1"]


VERSIONS = st.lists(
    st.tuples(st.integers(-90, 27), st.sampled_from(range(len(AREAS))), st.booleans()), min_size=1, max_size=7
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions=VERSIONS, data=st.data())
async def test_any_order_repetition_and_cut_gives_one_state(
    versions: list[tuple[int, int, bool]],
    data: st.DataObject,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Marks and holds are the same for versions one by one in order, and shuffled, repeated, in batches."""
    rows = [
        (tombstone("R-1") if gone else row("R-1", work_area=AREAS[area], record_id=f"{i}"))
        | {"updated_at": (START + timedelta(days=day)).isoformat()}
        for i, (day, area, gone) in enumerate(versions)
    ]
    shuffled = data.draw(st.permutations([*rows, *rows[:2]]))
    size = data.draw(st.integers(1, 4))
    batches = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]
    states = []
    for order in ([[one] for one in rows], batches):
        folder = tmp_path_factory.mktemp("order")
        shutil.copyfile(sqlite_template, folder / "hub.db")
        async with make_hub(f"sqlite+aiosqlite:///{folder / 'hub.db'}", folder, FixedClock(NOW)) as hub:
            sender, _ = await sender_of(hub)
            for batch in order:
                await push(hub, sender, batch)
            states.append(await _state(hub))
    assert states[0] == states[1]


async def _state(hub: Hub) -> Any:
    """Return how many changes each review counted, and which registrations wait."""
    async with hub.database.read() as connection:
        changes = (await connection.execute(select(work_area_review.c.changes))).scalars().all()
    return changes, await held(hub)


def test_a_further_version_never_makes_the_count_smaller() -> None:
    """So a hold does not depend on which versions had come when it was looked at."""

    @given(
        marks=st.lists(st.tuples(st.integers(0, 60), st.sampled_from((b"a", b"b", b"c"))), max_size=9),
        further=st.tuples(st.integers(0, 60), st.sampled_from((b"a", b"b", b"c"))),
    )
    def grows(marks: list[tuple[int, bytes]], further: tuple[int, bytes]) -> None:
        window = timedelta(days=30)
        assert most_changes(_dated(marks), window) <= most_changes(_dated([*marks, further]), window)

    grows()


def _dated(marks: Sequence[tuple[int, bytes]]) -> list[tuple[datetime, bytes]]:
    return [(START + timedelta(days=day), mark) for day, mark in marks]


async def test_no_place_is_kept_beside_the_current_one(hub: Hub) -> None:
    """Marks are dates and keyed bytes: equal areas of two riders share nothing, and none is a coordinate."""
    for ref in ("R-1", "R-2"):
        for version in moves(2, 3, 2, 0, ref=ref):
            await take(hub, [version])
    async with hub.database.read() as connection:
        marks = (await connection.execute(select(work_area_mark))).mappings().all()
        current = (await connection.execute(select(registration))).mappings().all()
    assert {(one["area_community"], one["area_lng"]) for one in current} == {("110101001001", None)}
    by_rider = [{m["mark"] for m in marks if m["registration_id"] == one["id"]} for one in current]
    assert [len(each) for each in by_rider] == [3, 3]
    assert not by_rider[0] & by_rider[1]
    assert not any(text in bytes(m["mark"]) for m in marks for text in (b"116.41", b"39.93", b"110101"))


async def test_a_rider_of_one_version_has_no_mark(hub: Hub) -> None:
    """Whoever never changes leaves no dates of work areas at all."""
    await take(hub, [row("R-1"), row("R-2", 3)])
    await take(hub, [row("R-1")])
    async with hub.database.read() as connection:
        assert (await connection.execute(select(work_area_mark))).all() == []


async def test_a_held_area_is_not_matched_by(hub: Hub) -> None:
    """The snapshot that matching reads names the hold and no place; the archive keeps the current area."""
    for version in moves(0, 1, 0, 2):
        await take(hub, [version])
    async with hub.database.read() as connection:
        [rider] = await store.snapshot(connection, COUNTY, hub.clock.now())
    [one] = rider.registrations
    assert (one.hold, one.area_community, one.area_lng, one.area_lat) == (LIKE_TRACK, None, None, None)


async def test_staff_release_a_hold_and_counting_begins_anew(hub: Hub) -> None:
    """The marks go, late versions of before count no more, and three further changes hold again."""
    for version in moves(0, 1, 0, 2):
        await take(hub, [version])
    rider_id = (await riders_of(hub))["jia/R-1"]
    await release_work_area(hub, county_staff(), rider_id)
    assert await held(hub) == []
    async with hub.database.read() as connection:
        assert (await connection.execute(select(work_area_mark))).all() == []
        [rider] = await store.snapshot(connection, COUNTY, hub.clock.now())
    assert rider.registrations[0].area_lng == 116.41
    late = row("R-1", 2, work_area=AREAS[3], record_id="late")
    for version in (late, row("R-1", 6, work_area=AREAS[0]), row("R-1", 7, work_area=AREAS[1])):
        await take(hub, [version])
    assert await held(hub) == []
    await take(hub, [row("R-1", 8, work_area=AREAS[0])])
    assert await held(hub) == ["R-1"]


async def test_a_release_is_refused_out_of_scope_and_where_nothing_is_held(hub: Hub) -> None:
    """Staff of another county find nobody; a second click is told that it was done."""
    await take(hub, [row()])
    rider_id = (await riders_of(hub))["jia/R-1"]
    with pytest.raises(Absent):
        await release_work_area(hub, staff(Role.STREET_STAFF, divisions=("110105",)), rider_id)
    with pytest.raises(Conflict):
        await release_work_area(hub, county_staff(), rider_id)


async def test_the_riders_page_shows_the_hold_and_ends_it(hub: Hub) -> None:
    """The list of held riders leads to the page, the page to the release; a company sees nothing of it."""
    for version in moves(0, 1, 0, 2):
        await take(hub, [version])
    await take(hub, [row("R-2")])
    rider_id = (await riders_of(hub))["jia/R-1"]
    async with staff_site(hub, county_staff(), ["rider_hub.riders.pages"]) as site:
        listed = await (await site.get("/riders?review=work_area")).text()
        assert listed.count("<tr data-row>") == 1
        assert "变动 3 次" in await (await site.get(f"/riders/{rider_id}")).text()
        done = await site.post(f"/riders/{rider_id}/work-area")
        assert (done.status, "变动 3 次" in await done.text()) == (200, False)


async def test_marks_go_after_their_window_and_the_hold_stays(hub: Hub) -> None:
    """The nightly job deletes the dates a month after they came; a hold stays until somebody has looked."""
    assert parameter("retention.work_area_marks").value == parameter("intake.work_area_window").value
    for version in moves(0, 1, 0, 2):
        await take(hub, [version])
    assert await LIMITS["work_area_marks"](hub, Actor.job("expire_kept"), NOW) == 0
    assert await LIMITS["work_area_marks"](hub, Actor.job("expire_kept"), NOW + timedelta(hours=1)) == 4
    assert await held(hub) == ["R-1"]
