"""What most tests of streams stand on: PostgreSQL, as with several readers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import migrated


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a migrated PostgreSQL database."""
    yield from migrated(request, "postgresql", tmp_path / "unused.db")


@pytest.fixture
def twin_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of another one."""
    yield from migrated(request, "postgresql", tmp_path / "unused_too.db")
