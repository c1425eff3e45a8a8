"""A filled hub, and clients of its pages for a viewer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from rider_hub.access import Actor, Hub
from tests.factories import make_hub
from tests.rider_hub.views import county

ClientOf = Callable[[Actor], Awaitable[TestClient]]


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Give a hub that holds the county."""
    async with make_hub(database_url, tmp_path) as opened:
        await county.fill(opened)
        yield opened


@pytest.fixture
def client_of(hub: Hub, aiohttp_client: AiohttpClient) -> ClientOf:
    """Give what makes a client for a viewer."""

    async def make(viewer: Actor) -> TestClient:
        client: TestClient = await aiohttp_client(county.build(hub, viewer))
        return client

    return make
