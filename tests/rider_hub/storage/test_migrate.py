"""Migrations and tables say the same, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from rider_hub.cli.all_tables import load_all_tables
from rider_hub.storage import Database
from rider_hub.storage.engine import engine_for
from rider_hub.storage.metadata import PRIVATE_SCHEMA, metadata, private_metadata
from rider_hub.storage.migrate import SchemaMismatch, check_schema, upgrade


def _differences(connection: Connection) -> list[object]:
    postgresql = connection.dialect.name == "postgresql"

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "schema" or name in (None, PRIVATE_SCHEMA)

    options = {"include_schemas": postgresql, "include_name": ours, "compare_type": postgresql}
    context = MigrationContext.configure(connection, opts=options)
    found = compare_metadata(context, [metadata, private_metadata] if postgresql else metadata)
    return [d for d in found if not _is_bookkeeping(d)]


def _is_bookkeeping(difference: object) -> bool:
    """Leave out what is no table of ours: SQLite lists the private tables beside the open ones."""
    kind, *rest = difference if isinstance(difference, tuple) else ("", None)
    name = getattr(getattr(rest[0], "table", rest[0]) if rest else None, "name", "")
    private = {table.name for table in private_metadata.tables.values()}
    return kind in {"remove_table", "remove_index"} and name in private | {"alembic_version"}


async def test_a_migrated_database_holds_exactly_the_tables_of_the_code(database_url: str) -> None:
    """No column, index or table stands in the code and not in the migrations, or the other way round."""
    load_all_tables()
    engine = engine_for(database_url)
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(_differences) == []
    finally:
        await engine.dispose()


def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    """A second upgrade of the same database is accepted and leaves it as it was."""
    upgrade(empty_database_url)
    upgrade(empty_database_url)
    assert empty_database_url


async def test_private_tables_have_a_schema_of_their_own_on_postgresql(database_url: str) -> None:
    """Declarations and invitations can be granted apart from everything else."""
    if not database_url.startswith("postgresql"):
        assert all(table.schema == PRIVATE_SCHEMA for table in private_metadata.tables.values())
        return
    engine = engine_for(database_url)
    async with engine.connect() as connection:
        query = f"SELECT tablename FROM pg_tables WHERE schemaname = '{PRIVATE_SCHEMA}'"  # noqa: S608
        found = {row[0] for row in await connection.exec_driver_sql(query)}
    await engine.dispose()
    assert found == {"declaration", "home_list", "invitation"}


async def test_a_migrated_database_is_of_the_programs_version(database_url: str) -> None:
    """After `migrate` the check finds nothing to say, and the database answers."""
    database = Database(database_url)
    assert await check_schema(database) is None
    await database.close()


async def test_a_database_of_another_version_is_named_with_the_cure(empty_database_url: str) -> None:
    """A hub never works on a schema it was not written for; it says what to run."""
    database = Database(empty_database_url)
    with pytest.raises(SchemaMismatch, match="migrate"):
        await check_schema(database)
    await database.close()
