"""The pushing client against a real server on loopback: same bytes under one key, patience, giving up."""

import gzip
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.errors import FeedError
from connectors.transport.push_client import Retry, push
from connectors.transport.signatures import verify

KEY = b"k" * 32
ROWS = [{"record_id": "R-1"}, {"record_id": "R-2"}]


class Hub:
    """Answer statuses in turn, then a receipt; remember what came."""

    def __init__(self, *statuses: int, again: str | None = "7") -> None:
        self.statuses: Iterator[int] = iter(statuses)
        self.again = again
        self.bodies: list[bytes] = []
        self.keys: list[str] = []
        self.waits: list[float] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Verify the signature over the bytes as sent, then answer."""
        body = await request.read()
        assert verify([KEY], dict(request.headers), body, 1000.0) == request.headers["Idempotency-Key"]
        self.bodies.append(body)
        self.keys.append(request.headers["Idempotency-Key"])
        status = next(self.statuses, 200)
        if status == 200:
            return web.json_response({"received": 2})
        return web.Response(status=status, headers={"Retry-After": self.again} if self.again else {})

    async def push(self, **options: Any) -> dict[str, Any]:
        """Push the rows to this hub without real waiting."""

        async def note(seconds: float) -> None:
            self.waits.append(seconds)

        app = web.Application(handler_args={"auto_decompress": False})
        app.router.add_post("/feed", self.answer)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            return await push(
                session, str(server.make_url("/feed")), ROWS, key=KEY, message_id="m-1", now=lambda: 1000.0,
                retry=Retry(attempts=3, sleep=note), **options,
            )  # fmt: skip


async def test_a_push_is_repeated_with_the_same_bytes_until_answered() -> None:
    """After 503 and 429 the same bytes go again under the same key, not before Retry-After."""
    hub = Hub(503, 429)
    assert await hub.push() == {"received": 2}
    assert len(set(hub.bodies)) == len(set(hub.keys)) == 1
    assert len(hub.bodies) == 3
    assert gzip.decompress(hub.bodies[0]) == b'{"record_id":"R-1"}\n{"record_id":"R-2"}\n'
    assert all(7 <= wait <= 30 for wait in hub.waits)


async def test_a_push_signed_by_sm3_and_not_compressed_is_understood() -> None:
    """The other algorithm and a plain body work the same."""
    hub = Hub()
    assert await hub.push(alg="sm3", compress=False) == {"received": 2}
    assert hub.bodies[0].startswith(b"{")


async def test_a_refused_push_is_not_repeated() -> None:
    """A 422 is final: no second attempt."""
    hub = Hub(422)
    with pytest.raises(FeedError, match="push_failed"):
        await hub.push()
    assert len(hub.bodies) == 1


async def test_a_hub_that_never_answers_ends_in_an_error() -> None:
    """After the last attempt the error names the status seen."""
    hub = Hub(503, 503, 503)
    with pytest.raises(FeedError, match="503"):
        await hub.push()
    assert len(hub.bodies) == 3


@pytest.mark.parametrize(("again", "tries"), [("7", 2), (None, 1)])
async def test_a_conflict_is_tried_again_where_it_says_when(again: str | None, tries: int) -> None:
    """409 with Retry-After is a push under way; without one (an id used before) it would stay for ever."""
    hub = Hub(409, again=again)
    if again is None:
        with pytest.raises(FeedError, match="409"):
            await hub.push()
    else:
        assert await hub.push() == {"received": 2}
    assert len(hub.bodies) == tries
