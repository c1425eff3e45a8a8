"""A second database beside the one under test, for the run that nothing disturbs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import migrated


@pytest.fixture
def twin_url(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of another migrated database of the same kind."""
    yield from migrated(request, database_url.partition("+")[0], tmp_path / "twin.db")
