"""Many rows in one go, by each database's own quickest way, inside the caller's transaction.

PostgreSQL takes new rows by COPY, and overwrites by COPY into a stage and one statement from it; SQLite takes
both by one prepared statement. Few rows go the plain way of `writing` on either.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Table, any_, bindparam, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import Column

from rider_hub.storage.metadata import UtcDateTime
from rider_hub.storage.writing import Row, in_batches, insert_rows, upsert_rows

__all__ = ["add_rows", "among", "in_slices", "put_rows"]

#: Below this many rows COPY saves nothing.
_FEW: Final = 50
#: Values in one condition of SQLite.
_VALUES_A_QUERY: Final = 500
#: Rows worked on before the loop is given back: some 10 ms of sealing.
_SLICE: Final = 500
T = TypeVar("T")
R = TypeVar("R")
#: Fills in columns of rows that are about to be written, and returns the rows.
Complete = Callable[[Sequence[Any]], Sequence[Row]]


async def in_slices(rows: Sequence[T], work: Callable[[Sequence[T]], Iterable[R]]) -> list[R]:
    """Work through rows and return what comes of them; pages are answered between any 500."""
    found: list[R] = []
    for part in in_batches(rows, _SLICE):
        found += work(part)
        await asyncio.sleep(0)
    return found


def among(
    connection: AsyncConnection, column: ColumnElement[T], values: Collection[T]
) -> Iterator[ColumnElement[bool]]:
    """Give conditions that together hold where a column has one of these values; each for a query of its own.

    PostgreSQL takes all values in one array. No values give no condition.
    """
    ordered = sorted(set(values))  # type: ignore[type-var]
    if connection.dialect.name != "postgresql":
        for part in in_batches(ordered, _VALUES_A_QUERY):
            yield column.in_(part)
    elif ordered:
        yield column == any_(bindparam(None, ordered, type_=ARRAY(column.type), unique=True))


async def add_rows(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], *, complete: Complete | None = None
) -> None:
    """Insert rows that must be new; each row names the same columns. No rows is no statement.

    `complete` fills in what takes time and returns the rows: on PostgreSQL slice by slice, while the server
    writes the slice before.
    """
    many = len(rows) >= _FEW
    if many and connection.dialect.name == "postgresql":
        await _copy(connection, table, table.name, rows, complete)
        return
    if complete:
        rows = await in_slices(rows, complete)
    if many:
        statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
        # In the order in which the statement names them.
        names = list(statement.positiontup or ())
        await connection.exec_driver_sql(str(statement), _tuples(connection, table, names, rows))
    else:
        await insert_rows(connection, table, rows)


async def put_rows(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows, or overwrite those whose key is there already, except the columns in `keep`."""
    if len(rows) < _FEW or connection.dialect.name != "postgresql":
        await upsert_rows(connection, table, rows, key=key, keep=keep)
        return
    names = list(rows[0])
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in (*key, *keep))
    columns, stage = ", ".join(names), f"stage_{table.name}"
    await connection.execute(text(f"CREATE TEMP TABLE {stage} (LIKE {table.name}) ON COMMIT DROP"))
    await _copy(connection, table, stage, rows)
    taken = f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {stage}"  # noqa: S608 - our own names
    otherwise = f"UPDATE SET {changed}" if changed else "NOTHING"
    await connection.execute(text(f"{taken} ON CONFLICT ({', '.join(key)}) DO {otherwise}"))
    await connection.execute(text(f"DROP TABLE {stage}"))


async def _copy(
    connection: AsyncConnection,
    table: Table,
    into: str,
    rows: Sequence[Row],
    complete: Complete | None = None,
) -> None:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if not driver.is_in_transaction():
        # SQLAlchemy begins with its first statement, which COPY is not.
        await connection.execute(text("SELECT 1"))
    names = list(rows[0])
    fed = _fed(connection, table, rows, complete)
    await driver.copy_records_to_table(into, records=fed, columns=names)


async def _fed(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], complete: Complete | None
) -> AsyncIterator[tuple[Any, ...]]:
    """Give the rows as the driver takes them, and between slices the loop to others."""
    names = list(rows[0])
    for part in in_batches(rows, _SLICE):
        made = complete(part) if complete else part
        for row in _tuples(connection, table, names, made):
            yield row
        await asyncio.sleep(0)


def _tuples(
    connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Row]
) -> list[tuple[Any, ...]]:
    """Return the rows' values as the driver takes them."""
    columns = []
    for name in names:
        values = [row[name] for row in rows]
        bound = _processor(connection, table.c[name])
        if bound and isinstance(table.c[name].type, UtcDateTime):
            # Many times are the same: each is turned once into what the driver takes.
            bound = {value: bound(value) for value in set(values)}.__getitem__
        columns.append([bound(value) for value in values] if bound else values)
    return list(zip(*columns, strict=True))


def _processor(connection: AsyncConnection, column: Column[Any]) -> Any:
    if isinstance(column.type, LargeBinary):
        return None  # both drivers take bytes as they are
    return column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
