"""The database behind the hub: one transaction to write, a read-only one to read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rider_hub.storage.metadata import PRIVATE_SCHEMA
from rider_hub.storage.unavailable import saying_faults

__all__ = ["Database", "engine_for"]

#: How long a writer waits for another process's transaction on the same SQLite file.
_BUSY_TIMEOUT_MS = 10_000
#: A server that does not answer for so long, connected or not, counts as gone.
_ANSWER_S = 2.0
#: Rows a transaction of a long delivery. On SQLite a page's row of the trail waits behind it.
_PART = {"sqlite": 1_000, "postgresql": 5_000}


class Database:
    """Opens transactions. On SQLite all writing of a process goes through one connection.

    SQLite has one writer at a time. Holding a single write connection queues the tasks of this process in
    order, and BEGIN IMMEDIATE takes the lock before anything was read: a deferred transaction that reads and
    then writes fails at once with SQLITE_BUSY_SNAPSHOT, which no timeout mends.
    """

    def __init__(self, url: str, name: str = "rider-hub") -> None:
        """Prepare connections; `name` is what PostgreSQL shows of them."""
        self.url = url
        self.dialect = make_url(url).get_backend_name()
        #: How many rows of a long delivery one transaction writes.
        self.rows_a_part = _PART[self.dialect]
        if self.dialect == "sqlite":
            self._writer = engine_for(url)
            self._reader = engine_for(url, read_only=True)
        else:
            self._writer = self._reader = engine_for(url, name=name)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that commits at the end of the block and rolls back on any exception."""
        with saying_faults():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self, *, snapshot: bool = False) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that can't change anything; with `snapshot` all its queries see one moment.

        On SQLite they do in any case.
        """
        with saying_faults():
            async with self._reader.connect() as connection:
                await self._prepare_reading(connection, snapshot=snapshot)
                yield connection

    async def _prepare_reading(self, connection: AsyncConnection, *, snapshot: bool) -> None:
        if self.dialect == "postgresql":
            level = {"isolation_level": "REPEATABLE READ"} if snapshot else {}
            await connection.execution_options(postgresql_readonly=True, **level)

    async def compact(self, tables: Sequence[str], *, by_key: bool = False) -> None:
        """Give up what deleted and overwritten rows left behind: in pages, and on SQLite in the WAL.

        `tables` are full names. With `by_key` their rows are laid in the order of the primary key, which on
        PostgreSQL locks each table while it is written anew; without it PostgreSQL's statistics are made
        anew, too, since they hold values of rows. Old copies in its own WAL go as the server reuses its
        segments. On SQLite the whole file is written anew.
        """
        if self.dialect == "postgresql":
            alone = self._writer.execution_options(isolation_level="AUTOCOMMIT")
            async with alone.connect() as connection:
                for table in tables:
                    key = f"pk_{table.rpartition('.')[2]}"
                    done = f"CLUSTER {table} USING {key}" if by_key else f"VACUUM (FULL, ANALYZE) {table}"
                    await connection.execute(text(done))
                if not by_key:
                    # The owner of the database may; another account's server skips it with a warning.
                    await connection.execute(text("VACUUM (FULL) pg_statistic"))
            return
        async with self._writer.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                await driver.execute_fetchall(statement)  # type: ignore[union-attr]

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give all connections back."""
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def engine_for(url: str, *, read_only: bool = False, name: str = "rider-hub") -> AsyncEngine:
    """Return an engine with the pragmas and the pool its dialect needs."""
    target = make_url(url)
    if target.get_backend_name() != "sqlite":
        return _server_engine(url, name)
    if target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url,
        pool_size=4 if read_only else 1,
        max_overflow=0,
        hide_parameters=True,
        execution_options={"schema_translate_map": {PRIVATE_SCHEMA: None}},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _server_engine(url: str, name: str) -> AsyncEngine:
    """Return an engine that finds out soon whether its server is there: before each use, and with a limit."""
    connecting = {"timeout": _ANSWER_S, "server_settings": {"application_name": name}}
    engine = create_async_engine(url, hide_parameters=True, connect_args=connecting)

    async def answers(connection: Any) -> None:
        await asyncio.wait_for(connection.fetchrow(";"), _ANSWER_S)

    @event.listens_for(engine.sync_engine, "checkout")
    def _ask(connection: Any, _record: Any, _proxy: Any) -> None:
        try:
            connection.run_async(answers)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DisconnectionError from error  # SQLAlchemy opens a new one in its place

    return engine
