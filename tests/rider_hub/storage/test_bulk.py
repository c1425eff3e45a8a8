"""Rows written in bulk are the rows written one by one, in the same transaction, on both databases."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from rider_hub.riders.tables import rider, work_area_mark
from rider_hub.storage import Database, add_rows, among, in_slices, put_rows

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
FEW, MANY = 3, 1_234


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open each database."""
    opened = Database(database_url)
    yield opened
    await opened.close()


def rows(count: int, **values: Any) -> list[dict[str, Any]]:
    """Make riders with a value of every kind, and one that is missing."""
    return [
        {
            "id": f"{number:032d}",
            "division": "110101001",
            "first_seen_at": NOW + timedelta(microseconds=number),
            "last_seen_at": NOW,
            "first_phone": number.to_bytes(2, "big") * 16,
            "chosen_community": None if number % 2 else "110101001001",
        }
        | values
        for number in range(count)
    ]


async def stored(database: Database) -> list[dict[str, Any]]:
    """Return the riders by id."""
    async with database.read() as connection:
        found = (await connection.execute(select(rider).order_by(rider.c.id))).mappings().all()
    names = rows(1)[0]
    return [{name: row[name] for name in names} for row in found]


@pytest.mark.parametrize("count", [0, FEW, MANY])
async def test_rows_come_out_as_they_went_in(database: Database, count: int) -> None:
    """Few or many: times keep their microseconds and zone, bytes and missing values are the same."""
    async with database.write() as connection:
        await add_rows(connection, rider, rows(count))
    assert await stored(database) == rows(count)


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_rows_that_are_there_are_overwritten_but_for_what_is_kept(
    database: Database, count: int
) -> None:
    """Half of the rows are there: they change but for the kept column, the others are added, twice over."""
    async with database.write() as connection:
        await add_rows(connection, rider, rows(count // 2))
        for _ in range(2):
            changed = rows(count, division="110101002", first_seen_at=NOW + timedelta(days=1))
            await put_rows(connection, rider, changed, key=["id"], keep=["first_seen_at"])
    found = await stored(database)
    assert [row["division"] for row in found] == ["110101002"] * count
    assert found[0]["first_seen_at"] == NOW
    assert found[-1]["first_seen_at"] == NOW + timedelta(days=1)


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_rows_with_nothing_to_overwrite_are_put_once(database: Database, count: int) -> None:
    """All but the key is kept: those that are there stay."""
    key = ["registration_id", "version_at", "mark"]
    marks = [
        {"registration_id": "r", "version_at": NOW, "mark": number.to_bytes(2, "big"), "recorded_at": NOW}
        for number in range(count)
    ]
    async with database.write() as connection:
        await put_rows(connection, work_area_mark, marks[::2], key=key, keep=["recorded_at"])
        await put_rows(connection, work_area_mark, marks, key=key, keep=["recorded_at"])
    async with database.read() as connection:
        query = select(work_area_mark.c.mark).order_by(work_area_mark.c.mark)
        found = (await connection.execute(query)).scalars().all()
    assert found == [one["mark"] for one in marks]


@pytest.mark.parametrize("write", [add_rows, put_rows])
async def test_bulk_that_comes_first_goes_back_with_its_transaction(database: Database, write: Any) -> None:
    """COPY is no statement of SQLAlchemy's, which begins a transaction with its first: it must be in it."""
    given = {"key": ["id"]} if write is put_rows else {}

    async def broken() -> None:
        async with database.write() as connection:
            await write(connection, rider, rows(MANY), **given)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    assert await stored(database) == []


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    """As in any other statement."""
    naive = rows(MANY, last_seen_at=NOW.replace(tzinfo=None))
    with pytest.raises((ValueError, StatementError)):
        async with database.write() as connection:
            await add_rows(connection, rider, naive)


async def test_among_finds_all_values_and_no_other(database: Database) -> None:
    """1,234 rows are found by their ids, whatever stands among them; no value gives no query."""
    async with database.write() as connection:
        await add_rows(connection, rider, rows(MANY))
    wanted = {row["id"] for row in rows(MANY)[::2]} | {"nobody"}
    async with database.read() as connection:
        assert list(among(connection, rider.c.id, [])) == []
        found = [
            id_
            for these in among(connection, rider.c.id, wanted)
            for id_ in (await connection.execute(select(rider.c.id).where(these))).scalars()
        ]
    assert len(found) == MANY // 2
    assert set(found) == wanted - {"nobody"}


async def test_slices_together_are_the_whole() -> None:
    """Nothing is left out or done twice between two slices."""
    assert await in_slices(range(MANY), lambda part: [number * 2 for number in part]) == [
        number * 2 for number in range(MANY)
    ]


async def test_rows_that_can_not_be_completed_are_not_written_at_all(database: Database) -> None:
    """What fails in the midst of COPY takes the whole back, and the database answers on."""
    slices = 0

    def complete(part: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        nonlocal slices
        slices += 1
        if slices == 3:
            raise RuntimeError
        return part

    async def broken() -> None:
        async with database.write() as connection:
            await add_rows(connection, rider, rows(MANY), complete=complete)

    with pytest.raises(RuntimeError):
        await broken()
    assert await stored(database) == []
    async with database.write() as connection:
        await add_rows(connection, rider, rows(MANY), complete=lambda part: part)
    assert await stored(database) == rows(MANY)
