"""Reading the trail: reviews by another, who opened a rider's data, and what is pruned."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from rider_hub.access import Actor, Hub, Role
from rider_hub.access.pruning import months_before, prune_trail
from rider_hub.access.seals import seal_pending
from rider_hub.access.tables import audit_checkpoint, audit_row, audit_seal
from rider_hub.access.trail import Asked, find_row, list_rows, opened_of, own_actors, review_row
from rider_hub.clock import FixedClock
from rider_hub.errors import Conflict, Invalid
from tests.factories import county_staff, make_hub, staff
from tests.rider_hub.access.trail import act, checked

RIDER = "a" * 32
JOB = Actor.job("prune_trail")


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub whose clock moves only when told to."""
    async with make_hub(database_url, tmp_path, FixedClock()) as opened:
        yield opened


def _auditor(name: str) -> Actor:
    return replace(staff(Role.AUDIT_ADMIN), id=f"user:{name}")


async def test_nobody_reviews_their_own_acts(hub: Hub) -> None:
    """An audit administrator's row is reviewed by another one; the review is a row and shows."""
    first, second = _auditor("first"), _auditor("second")
    async with hub.look(first, "audit.view") as look:
        look.count(rows=1)
    async with hub.look(second, "audit.view") as look:
        [row], total = await list_rows(look, Asked(actor="first"), limit=10, offset=0)
        own = await own_actors(look.connection, first, [])
    assert (total, row["reviewed"], row["actor"] in own) == (1, False, True)
    with pytest.raises(Conflict):
        await review_row(hub, first, row["id"], own)
    await review_row(hub, second, row["id"], frozenset({second.id}))
    async with hub.look(first, "audit.view") as look:
        found, reviews = await find_row(look, row["id"])
    assert found["reviewed"]
    assert [one["actor"] for one in reviews] == ["user:second"]


async def test_a_rider_finds_rows_kept_under_the_pseudonym_by_the_key_alone(hub: Hub) -> None:
    """Both kinds of row are found for the person; without the first phone only the open ones are."""
    for operation, actor in (("riders.unmask", county_staff()), ("invitations.view", county_staff())):
        async with hub.look(actor, operation) as look:
            look.opened([RIDER])
    async with hub.database.read() as connection:
        both = await opened_of(connection, hub.keys, [RIDER], private=True, at_most=9)
        open_ones = await opened_of(connection, hub.keys, [RIDER], private=False, at_most=9)
        others = await opened_of(connection, hub.keys, ["b" * 32], private=True, at_most=9)
    assert {row["operation"] for row in both} == {"riders.unmask", "invitations.view"}
    assert [row["operation"] for row in open_ones] == ["riders.unmask"]
    assert others == []


def _move_on(hub: Hub, **time: float) -> None:
    assert isinstance(hub.clock, FixedClock)
    hub.clock.advance(**time)


async def _left(hub: Hub) -> tuple[int, int]:
    async with hub.database.read() as connection:
        counts = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (audit_row, audit_seal)
        ]
    return counts[0], counts[1]


async def test_old_seals_are_pruned_whole_and_the_rest_still_verifies(hub: Hub) -> None:
    """Seals older than the retention go with their rows; the chain goes on from a checkpoint."""
    for number in range(6):
        await act(hub, number)
        await seal_pending(hub)
        _move_on(hub, days=60)
    assert await prune_trail(hub, JOB, months=6) == {"seals": 3, "rows": 3}
    await seal_pending(hub)
    report = await checked(hub)
    assert (report.findings, report.pruned_through, report.seals) == ([], 3, 4)
    assert await prune_trail(hub, JOB, months=6) == {"seals": 0, "rows": 0}


async def test_nothing_younger_than_six_months_is_pruned(hub: Hub) -> None:
    """A shorter retention than the law's is refused and nothing goes."""
    await act(hub, 1)
    await seal_pending(hub)
    _move_on(hub, days=170)
    before = await _left(hub)
    with pytest.raises(Invalid):
        await prune_trail(hub, JOB, months=5)
    assert await prune_trail(hub, JOB, months=6) == {"seals": 0, "rows": 0}
    assert (await _left(hub))[1] == before[1]


@pytest.mark.parametrize("damage", ["moved", "forged", "gone"])
async def test_a_checkpoint_that_is_changed_or_gone_is_found(hub: Hub, damage: str) -> None:
    """A checkpoint can't be used to make a deletion look like pruning."""
    for number in range(6):
        await act(hub, number)
        await seal_pending(hub)
        _move_on(hub, days=60)
    await prune_trail(hub, JOB, months=6)
    async with hub.database.write() as connection:
        if damage == "gone":
            await connection.execute(delete(audit_checkpoint))
        elif damage == "forged":
            await connection.execute(update(audit_checkpoint).values(total=0))
        else:
            later = (await connection.execute(select(audit_seal).where(audit_seal.c.number == 5))).mappings()
            seal = later.one()
            values = {"seal_no": 5, "seal_mac": seal["mac"], "total": seal["total"]}
            await connection.execute(update(audit_checkpoint).values(values))
    codes = {one.code for one in (await checked(hub)).findings}
    assert codes & {"checkpoint_mac", "seal_gap"}


def test_months_are_counted_by_the_calendar() -> None:
    """Six months before the last of August is in February."""
    assert months_before(datetime(2026, 8, 31, tzinfo=UTC), 6) == datetime(2026, 2, 28, tzinfo=UTC)
    assert months_before(datetime(2026, 1, 15, tzinfo=UTC), 6) == datetime(2025, 7, 15, tzinfo=UTC)
