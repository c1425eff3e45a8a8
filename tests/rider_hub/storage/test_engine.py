"""Transactions of the hub's database."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError, StatementError

from rider_hub.consent.tables import notice
from rider_hub.errors import Unavailable
from rider_hub.storage import Database, upsert_rows
from rider_hub.storage.migrate import upgrade

NOW = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)


def _notice(version: int, at: datetime = NOW) -> dict[str, object]:
    return {"key": "k", "version": version, "title": "标题", "body": "正文", "published_at": at}


async def test_a_write_that_raises_leaves_nothing(database_url: str) -> None:
    """An exception inside the block rolls the whole transaction back."""
    database = Database(database_url)

    async def broken() -> None:
        async with database.write() as connection:
            await connection.execute(insert(notice), [_notice(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    async with database.read() as connection:
        assert (await connection.execute(select(notice))).all() == []
    await database.close()


async def test_a_read_transaction_cannot_write(database_url: str) -> None:
    """The reading side of the hub is refused any change by the database itself."""
    database = Database(database_url)

    async def sneak() -> None:
        async with database.read() as connection:
            await connection.execute(insert(notice), [_notice(1)])

    with pytest.raises(DBAPIError):
        await sneak()
    await database.close()


async def test_instants_come_back_in_utc_and_naive_ones_are_refused(database_url: str) -> None:
    """A stored instant is the same instant when read; one without a zone never gets in."""
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(insert(notice), [_notice(1)])
    async with database.read() as connection:
        assert (await connection.execute(select(notice.c.published_at))).scalar_one() == NOW

    async def naive() -> None:
        async with database.write() as connection:
            await connection.execute(insert(notice), [_notice(2, NOW.replace(tzinfo=None))])

    with pytest.raises((StatementError, ValueError)):
        await naive()
    await database.close()


async def test_tasks_of_one_process_queue_for_writing(database_url: str) -> None:
    """Twenty writers at once all commit; none meets a locked database."""
    database = Database(database_url)

    async def write(version: int) -> None:
        async with database.write() as connection:
            await connection.execute(select(notice))
            await asyncio.sleep(0)
            await connection.execute(insert(notice), [_notice(version)])

    await asyncio.gather(*(write(version) for version in range(20)))
    async with database.read() as connection:
        assert len((await connection.execute(select(notice.c.version))).all()) == 20
    await database.close()


async def test_upserting_overwrites_all_but_the_kept_columns(database_url: str) -> None:
    """A second upsert of a key replaces its values, except those named in `keep`."""
    database = Database(database_url)
    async with database.write() as connection:
        await upsert_rows(connection, notice, [_notice(1)], key=("key", "version"))
        second = {**_notice(1), "title": "新标题", "body": "新正文"}
        await upsert_rows(connection, notice, [second], key=("key", "version"), keep=("body",))
        row = (await connection.execute(select(notice.c.title, notice.c.body))).one()
    assert tuple(row) == ("新标题", "正文")
    await database.close()


async def test_another_process_writing_is_named_as_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A SQLite file locked by somebody else gives a clear error with 503, not a trace."""
    monkeypatch.setattr("rider_hub.storage.engine._BUSY_TIMEOUT_MS", 50)
    url = f"sqlite+aiosqlite:///{tmp_path / 'busy.db'}"
    upgrade(url)
    mine, theirs = Database(url), Database(url)
    async with theirs.write():
        with pytest.raises(Exception, match="Another process is writing") as caught:
            async with mine.write() as connection:
                await connection.execute(select(notice))
    assert caught.value.status == 503  # type: ignore[attr-defined]
    await mine.close()
    await theirs.close()


async def test_two_changes_that_wait_for_each_other_are_told_to_come_again(database_url: str) -> None:
    """Of two transactions in a circle one is refused as busy, in words, and the other goes on.

    SQLite has one writer at a time: there the second waits its turn and both go through.
    """
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(insert(notice), [_notice(1), _notice(2)])
    met = asyncio.Barrier(2 if database.dialect == "postgresql" else 1)

    async def change(first: int, second: int) -> str:
        try:
            async with database.write() as connection:
                for version in (first, second):
                    mine = update(notice).where(notice.c.version == version)
                    await connection.execute(mine.values(title=f"{first}{second}"))
                    if version == first:
                        await met.wait()
        except Unavailable as refused:
            return refused.code
        return "done"

    told = sorted(await asyncio.gather(change(1, 2), change(2, 1)))
    assert told == (["database_busy", "done"] if database.dialect == "postgresql" else ["done", "done"])
    await database.close()
