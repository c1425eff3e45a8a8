"""The world of two counties, laid once a worker for each database and copied for each test."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rider_hub.access import Hub
from tests.databases import Databases
from tests.factories import make_hub
from tests.rider_hub.matrix.world import lay_world


def _lay(url: str, folder: Path) -> None:
    async def laid() -> None:
        async with make_hub(url, folder) as hub:
            await lay_world(hub)

    asyncio.run(laid())


@pytest.fixture(scope="session")
def sqlite_world(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """Give an SQLite file that holds the world, to be copied and never changed."""
    path = tmp_path_factory.mktemp("world") / "rider_hub.db"
    shutil.copyfile(sqlite_template, path)
    _lay(f"sqlite+aiosqlite:///{path}", path.parent)
    return path


@pytest.fixture(scope="session")
def postgres_world(
    tmp_path_factory: pytest.TempPathFactory, postgres: Databases, postgres_template: str
) -> Iterator[str]:
    """Give a PostgreSQL database that holds the world, to be copied and never changed."""
    url = postgres.create(template=postgres_template)
    _lay(url, tmp_path_factory.mktemp("world"))
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def world_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database of this test's own that holds the world."""
    if request.param == "sqlite":
        path = tmp_path / "rider_hub.db"
        shutil.copyfile(request.getfixturevalue("sqlite_world"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    databases: Databases = request.getfixturevalue("postgres")
    url = databases.create(template=request.getfixturevalue("postgres_world"))
    yield url
    databases.drop(url)


@pytest.fixture
async def hub(world_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub that holds the world of two counties."""
    async with make_hub(world_url, tmp_path) as opened:
        yield opened
