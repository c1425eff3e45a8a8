"""A platform's key opens its own feed and receipts; of another's it learns nothing and changes nothing."""

import os
import random
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import delete, select

from connectors.transport.push_client import ndjson
from connectors.transport.signatures import signed_headers
from rider_hub.access import Hub
from rider_hub.access.policy import OPERATIONS
from rider_hub.app import build_app
from rider_hub.demo.ground import console
from rider_hub.intake.sender_keys import make_key
from rider_hub.intake.senders import register_sender, signing_key_bytes
from rider_hub.intake.tables import sender
from rider_hub.riders.tables import registration
from tests.factories import county_staff, make_hub
from tests.rider_hub.matrix.drivers import DRIVERS
from tests.rider_hub.matrix.test_matrix import NOBODY, address_of, routes_of, send, site, state_of
from tests.rider_hub.matrix.viewers import VIEWERS
from tests.rider_hub.matrix.world import GROUPS

#: Guesses of keys, receipts and names of platforms.
GUESSES = 10_000 if os.environ.get("RIDER_HUB_TEST_LONG") == "1" else 300

_THEIRS = select(registration).where(registration.c.platform == "yi")


class Program:
    """The program of platform jia, which holds jia's key alone."""

    def __init__(self, hub: Hub, client: Any, key: bytes, test_key: bytes) -> None:
        self.hub, self.client, self.key, self.test_key = hub, client, key, test_key
        self.numbers = count(1)  # an id is for one use

    async def send(
        self, method: str, path: str, body: bytes = b"", key: bytes | None = None
    ) -> tuple[int, bytes]:
        """Send a request signed with jia's key, or with a guessed one; returns status and body."""
        stamp = int(self.hub.clock.now().timestamp())
        headers = signed_headers(key or self.key, f"msg-{next(self.numbers)}", stamp, body)
        headers |= {"content-type": "application/x-ndjson"} if body else {}
        answer = await self.client.request(method, path, data=body or None, headers=headers)
        return answer.status, await answer.read()


@pytest.fixture
async def program(world_url: str, tmp_path: Path) -> AsyncIterator[Program]:
    """Serve the application over the world of two platforms."""
    async with make_hub(world_url, tmp_path) as hub:
        async with hub.database.write() as connection:
            await connection.execute(delete(sender).where(sender.c.platform == "jia"))
        key = await register_sender(
            hub, console(), platform="jia", county="110101", tier="B", basis="separate_consent"
        )
        test_key, _ = await make_key(hub, county_staff(), "jia", test=True)
        server = TestServer(build_app(hub))
        await server.start_server(auto_decompress=False)
        client: Any = TestClient(server)
        yield Program(hub, client, signing_key_bytes(key), signing_key_bytes(test_key))
        await client.close()


def _paths(platform: str, receipt: str) -> list[tuple[str, str]]:
    return [
        (
            method,
            path.replace("{platform}", platform).replace("{type}", "registration").replace("{id}", receipt),
        )
        for (method, path), driver in DRIVERS.items()
        if driver.signed
    ]


async def test_anothers_feed_and_receipt_answer_as_if_there_were_none(program: Program) -> None:
    """On every signed route, by both kinds of key: yi answers byte for byte as a platform that never was."""
    body = ndjson([{"record_id": "1", "op": "leave", "platform_rider_ref": GROUPS[1].id("ridref")}])
    before = await state_of(program.hub)
    theirs = _paths("yi", GROUPS[1].id("receipt"))
    nobodys = _paths("nobody", NOBODY.id("receipt"))
    assert len(theirs) == 4
    for (method, path), (_, absent) in zip(theirs, nobodys, strict=True):
        sent = body if method == "POST" else b""
        for key in (program.key, program.test_key):
            found = await program.send(method, path, sent, key)
            assert found == await program.send(method, absent, sent, key), path
            assert found[0] in {401, 404}
    assert await state_of(program.hub) == before


async def test_its_own_feed_and_receipt_work(program: Program) -> None:
    """The same key on its own addresses is let in, so the refusals above are no accident."""
    statuses = []
    row = {
        "record_id": "1",
        "op": "leave",
        "platform_rider_ref": GROUPS[1].id("ridref"),
        "effective_at": "2026-11-01T08:00:00+08:00",
        "updated_at": "2026-11-01T08:00:00+08:00",
    }
    for method, path in _paths("jia", GROUPS[0].id("receipt")):
        statuses.append((await program.send(method, path, ndjson([row]) if method == "POST" else b""))[0])
    assert statuses == [200, 200, 200, 200]


async def test_a_row_that_names_anothers_rider_is_about_ones_own(program: Program) -> None:
    """A leave for a reference of yi, sent by jia, leaves the registration of yi as it was."""
    row = {
        "record_id": "1",
        "op": "leave",
        "platform": "yi",
        "platform_rider_ref": GROUPS[1].id("ridref"),
        "effective_at": "2026-11-26T08:00:00+08:00",
        "updated_at": "2026-11-26T08:00:00+08:00",
    }
    async with program.hub.database.read() as connection:
        before = (await connection.execute(_THEIRS)).all()
    await program.send("POST", "/api/v1/feeds/jia/registration", ndjson([row]))
    async with program.hub.database.read() as connection:
        assert (await connection.execute(_THEIRS)).all() == before


async def test_guesses_tell_nothing(program: Program) -> None:
    """Keys near one's own, random ones, and none of another's: yi is answered byte for byte as nobody is."""
    draw = random.Random(GUESSES)
    body = ndjson([{"record_id": "1", "op": "leave", "platform_rider_ref": GROUPS[1].id("ridref")}])
    before = await state_of(program.hub)
    pairs = list(
        zip(_paths("yi", GROUPS[1].id("receipt")), _paths("nobody", NOBODY.id("receipt")), strict=True)
    )
    for _ in range(GUESSES // 2):
        near = draw.choice((program.key, program.test_key, draw.randbytes(len(program.key))))
        key = bytearray(near)
        key[draw.randrange(len(key))] ^= 1 << draw.randrange(8)
        (method, path), (_, absent) = draw.choice(pairs)
        sent = body if method == "POST" else b""
        found = await program.send(method, path, sent, bytes(key))
        assert found == await program.send(method, absent, sent, bytes(key)), path
        assert found[0] in {401, 404}
    assert await state_of(program.hub) == before


async def test_an_accounts_guesses_tell_nothing(
    world_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On every page of one row that jia's account may open: yi's rows, and ids near them, are as absent."""
    draw = random.Random(GUESSES)
    viewer = VIEWERS["platform_account"]
    async with make_hub(world_url, tmp_path) as hub:
        before = await state_of(hub)
        async with site(hub, monkeypatch) as (client, be):
            be(viewer)
            opened = [
                (method, path, driver)
                for method, path, operation in routes_of(build_app(hub))
                if (driver := DRIVERS.get((method, path))) is not None
                and driver.params is not None
                and not driver.blind
                and viewer.role in OPERATIONS[operation]
            ]
            assert len(opened) > 15
            for _ in range(GUESSES // 2):
                method, path, driver = draw.choice(opened)
                assert driver.params is not None
                theirs, nobodys = driver.params(draw.choice(viewer.others())), driver.params(NOBODY)
                if draw.random() < 0.3:
                    theirs = {name: _near(draw, value) for name, value in theirs.items()}
                told = []
                for params in (theirs, nobodys):
                    address = address_of(path, params)
                    answer = await send(client, method, address, driver.form(NOBODY), "application/json")
                    text = (await answer.read()).decode()
                    # What was asked for may be said again; single characters stand in every text.
                    for sent in (address, *params.values()):
                        text = text.replace(sent, "") if len(sent) > 1 else text
                    told.append((answer.status, text))
                assert told[0] == told[1], (method, path, theirs)
                assert told[0][0] == 404
        assert await state_of(hub) == before


def _near(draw: random.Random, value: str) -> str:
    """Return an id with one character changed."""
    at = draw.randrange(len(value))
    return f"{value[:at]}{draw.choice('wxyz')}{value[at + 1 :]}"
