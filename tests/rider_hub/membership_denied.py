"""A hub whose database refuses every touch of a membership table: equal treatment, held by the database."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rider_hub.access import Hub
from rider_hub.clock import Clock
from rider_hub.membership import tables as membership_tables
from rider_hub.outreach import tables as outreach_tables
from rider_hub.storage import Database
from rider_hub.storage.metadata import PRIVATE_SCHEMA, private_metadata
from tests.factories import make_hub

__all__ = ["PRIVATE_TABLES", "membership_denied_hub"]

PRIVATE_TABLES = frozenset(table.name for table in private_metadata.tables.values())
#: The names above are those of these two modules; a private table elsewhere is denied just the same.
assert {membership_tables.declaration.name, outreach_tables.invitation.name} <= PRIVATE_TABLES


@asynccontextmanager
async def membership_denied_hub(
    database_url: str, data_dir: Path, clock: Clock | None = None
) -> AsyncIterator[Hub]:
    """Open a hub on a migrated database under which any use of a membership table is an error.

    On SQLite an authorizer refuses the statement; on PostgreSQL the connections work under a role that was
    granted everything but the schema of membership.
    """
    async with make_hub(database_url, data_dir, clock) as hub:
        if hub.database.dialect == "sqlite":
            for engine in _engines(hub.database):
                event.listen(engine.sync_engine, "connect", _deny)
            yield hub
            return
        role = f"hub_test_{token_hex(6)}"
        await _run(hub.database, *_grants(role))
        try:
            async with make_hub(database_url, data_dir, clock) as denied:
                for engine in _engines(denied.database):
                    event.listen(engine.sync_engine, "connect", _under(role))
                yield denied
        finally:
            await _run(hub.database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def _engines(database: Database) -> set[AsyncEngine]:
    return {database._writer, database._reader}


def _deny(connection: Any, _: Any) -> None:
    def authorize(
        _action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
    ) -> int:
        return sqlite3.SQLITE_DENY if {first, second} & PRIVATE_TABLES else sqlite3.SQLITE_OK

    connection.run_async(lambda driver: driver.set_authorizer(authorize))


def _grants(role: str) -> list[str]:
    return [
        f"CREATE ROLE {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE ALL ON SCHEMA {PRIVATE_SCHEMA} FROM {role}",
    ]


def _under(role: str) -> Any:
    def become(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET ROLE {role}")
        cursor.close()
        connection.commit()  # a rolled back transaction would take the role away again

    return become


async def _run(database: Database, *statements: str) -> None:
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))
