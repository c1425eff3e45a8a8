"""A fault at every step of a batch, of every feed the hub takes: the old state or the new one."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, select
from sqlalchemy.engine.default import DefaultDialect

from rider_hub.access.audit import AuditFault
from rider_hub.intake.model import FEED_TITLES, Receipt
from rider_hub.intake.tables import receipt
from rider_hub.storage import metadata
from tests.factories import make_hub
from tests.rider_hub.intake.build import bring_in_county, push, rider, sender_of, station
from tests.rider_hub.intake.test_requests_feed import asked

#: The trail says that something failed; a receipt is opened before its rows and says how far they came.
_BESIDE = ("audit_", "receipt", "push_message")


class Broken(Exception):
    """Stands for a crash."""


def later(step: int) -> str:
    """Return a time that is greater with each step."""
    return f"2026-10-01T{9 + step // 60:02d}:{step % 60:02d}:00+08:00"


def stations(step: int) -> list[dict[str, Any]]:
    """Return a new station, a changed one, the same one twice, and one that is refused."""
    changed = station(1, name=f"丁外卖{step}站", record_id=f"S-1-{step}", updated_at=later(step))
    return [station(1_000 + step), changed, changed, station(3, name=None)]


def registrations(step: int) -> list[dict[str, Any]]:
    """Return new riders (one with a known phone), a changed and a leaving one, and one that is refused."""
    version = {"updated_at": later(step), "record_id": f"v-{step}"}
    leaves = {"op": "leave", "platform_rider_ref": f"D{1_000 + step:05d}", **version}
    return [
        rider(2_000 + step),
        rider(3_000 + step, phone="19900000001"),
        rider(4_000 + step, employment="dedicated", station_ref="S-404", work_area=None),
        rider(1, **version),
        leaves,
        rider(5_000 + step, phone="bad"),
    ]


def requests(step: int) -> list[dict[str, Any]]:
    """Return a rider's request, an anonymous one twice, one that is known, and one of no category."""
    own = asked(1_000 + step, platform_rider_ref="D00001")
    twice = asked(2_000 + step)
    return [own, twice, twice, asked(1), asked(3_000 + step, category="心里难受")]


SCENES: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "station": stations,
    "registration": registrations,
    "request": requests,
}


@contextmanager
def broken_at(hub: Any, step: int) -> Iterator[list[int]]:
    """Raise at one of all statements, COPYs and (before and after) COMMITs; tell how many there were."""
    seen = [0]

    def pass_by(*_: Any) -> None:
        seen[0] += 1
        if seen[0] == step:
            raise Broken

    commit, copy = DefaultDialect.do_commit, asyncpg.Connection.copy_records_to_table

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        pass_by()
        commit(self, connection)
        pass_by()

    async def copy_records(*given: Any, **named: Any) -> Any:
        pass_by()
        return await copy(*given, **named)

    engines = {hub.database._writer.sync_engine, hub.database._reader.sync_engine}
    patch = pytest.MonkeyPatch()
    patch.setattr(DefaultDialect, "do_commit", do_commit)
    patch.setattr(asyncpg.Connection, "copy_records_to_table", copy_records)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", pass_by)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", pass_by)
        patch.undo()


async def breaks(hub: Any, step: int, action: Callable[[], Awaitable[Receipt]]) -> bool:
    """Run an action with a fault at one step; say whether it came so far."""
    with broken_at(hub, step) as seen:
        try:
            await action()
        except (Broken, AuditFault):  # the latter where the row of the trail was what broke
            return True
    assert seen[0] < step, "a fault was swallowed"
    return False


async def everything(hub: Any) -> dict[str, list[str]]:
    """Return every row of every table but those that may differ."""
    tables = [table for table in metadata.sorted_tables if not table.name.startswith(_BESIDE)]
    async with hub.database.read() as connection:
        return {
            table.name: sorted(map(repr, (await connection.execute(select(table))).all())) for table in tables
        }


def test_every_feed_has_a_scene() -> None:
    """A feed type the hub begins to take must be broken here, too."""
    assert SCENES.keys() == FEED_TITLES.keys()


@pytest.mark.parametrize("feed_type", SCENES)
async def test_a_fault_at_any_step_leaves_the_old_state_or_the_new_one(
    database_url: str, tmp_path: Path, feed_type: str
) -> None:
    """Whatever breaks, all rows of all tables are as before, or the batch is done; a retry ends it, once."""
    rows_of = SCENES[feed_type]
    ends = set()
    async with make_hub(database_url, tmp_path) as hub:
        await bring_in_county(hub)
        sender, _ = await sender_of(hub)
        await push(hub, sender, [rider(1)])
        await push(hub, sender, [*rows_of(0), *([asked(1)] if feed_type == "request" else [])], feed_type)
        step, broke, before = 0, True, await everything(hub)
        while broke:
            step += 1
            rows = rows_of(step)

            async def action(rows: Any = rows, step: int = step) -> Receipt:
                return await push(hub, sender, rows, feed_type, key=f"k-{step}")

            broke = await breaks(hub, step, action)
            after = await everything(hub)
            if broke and after != before:
                async with hub.database.read() as connection:
                    query = select(receipt.c.state).where(receipt.c.idempotency_key == f"k-{step}")
                    assert (await connection.execute(query)).scalar_one() == "done", step
            hub.clock.advance(seconds=31)
            got = await action()
            ends.add((got.received, got.accepted, got.unchanged, got.waiting, got.rejected))
            done = after != before
            before = await everything(hub)
            assert not done or before == after, step
    assert len(ends) == 1, ends
    assert step > 20
