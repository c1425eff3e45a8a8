"""Bringing a database to the newest schema; migrations name columns themselves and import no capability."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from rider_hub.storage.engine import engine_for

__all__ = ["upgrade"]


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


def _run(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
