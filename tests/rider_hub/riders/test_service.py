"""Registrations taken in any order end in one state; people are opened one at a time and on the record."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from rider_hub.access import Role
from rider_hub.access.purposes import UNMASK_REASONS, Purpose
from rider_hub.access.tables import audit_row, audit_subject
from rider_hub.errors import Absent, Refused
from rider_hub.riders import store
from rider_hub.riders.service import unmask_rider
from rider_hub.riders.tables import registration, registration_history, rider
from tests.factories import make_hub, staff
from tests.rider_hub.riders.build import (
    COUNTY,
    OTHER_PHONE,
    PHONE,
    id_number,
    riders_of,
    row,
    state_of,
    take,
    tombstone,
)

PURPOSE = Purpose.stated(UNMASK_REASONS, "visit", "电话回访")
#: Versions of two riders on two platforms: corrected, moved, left, retracted, and one conflict of content.
VERSIONS: list[tuple[str, dict[str, Any]]] = [
    ("jia", row("R-1", 1, name="骑手甲0001号", phone=PHONE, id_number=id_number(1))),
    ("jia", row("R-1", 3, name="骑手甲0001号", phone=OTHER_PHONE, id_number=id_number(2))),
    ("jia", tombstone("R-1", 2)),
    ("jia", row("R-1", 3, record_id="R-1-4", work_area={"community_code": "110101001002"}, phone=PHONE)),
    ("jia", row("R-2", 1, name="骑手甲0002号", phone=OTHER_PHONE, id_number=id_number(1))),
    ("jia", row("R-2", 1, name="骑手甲0003号", phone=OTHER_PHONE, id_number=id_number(1))),
    ("yi", row("R-1", 2, name="骑手甲0001号", phone=PHONE, id_number=id_number(2))),
    ("yi", row("R-3", 2, phone=OTHER_PHONE)),
    ("yi", tombstone("R-3", 4, "retract")),
    ("yi", row("R-4", 5, phone=OTHER_PHONE, id_number=id_number(1))),
]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> Any:
    """Open a hub on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.sampled_from(range(len(VERSIONS))), max_size=12), cut=st.integers(1, 5))
async def test_any_order_and_repetition_of_versions_gives_one_state(
    order: list[int], cut: int, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All versions once in order, or shuffled, repeated and cut into batches: the same hash."""
    every = [*order, *(i for i in reversed(range(len(VERSIONS))) if i not in order)]
    hashes = []
    for indexes, size in ((range(len(VERSIONS)), 1), (every, cut)):
        folder = tmp_path_factory.mktemp("order")
        shutil.copyfile(sqlite_template, folder / "hub.db")
        async with make_hub(f"sqlite+aiosqlite:///{folder / 'hub.db'}", folder) as hub:
            queue = [VERSIONS[i] for i in indexes]
            while queue:
                platform = queue[0][0]
                batch = [one for name, one in queue[:size] if name == platform]
                later = [pair for pair in queue[:size] if pair[0] != platform]
                queue = later + queue[size:]
                await take(hub, batch, platform)
            hashes.append(await state_of(hub))
    assert hashes[0] == hashes[1]


async def test_the_greatest_version_wins_and_an_older_one_changes_nothing(hub: Any) -> None:
    """A late, older record counts as unchanged and leaves the newer one's words."""
    assert [o.kind for o in await take(hub, [row("R-1", 5, employment="crowdsourced")])] == ["accepted"]
    assert [
        o.kind for o in await take(hub, [row("R-1", 4, work_area={"community_code": "110101001009"})])
    ] == ["unchanged"]
    async with hub.database.read() as connection:
        assert (await connection.execute(select(registration.c.area_community))).scalars().all() == [
            "110101001001"
        ]


async def test_an_unchanged_record_only_touches_when_it_was_seen(hub: Any) -> None:
    """A repeated record writes no history and moves seen_at alone."""
    await take(hub, [row(phone=PHONE)])
    async with hub.database.read() as connection:
        before = dict((await connection.execute(select(registration))).mappings().one())
    hub.clock.advance(hours=5)
    assert [o.kind for o in await take(hub, [row(phone=PHONE)])] == ["unchanged"]
    async with hub.database.read() as connection:
        after = dict((await connection.execute(select(registration))).mappings().one())
        history = (await connection.execute(select(registration_history))).all()
    assert after.pop("seen_at") > before.pop("seen_at")
    assert after == before
    assert len(history) == 1


async def test_same_time_and_record_with_other_content_warns(hub: Any) -> None:
    """Two contents under one time and record id give version_conflict; which of them wins is fixed."""
    await take(hub, [row(phone=PHONE)])
    [outcome] = await take(hub, [row(phone=OTHER_PHONE)])
    assert outcome.warning == "version_conflict"


async def test_a_key_twice_in_a_batch_counts_once(hub: Any) -> None:
    """The greater version is accepted; the other counts as unchanged with a warning."""
    outcomes = await take(hub, [row("R-1", 2), row("R-1", 1), row("R-1", 3)])
    assert [(o.kind, o.warning) for o in outcomes] == [
        ("unchanged", "duplicate_in_batch"),
        ("unchanged", "duplicate_in_batch"),
        ("accepted", None),
    ]


async def test_a_tombstone_keeps_its_version_and_no_personal_field(hub: Any) -> None:
    """After `leave` no name or phone is left; an older upsert changes nothing, a newer one restores them."""
    await take(hub, [row("R-1", 1, name="骑手甲0001号", phone=PHONE)])
    await take(hub, [tombstone("R-1", 3)])
    await take(hub, [row("R-1", 2, name="骑手甲0001号", phone=PHONE)])
    async with hub.database.read() as connection:
        stored = (await connection.execute(select(registration))).mappings().one()
        assert (stored["state"], stored["sealed"], stored["phone_index"]) == ("left", None, None)
        assert await store.snapshot(connection, COUNTY, hub.clock.now()) == []
    await take(hub, [row("R-1", 4, phone=PHONE)])
    async with hub.database.read() as connection:
        assert len(await store.snapshot(connection, COUNTY, hub.clock.now())) == 1


async def test_work_area_points_are_stored_in_wgs84(hub: Any) -> None:
    """A gcj02 point comes out some 500 m away, and the frame it was sent in stays beside it."""
    area = {"lng": 116.41, "lat": 39.93, "frame": "gcj02"}
    await take(hub, [row(work_area=area), row("R-2", work_area={**area, "frame": "wgs84"})])
    async with hub.database.read() as connection:
        rows = (await connection.execute(select(registration))).mappings().all()
    by_ref = {r["platform_rider_ref"]: r for r in rows}
    assert by_ref["R-2"]["area_lng"] == 116.41
    assert 0.004 < 116.41 - by_ref["R-1"]["area_lng"] < 0.008
    assert by_ref["R-1"]["area_frame"] == "gcj02"


async def test_a_rider_not_seen_for_the_window_is_not_active(hub: Any) -> None:
    """On day 90 the rider is in the snapshot no more; the day before they are."""
    await take(hub, [row()])
    hub.clock.advance(days=89, hours=23)
    async with hub.database.read() as connection:
        assert len(await store.snapshot(connection, COUNTY, hub.clock.now())) == 1
    hub.clock.advance(hours=1)
    async with hub.database.read() as connection:
        assert await store.snapshot(connection, COUNTY, hub.clock.now()) == []


async def test_an_identity_number_and_its_hash_are_the_same_content(hub: Any) -> None:
    """A sender that changes from the number to the county's hash of it sends nothing new."""
    from rider_hub.riders.indexes import identity_hash  # noqa: PLC0415 - only this test needs it

    await take(hub, [row(id_number=id_number(7))])
    hashed = identity_hash(hub.keys, COUNTY, id_number(7))
    assert [o.kind for o in await take(hub, [row(id_hash=hashed)])] == ["unchanged"]


async def test_find_by_phone_reads_a_phone_however_it_is_written(hub: Any) -> None:
    """A rider is found by +86 and blanks too, and not by another number."""
    await take(hub, [row(phone=PHONE)])
    async with hub.database.read() as connection:
        found = await store.find_by_phone(connection, hub.keys, "+86 199 0000 0001")
        assert found == (await riders_of(hub))["jia/R-1"]
        assert await store.find_by_phone(connection, hub.keys, OTHER_PHONE) is None


async def test_opening_a_person_is_on_the_record_with_its_purpose(hub: Any) -> None:
    """The trail says who opened whom and why."""
    await take(hub, [row(name="骑手甲0001号", phone=PHONE)])
    rider_id = (await riders_of(hub))["jia/R-1"]
    clerk = staff(Role.STREET_STAFF)
    opened = await unmask_rider(hub, clerk, rider_id, PURPOSE)
    assert (opened.name, opened.phone) == ("骑手甲0001号", PHONE)
    async with hub.database.read() as connection:
        subjects = (await connection.execute(select(audit_subject.c.rider_id))).scalars().all()
        query = select(audit_row.c.purpose).where(audit_row.c.operation == "riders.unmask")
        assert (await connection.execute(query)).scalars().all() == ["走访关怀：电话回访"]
    assert subjects == [rider_id]


async def test_a_rider_elsewhere_looks_absent(hub: Any) -> None:
    """Staff of another county, and staff whose role may not open people, get the same refusal."""
    await take(hub, [row(phone=PHONE)])
    rider_id = (await riders_of(hub))["jia/R-1"]
    with pytest.raises(Absent):
        await unmask_rider(hub, staff(Role.STREET_STAFF, divisions=("110105",)), rider_id, PURPOSE)
    with pytest.raises(Refused):
        await unmask_rider(hub, staff(Role.INSTRUCTOR), rider_id, PURPOSE)


async def test_an_unchanged_record_within_the_hour_writes_nothing(hub: Any) -> None:
    """A platform that sends everything every minute has every rider noted as seen once an hour."""
    await take(hub, [row(phone=PHONE)])
    for minutes, moves in ((59, False), (2, True)):
        async with hub.database.read() as connection:
            before = dict((await connection.execute(select(registration))).mappings().one())
        hub.clock.advance(minutes=minutes)
        assert [o.kind for o in await take(hub, [row(phone=PHONE)])] == ["unchanged"]
        async with hub.database.read() as connection:
            after = dict((await connection.execute(select(registration))).mappings().one())
            seen = (await connection.execute(select(rider.c.last_seen_at))).scalar_one()
        assert (after["seen_at"] > before["seen_at"]) is moves
        assert seen == after["seen_at"]
