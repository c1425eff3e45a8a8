"""A snapshot makes the absent leave once it is whole, and never more of them than agreed without a person."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rider_hub.access import Actor, Hub, Role
from rider_hub.errors import Absent, Conflict
from rider_hub.intake.batches import Source, keyed_digest, take_batch
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.snapshot_course import carry_on, drop_snapshot, release_snapshot
from rider_hub.intake.snapshot_model import Declared
from rider_hub.intake.snapshot_retention import forget_absent
from rider_hub.intake.snapshot_tables import snapshot, snapshot_member
from rider_hub.riders.tables import registration, registration_history
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.intake.build import body_of, bring_in_county, count, push, rider, sender_of
from tests.rider_hub.intake.test_batches import crash_at

AS_OF = datetime.fromisoformat("2026-10-20T02:00:00+08:00")


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> Any:
    """Open a hub with a county on each database."""
    async with make_hub(database_url, tmp_path) as opened:
        await bring_in_county(opened)
        yield opened


async def whole(hub: Hub, sender: Sender, rows: list[Any], *, key: str = "s-1", **declared: Any) -> Receipt:
    """Push rows as a snapshot, or as a part of one."""
    given: dict[str, Any] = {"as_of": AS_OF, "total": len(rows)}
    said = Declared(**given | declared)
    body = body_of(rows)
    source = Source("push", key, keyed_digest(hub, body + said.text.encode()), snapshot=said)
    lines = [(n, body_of([one])[1:-1]) for n, one in enumerate(rows, 1)]
    return await take_batch(
        hub, Actor.sender(sender.platform), sender, feed_type="registration", rows=lines, source=source
    )


async def active(hub: Hub) -> set[str]:
    """Return the references of active registrations."""
    async with hub.database.read() as connection:
        query = select(registration.c.platform_rider_ref).where(registration.c.state == "active")
        return set((await connection.execute(query)).scalars())


def refs(*numbers: int) -> set[str]:
    """Return riders' references."""
    return {f"D{n:05d}" for n in numbers}


def state(receipt: Receipt) -> str:
    """Return how far the snapshot of a receipt has come."""
    assert receipt.snapshot is not None
    return str(receipt.snapshot["state"])


async def test_who_is_absent_from_the_whole_has_left_and_who_came_later_has_not(hub: Any) -> None:
    """One of twelve is missing and leaves as of the snapshot; one newer than it stays."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(n) for n in range(12)])
    await push(hub, sender, [rider(99, updated_at="2026-10-21T00:00:00+08:00")])
    got = await whole(hub, sender, [rider(n) for n in range(11)])
    assert (state(got), got.unchanged, got.snapshot and got.snapshot["leaving"]) == ("applied", 11, 1)
    assert await active(hub) == refs(*range(11), 99)
    async with hub.database.read() as connection:
        query = select(registration_history.c.version_at).where(registration_history.c.state == "left")
        assert (await connection.execute(query)).scalars().all() == [AS_OF]
    # Sent late, a record of before the snapshot does not bring them back; one of after it does.
    await push(hub, sender, [rider(11, record_id="late", updated_at="2026-10-19T00:00:00+08:00")])
    told = await push(
        hub, sender, [rider(1), rider(50, updated_at="2026-10-19T00:00:00+08:00"), rider(98, op="leave")]
    )
    assert await active(hub) == refs(*range(11), 99)
    # A new hire whose record is dated before the snapshot counts as left: its sender must hear of it.
    assert [(one["row"], one["code"]) for one in told.warnings] == [(2, "absent_from_snapshot")]
    await push(hub, sender, [rider(11, record_id="new", updated_at="2026-10-20T03:00:00+08:00")])
    assert await active(hub) == refs(*range(12), 99)


async def test_back_in_a_newer_snapshot_a_rider_counts_as_before(hub: Any) -> None:
    """Left out by an oversight, with the same record in the next: nothing is lost."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    await push(hub, sender, [rider(1), rider(2)])
    await whole(hub, sender, [rider(1)])
    assert await active(hub) == refs(1)
    await whole(hub, sender, [rider(1), rider(2)], key="s-2", as_of=AS_OF + timedelta(days=1))
    assert await active(hub) == refs(1, 2)
    got = await whole(hub, sender, [rider(1)], key="s-0", as_of=AS_OF - timedelta(days=1))
    assert state(got) == "superseded"
    assert await active(hub) == refs(1, 2)


async def test_parts_make_nobody_leave_before_the_last(hub: Any) -> None:
    """Two parts under one name; the same part again counts once, and an unfinished whole ages out."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    await push(hub, sender, [rider(n) for n in range(4)])
    first = await whole(hub, sender, [rider(0)], key="p-1", name="day", total=2)
    again = await whole(hub, sender, [rider(0)], key="p-1b", name="day", total=2)
    assert (state(first), state(again)) == ("arriving", "arriving")
    assert (again.snapshot or {}).get("rows") == 1
    assert len(await active(hub)) == 4
    last = await whole(hub, sender, [rider(1)], key="p-2", name="day", total=2)
    assert (state(last), await active(hub)) == ("applied", refs(0, 1))
    with pytest.raises(Conflict) as refused:
        await whole(hub, sender, [rider(2)], key="p-3", name="day", total=3)
    assert refused.value.code == "snapshot_differs"
    later = AS_OF + timedelta(days=1)
    await whole(hub, sender, [rider(0)], key="q-1", name="next", total=9, as_of=later)
    hub.clock.advance(hours=49)
    assert (await carry_on(hub, Actor.job("watch_feeds")))["lapsed"] == 1
    assert await active(hub) == refs(0, 1)


async def test_more_rows_than_declared_make_nobody_leave(hub: Any) -> None:
    """A total that does not add up says nothing about who is missing."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    await push(hub, sender, [rider(1), rider(2)])
    got = await whole(hub, sender, [rider(1), rider(3)], total=1)
    assert (state(got), await active(hub)) == ("over", refs(1, 2, 3))
    assert await count(hub, snapshot_member) == 0


@pytest.mark.parametrize("decision", ["release", "drop"])
async def test_more_than_a_tenth_leaving_waits_for_a_person(hub: Any, decision: str) -> None:
    """Two of eleven missing: held with its figures; county staff let them leave, or void it."""
    sender, _ = await sender_of(hub)
    await push(hub, sender, [rider(n) for n in range(11)])
    got = await whole(hub, sender, [rider(n) for n in range(9)])
    assert got.snapshot is not None
    assert (state(got), got.snapshot["leaving"], got.snapshot["riders"]) == ("held", 2, 11)
    assert len(await active(hub)) == 11
    with pytest.raises(Absent):
        await release_snapshot(hub, staff(Role.COUNTY_STAFF, divisions=("110105",)), got.snapshot["id"])
    if decision == "release":
        await release_snapshot(hub, county_staff(), got.snapshot["id"])
        assert await active(hub) == refs(*range(9))
    else:
        await drop_snapshot(hub, county_staff(), got.snapshot["id"])
        assert await active(hub) == refs(*range(11))
    with pytest.raises(Conflict):
        await drop_snapshot(hub, county_staff(), got.snapshot["id"])


async def test_a_refused_row_has_not_left_and_an_unreadable_one_holds_the_whole(hub: Any) -> None:
    """Whose row was refused is there; a row of which nothing may be kept could be anybody's."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    await push(hub, sender, [rider(1), rider(2), rider(3)])
    got = await whole(hub, sender, [rider(1), rider(2, employment="其他")])
    assert (state(got), await active(hub)) == ("applied", refs(1, 2))
    got = await whole(hub, sender, [rider(1), rider(2, 宗教="")], key="s-2", as_of=AS_OF + timedelta(days=1))
    assert got.snapshot is not None
    assert (state(got), got.snapshot["unreadable"], await active(hub)) == ("held", 1, refs(1, 2))


async def test_a_station_is_a_scope_of_its_own(hub: Any) -> None:
    """Riders of other stations and crowdsourced ones are not touched by one station's snapshot."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    bound = {"employment": "dedicated", "work_area": None}
    rows = [rider(1, station_ref="S-1", **bound), rider(2, station_ref="S-1", **bound)]
    await push(hub, sender, [*rows, rider(3, station_ref="S-2", **bound), rider(4)])
    await whole(hub, sender, rows[:1], station_ref="S-1")
    assert await active(hub) == refs(1, 3, 4)
    # Moved away before the snapshot, but told of late: rider 2 was never missing from where they belong.
    await push(
        hub,
        sender,
        [rider(2, station_ref="S-2", updated_at="2026-10-19T09:00:00+08:00", record_id="m", **bound)],
    )
    assert await active(hub) == refs(1, 2, 3, 4)


async def test_a_station_nobody_knows_and_rows_of_others_are_told(hub: Any) -> None:
    """A mistyped station covers nobody, and a row of another station says nothing of this one: warnings."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    bound: Any = {"employment": "dedicated", "work_area": None}
    rows = [rider(1, station_ref="S-1", **bound), rider(2, station_ref="S-2", **bound), rider(3)]
    got = await whole(hub, sender, rows, station_ref="S-l")
    assert [(one["row"], one["code"]) for one in got.warnings] == [
        (0, "snapshot_scope_unknown"),
        (1, "outside_snapshot_scope"),
        (2, "outside_snapshot_scope"),
        (3, "outside_snapshot_scope"),
    ]
    got = await whole(hub, sender, [rows[0]], key="s-2", station_ref="S-1")
    assert got.warnings == ()
    # Of another platform's station only that platform knows.
    other, _ = await sender_of(hub, "wu")
    got = await whole(hub, other, [], key="s-3", station_ref="S-1")
    assert [one["code"] for one in got.warnings] == ["snapshot_scope_unknown"]


async def test_a_break_at_any_step_is_carried_on(hub: Any) -> None:
    """Broken at its k-th write for all k, the snapshot ends as if unbroken by a retry and the job."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    step, broke = 0, True
    while broke:
        step += 1
        await push(hub, sender, [rider(n, record_id=f"b{step}", updated_at=_at(step, 1)) for n in range(3)])
        fresh = [rider(0, record_id=f"b{step}", updated_at=_at(step, 1))]

        async def action(step: int = step, fresh: Any = fresh) -> None:
            await whole(hub, sender, fresh, key=f"k-{step}", as_of=datetime.fromisoformat(_at(step, 2)))

        assert await active(hub) == refs(0, 1, 2)
        broke = await crash_at(hub, step, action)
        hub.clock.advance(seconds=31)
        await action()
        await carry_on(hub, Actor.job("watch_feeds"))
        assert await active(hub) == refs(0)
    assert step > 12


def _at(step: int, minute: int) -> str:
    return f"2026-10-20T{step // 20:02d}:{step % 20 * 3 + minute:02d}:00+08:00"


async def test_contents_of_the_absent_go_after_thirty_days_and_come_back_with_the_record(hub: Any) -> None:
    """Wiped, the registration keeps its time; the same record in a later snapshot fills it again."""
    sender, _ = await sender_of(hub, settings={"leave_share": 1})
    await push(hub, sender, [rider(1), rider(2)])
    await whole(hub, sender, [rider(1)])
    async with hub.database.write() as connection:
        assert await forget_absent(connection, AS_OF) == 0
        assert await forget_absent(connection, AS_OF + timedelta(seconds=1)) == 1
    got = await whole(hub, sender, [rider(1), rider(2)], key="s-2", as_of=AS_OF + timedelta(days=1))
    assert (got.accepted, got.unchanged, got.warnings) == (1, 1, ())
    async with hub.database.read() as connection:
        sealed = (await connection.execute(select(registration.c.sealed))).scalars().all()
    assert all(sealed)
    assert await active(hub) == refs(1, 2)
    async with hub.database.read() as connection:
        states = (await connection.execute(select(snapshot.c.state).order_by(snapshot.c.as_of))).scalars()
        assert list(states) == ["superseded", "applied"]
