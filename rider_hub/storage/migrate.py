"""Bringing a database to the newest schema; migrations name columns themselves and import no capability."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from rider_hub.errors import HubError
from rider_hub.storage.engine import Database, engine_for

__all__ = ["SchemaMismatch", "check_schema", "upgrade"]


class SchemaMismatch(HubError):
    """The database and the program are not of the same version."""

    status = 503
    default_code = "schema_mismatch"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to a revision; one that is there already is left as it is.

    Runs in a thread with a loop of its own, so that it may be called from anywhere.
    """
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _upgrade(url, revision)).result()


async def _upgrade(url: str, revision: str) -> None:
    engine = engine_for(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run, revision)
    finally:
        await engine.dispose()


async def check_schema(database: Database) -> None:
    """Raise SchemaMismatch unless the database is at the schema this code was written for."""

    def revision(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with database.read() as connection:
        found = await connection.run_sync(revision)
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    if found != wanted:
        raise SchemaMismatch(
            f"数据库结构（{found or '空'}）与程序（{wanted}）不一致。"
            "请运行 rider-hub migrate；若数据库更新，请升级程序。",
            f"The database is at schema {found or 'none'}, this program at {wanted}. "
            "Run `rider-hub migrate`; where the database is the newer one, a newer program.",
        )


def _run(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
