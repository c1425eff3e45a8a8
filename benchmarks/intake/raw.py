"""The raw limits: the same, already sealed rows into the same tables and indexes, with nothing else done.

PostgreSQL: COPY into a stage and an upsert from it, 10,000 riders a transaction. SQLite: an upsert by
executemany with the hub's own pragmas, 1,000 riders a transaction.
"""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

__all__ = ["Rows", "age", "raw_postgres", "raw_sqlite", "read_postgres", "read_sqlite"]

#: In the order of their references.
_TABLES = ("rider", "registration", "registration_history")
_OF = {
    "rider": "JOIN rider t ON t.id = g.rider_id",
    "registration": "JOIN registration t ON t.id = g.id",
    "registration_history": "JOIN registration_history t ON t.registration_id = g.id",
}


@dataclass(frozen=True)
class Rows:
    """The rows of one table, in the order in which they were pushed."""

    table: str
    columns: tuple[str, ...]
    values: Sequence[tuple[Any, ...]]

    @property
    def upsert(self) -> str:
        """The end of a statement that overwrites what is there."""
        changed = ", ".join(f"{name} = excluded.{name}" for name in self.columns if name != "id")
        return f"ON CONFLICT (id) DO UPDATE SET {changed}"


async def age(url: str) -> None:
    """Let the registrations be seen long ago, and the database tidied since, as on any later day."""
    aged = "UPDATE registration SET seen_at = '2026-01-01 00:00:00.000000'"
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.partition(":///")[2], isolation_level=None)
        file.execute(aged)
        file.close()
        return
    connection = await asyncpg.connect(_plain(url))
    await connection.execute(aged)
    await connection.execute("VACUUM registration")
    await connection.close()


async def read_postgres(url: str) -> list[Rows]:
    """Read what the hub wrote."""
    connection = await asyncpg.connect(_plain(url))
    found = []
    for table in _TABLES:
        records = await connection.fetch(_query(table))
        found.append(Rows(table, tuple(records[0].keys()), [tuple(record) for record in records]))
    await connection.close()
    return found


async def raw_postgres(url: str, tables: Sequence[Rows], size: int) -> float:
    """Write the rows into a migrated database and return the seconds; rows that are there are overwritten."""
    connection = await asyncpg.connect(_plain(url))
    for rows in tables:
        stage = f"CREATE TEMP TABLE stage_{rows.table} (LIKE {rows.table}) ON COMMIT DELETE ROWS"
        await connection.execute(stage)
    started = time.perf_counter()
    for start in range(0, len(tables[0].values), size):
        async with connection.transaction():
            for rows in tables:
                part = rows.values[start : start + size]
                await connection.copy_records_to_table(
                    f"stage_{rows.table}", records=part, columns=rows.columns
                )
                names = ", ".join(rows.columns)
                await connection.execute(
                    f"INSERT INTO {rows.table} ({names}) SELECT {names} FROM stage_{rows.table} {rows.upsert}"  # noqa: S608 - our own names
                )
    took = time.perf_counter() - started
    await connection.close()
    return took


def read_sqlite(path: Path) -> list[Rows]:
    """Read what the hub wrote."""
    connection = sqlite3.connect(path)
    found = []
    for table in _TABLES:
        cursor = connection.execute(_query(table))
        found.append(Rows(table, tuple(column[0] for column in cursor.description), cursor.fetchall()))
    connection.close()
    return found


def raw_sqlite(path: Path, tables: Sequence[Rows], size: int) -> float:
    """Write the rows into a migrated file as the hub opens it, and return the seconds."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    started = time.perf_counter()
    for start in range(0, len(tables[0].values), size):
        connection.execute("BEGIN IMMEDIATE")
        for rows in tables:
            names, marks = ", ".join(rows.columns), ", ".join("?" * len(rows.columns))
            statement = f"INSERT INTO {rows.table} ({names}) VALUES ({marks}) {rows.upsert}"  # noqa: S608 - our own names
            connection.executemany(statement, rows.values[start : start + size])
        connection.execute("COMMIT")
    took = time.perf_counter() - started
    connection.close()
    return took


def _query(table: str) -> str:
    return f"SELECT t.* FROM registration g {_OF[table]} ORDER BY g.platform_rider_ref"  # noqa: S608 - our own names


def _plain(url: str) -> str:
    return url.replace("postgresql+asyncpg", "postgresql")
