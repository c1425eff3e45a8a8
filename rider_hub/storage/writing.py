"""Writing many rows at once on either database."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["in_batches", "insert_ignoring", "insert_rows", "one_at_a_time", "upsert_rows"]

Row = Mapping[str, Any]
T = TypeVar("T")


def in_batches(rows: Sequence[T], size: int = 1000) -> Iterator[Sequence[T]]:
    """Cut rows into runs of at most `size`: a longer SQLite transaction keeps page readers' audit waiting."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that must be new; each row names the same columns. No rows is no statement."""
    if rows:
        await connection.execute(insert(table), [dict(row) for row in rows])


async def insert_ignoring(connection: AsyncConnection, table: Table, row: Row, *, key: Sequence[str]) -> None:
    """Insert a row unless its key is there already; which of the two happened is for the caller to read."""
    statement = _dialect(connection).insert(table)
    await connection.execute(
        statement.on_conflict_do_nothing(index_elements=[table.c[name] for name in key]), dict(row)
    )


async def upsert_rows(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows, or overwrite those whose key is there already, except the columns in `keep`.

    Executed once per row set as a prepared statement; a multi-row VALUES clause is about ten times slower.
    """
    if not rows:
        return
    statement = _dialect(connection).insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key and name not in keep}
    columns = [table.c[name] for name in key]
    statement = (
        statement.on_conflict_do_update(index_elements=columns, set_=changed)
        if changed
        else statement.on_conflict_do_nothing(index_elements=columns)
    )
    await connection.execute(statement, [dict(row) for row in rows])


async def one_at_a_time(connection: AsyncConnection, name: bytes) -> None:
    """Let no two transactions go on under one name, of at least eight bytes; held until the transaction ends.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(
            select(func.pg_advisory_xact_lock(int.from_bytes(name[:8], "big", signed=True)))
        )


def _dialect(connection: AsyncConnection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite
