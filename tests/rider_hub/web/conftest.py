"""The gallery as a client and as a server for Chromium."""

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pytest_aiohttp import AiohttpClient, AiohttpServer

from tests.rider_hub.web import gallery


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> TestClient:
    """Give a client of the gallery."""
    return await aiohttp_client(gallery.build())


@pytest.fixture
async def server(aiohttp_server: AiohttpServer) -> TestServer:
    """Give the gallery on a port of loopback."""
    return await aiohttp_server(gallery.build())
