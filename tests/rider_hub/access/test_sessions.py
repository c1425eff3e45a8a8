"""Sessions and tokens: what a visitor sends is never an error, and what is over is not kept."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from rider_hub.access import Hub
from rider_hub.access.account_tables import rider_session, session
from rider_hub.access.first_start import console
from rider_hub.access.sessions import forget_sessions
from rider_hub.access.users import add_user
from rider_hub.app import build_app
from rider_hub.storage import insert_rows
from tests.factories import make_hub

Client = TestClient[web.Request, web.Application]
PASSWORD = "a password for tests"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub that holds nothing yet."""
    async with make_hub(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[Client]:
    """Serve the application to a visitor without cookies."""
    async with TestClient(TestServer(build_app(hub))) as opened:
        yield opened


@pytest.mark.parametrize("name", ["rider_hub_session", "rider_hub_csrf"])
async def test_a_cookie_that_is_no_text_is_one_nobody_gave_out(client: Client, name: str) -> None:
    """Bytes that are no UTF-8 open nothing and break nothing."""
    # By hand: clients make text of it first.
    reader, writer = await asyncio.open_connection(client.host, client.port)
    head = f"GET /login HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nCookie: {name}=".encode()
    writer.write(head + b"\xff\xfe\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_form_with_too_many_fields_is_refused_unread(client: Client) -> None:
    """A token among more fields than any form has is not looked for."""
    page = await (await client.get("/login")).text()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    body = f"csrf={token}&" + "a=1&" * 2000
    assert (await client.post("/login", data=body, headers=FORM)).status == 403


async def test_sessions_that_are_over_are_forgotten(hub: Hub) -> None:
    """An idle and an old session of staff go, one in use stays; a rider's row goes with its day."""
    now = hub.clock.now()
    user_id = await add_user(hub, console(), username="dong", display_name="测试员", password=PASSWORD)
    ages = {
        "idle": (timedelta(hours=1), timedelta(minutes=31)),
        "old": (timedelta(hours=13), timedelta()),
        "used": (timedelta(hours=1), timedelta(minutes=5)),
    }
    rows = [
        {"token_hash": name, "id": name, "user_id": user_id, "epoch": 1, "csrf": ""}
        | {"address": "", "browser": "", "created_at": now - created, "seen_at": now - seen}
        for name, (created, seen) in ages.items()
    ]
    ridden = [
        {"token_hash": name, "sealed": b"", "keep_until": now + left}
        for name, left in (("past", timedelta()), ("today", timedelta(hours=1)))
    ]
    async with hub.database.write() as connection:
        await insert_rows(connection, session, rows)
        await insert_rows(connection, rider_session, ridden)
        assert await forget_sessions(connection, hub.settings, now) == 3
        assert (await connection.execute(select(session.c.token_hash))).scalars().all() == ["used"]
        assert (await connection.execute(select(rider_session.c.token_hash))).scalars().all() == ["today"]
