"""Senders push by signature: what was signed is what is read, and each sees only its own."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import update

from connectors.transport.push_client import ndjson
from connectors.transport.signatures import Algorithm, signed_headers
from rider_hub.access import HUB
from rider_hub.access.sessions import identify, protect
from rider_hub.intake import api
from rider_hub.intake.senders import new_signing_key, signing_key_bytes
from rider_hub.intake.tables import receipt, sender
from rider_hub.parameters import parameter
from rider_hub.riders.tables import registration
from rider_hub.web import problems
from tests.factories import county_staff, make_hub
from tests.rider_hub.intake.build import body_of, bring_in_county, count, rider, sender_of

URL = "/api/v1/feeds/ding/registration"


class Site:
    """A hub behind HTTP with the sender `ding`."""

    def __init__(self, hub: Any, client: Any, key: bytes) -> None:
        self.hub, self.client, self.key = hub, client, key

    async def post(
        self,
        body: bytes,
        *,
        url: str = URL,
        key: bytes | None = None,
        message: str = "msg-1",
        at: float = 0,
        alg: Algorithm = "sha256",
        **headers: str,
    ) -> Any:
        """Post a body signed now (or `at` seconds from now)."""
        stamp = int(self.hub.clock.now().timestamp() + at)
        signed = signed_headers(key or self.key, message, stamp, body, alg)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"content-type": "application/x-ndjson"} | signed | named
        return await self.client.post(url, data=body, headers=sent)


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Serve the routes on loopback, bodies unchanged as they came."""
    async with make_hub(database_url, tmp_path) as hub:
        await bring_in_county(hub)
        _, key = await sender_of(hub)
        app = web.Application(middlewares=[problems, identify, protect])
        app[HUB] = hub
        api.prepare(app)
        app.add_routes(api.routes())
        server = TestServer(app)
        await server.start_server(auto_decompress=False)
        client = TestClient(server)
        yield Site(hub, client, key)
        await client.close()


async def test_a_signed_gzip_push_gets_its_receipt(site: Site) -> None:
    """NDJSON in gzip and a JSON array are taken alike, no cookie is set, and the receipt is read again."""
    answer = await site.post(gzip.compress(ndjson([rider(1), rider(2)])), content_encoding="gzip")
    receipt = await answer.json()
    assert (answer.status, receipt["received"], receipt["accepted"]) == (200, 2, 2)
    assert "Set-Cookie" not in answer.headers
    array = await site.post(body_of([rider(1)]), message="msg-2", content_type="application/json")
    assert (await array.json())["unchanged"] == 1
    signed = signed_headers(site.key, "read-1", int(site.hub.clock.now().timestamp()), b"")
    read = await site.client.get(answer.headers["Location"], headers=signed)
    assert (read.status, await read.json()) == (200, receipt)


async def test_sm3_signatures_are_taken(site: Site) -> None:
    """HMAC-SM3 serves as well as HMAC-SHA256."""
    assert (await site.post(ndjson([rider(1)]), alg="sm3")).status == 200


@pytest.mark.parametrize("fault", ["body", "key", "old", "early", "platform", "missing"])
async def test_a_push_with_a_wrong_signature_is_refused(site: Site, fault: str) -> None:
    """Another body, key, time or platform, or no signature: 401, and nothing is stored."""
    body = ndjson([rider(1)])
    stamp = int(site.hub.clock.now().timestamp()) + {"old": -301, "early": 301}.get(fault, 0)
    signed = signed_headers(b"x" * 32 if fault == "key" else site.key, "m", stamp, body)
    if fault == "missing":
        signed = {"webhook-signature": ""}
    url = "/api/v1/feeds/nobody/registration" if fault == "platform" else URL
    sent = body + b" " if fault == "body" else body
    headers = {"content-type": "application/x-ndjson", **signed}
    answer = await site.client.post(url, data=sent, headers=headers)
    problem = await answer.json()
    assert answer.status == 401
    assert {"code", "zh", "en"} <= problem.keys()
    assert await count(site.hub, registration) == 0


async def test_an_unknown_platform_answers_as_a_wrong_key(site: Site) -> None:
    """Nothing tells whether a platform sends to this hub."""
    body = ndjson([rider(1)])
    unknown = await (await site.post(body, url="/api/v1/feeds/nobody/registration")).json()
    wrong = await (await site.post(body, key=b"x" * 32)).json()
    assert unknown == wrong


async def test_the_old_key_stays_live_over_one_change(site: Site) -> None:
    """After a new key both are taken; after the next one the first is not."""
    new = signing_key_bytes(await new_signing_key(site.hub, county_staff(), "ding"))
    for number, key in enumerate((site.key, new)):
        assert (await site.post(ndjson([rider(number)]), key=key, message=f"m-{number}")).status == 200
    await new_signing_key(site.hub, county_staff(), "ding")
    assert (await site.post(ndjson([rider(9)]), message="m-9")).status == 401


async def test_a_retry_says_that_it_is_one(site: Site) -> None:
    """The same id and body: the same receipt, marked; another body under the same key: 422."""
    first = await site.post(ndjson([rider(1)]), Idempotency_Key="k")
    again = await site.post(ndjson([rider(1)]), message="msg-2", Idempotency_Key="k")
    assert (again.headers["Idempotent-Replayed"], await again.json()) == ("true", await first.json())
    other = await site.post(ndjson([rider(2)]), message="msg-3", Idempotency_Key="k")
    assert (other.status, (await other.json())["code"]) == (422, "idempotency_key_reused")


async def test_checking_stores_nothing(site: Site) -> None:
    """The answer is that of a push; no rider and no receipt comes of it."""
    answer = await site.post(ndjson([rider(1), rider(2, phone="bad")]), url=f"{URL}/check")
    found = await answer.json()
    assert (found["total"], found["accepted"], found["rejected"]) == (2, 1, 1)
    assert [(one["row"], one["path"]) for one in found["failures"]] == [(2, "phone")]
    assert await count(site.hub, registration) == 0


async def test_a_caught_check_is_no_push_and_a_caught_push_is_no_check(site: Site) -> None:
    """Neither the path nor the headers are signed: an id serves one of the two, once, and no snapshot."""
    body = ndjson([rider(1)])
    assert (await site.post(body, url=f"{URL}/check", message="c")).status == 200
    whole: Any = {"rfs_mode": "snapshot", "rfs_as_of": "2026-10-20T02:00:00+08:00", "rfs_total": "1"}
    tries: list[Any] = [{}, {"Idempotency_Key": "check"}, whole, whole | {"Idempotency_Key": "check"}]
    for headers in tries:
        caught = await site.post(body, message="c", **headers)
        assert (caught.status, (await caught.json())["code"]) == (409, "message_id_reused")
    assert await count(site.hub, registration) == 0
    assert (await site.post(body, message="p")).status == 200
    for caught in (
        await site.post(body, url=f"{URL}/check", message="p"),
        await site.post(body, message="p", **whole),
    ):
        assert (caught.status, (await caught.json())["code"]) == (409, "message_id_reused")
    assert (await site.post(body, url=f"{URL}/check", message="c")).status == 200


async def test_another_senders_receipt_looks_like_none(site: Site) -> None:
    """A right signature of another platform, and an id that never was: the same 404."""
    _, other = await sender_of(site.hub, "wu")
    answer = await site.post(ndjson([rider(1)]))
    stamp = int(site.hub.clock.now().timestamp())
    texts = []
    for path in (answer.headers["Location"], f"/api/v1/receipts/{'0' * 32}"):
        read = await site.client.get(path, headers=signed_headers(other, "r", stamp, b""))
        assert read.status == 404
        texts.append(msgspec.json.decode(await read.read()))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "file_empty"),
        (b"[{}", {"content_type": "application/json"}, 400, "json_unreadable"),
        (b"x", {"content_encoding": "gzip"}, 400, "gzip_unreadable"),
        (b"x", {"content_encoding": "br"}, 415, "content_encoding_unknown"),
        (b"x", {"content_type": "text/plain"}, 415, "content_type_unknown"),
        (b"{}", {"Idempotency_Key": "k" * 129}, 422, "idempotency_key_invalid"),
    ],
)
async def test_a_whole_that_cannot_be_read_is_named(
    site: Site, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """The answer is a problem with a code, and a mended push under the same key is taken."""
    answer = await site.post(body, **headers)
    assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert (await site.post(ndjson([rider(1)]))).status == 200


async def test_an_unknown_feed_type_is_named(site: Site) -> None:
    """Only stations and registrations are taken."""
    answer = await site.post(ndjson([rider(1)]), url="/api/v1/feeds/ding/positions")
    assert (answer.status, (await answer.json())["code"]) == (422, "feed_not_offered")


async def test_a_bomb_is_refused_before_it_is_inflated_whole(site: Site) -> None:
    """160 MiB in a few hundred KiB of gzip: 413, within seconds."""
    bomb = gzip.compress((b" " * 1023 + b"\n") * (160 * 1024), 9)
    started = time.monotonic()
    answer = await site.post(bomb, content_encoding="gzip")
    assert (answer.status, (await answer.json())["code"]) == (413, "inflated_too_large")
    assert time.monotonic() - started < 30


async def test_a_caught_push_serves_nobody_a_second_time(site: Site) -> None:
    """Its id with another Idempotency-Key, feed or body is refused; the very same again is a retry."""
    body = ndjson([rider(1)])
    first = await site.post(body)
    assert first.status == 200
    assert (await site.post(body, Idempotency_Key="attacker")).status == 409
    station = await site.post(body, url="/api/v1/feeds/ding/station")
    assert (station.status, (await station.json())["code"]) == (409, "message_id_reused")
    assert (await site.post(ndjson([rider(2)]))).status == 409
    assert (await (await site.post(body)).json()) == await first.json()
    assert await count(site.hub, receipt) == 1
    # A retry may be signed anew; its id is bound as well.
    assert (await site.post(body, message="msg-2", Idempotency_Key="msg-1")).status == 200
    assert (await site.post(body, message="msg-2", Idempotency_Key="attacker")).status == 409


async def test_two_of_one_id_at_once_are_one(site: Site) -> None:
    """Whoever comes first binds the id, also when both come together."""
    body = ndjson([rider(1)])
    answers = await asyncio.gather(*(site.post(body, Idempotency_Key=f"k-{n}") for n in range(6)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert await count(site.hub, receipt) == 1


async def test_a_platform_cannot_sign_for_another(site: Site) -> None:
    """The key of one platform opens its own feed and no other's, whatever the body names."""
    _, other = await sender_of(site.hub, "wu")
    body = ndjson([rider(1)])
    assert (await site.post(body, key=other)).status == 401
    assert (await site.post(body, key=site.key, url="/api/v1/feeds/wu/registration")).status == 401
    assert await count(site.hub, registration) == 0


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json", "text/plain"])
async def test_nothing_is_inflated_or_read_before_the_signature(site: Site, content_type: str) -> None:
    """A bomb, damaged gzip and an unknown type, wrongly signed: each is only a wrong signature."""
    bomb = gzip.compress(b" " * (64 * 1024 * 1024), 9)
    for body in (bomb, b"not gzip", b""):
        answer = await site.post(body, key=b"x" * 32, content_encoding="gzip", content_type=content_type)
        assert (answer.status, (await answer.json())["code"]) == (401, "signature_invalid")
        assert (await answer.json())["title"] == "签名不正确"


async def test_keys_change_without_a_gap(site: Site) -> None:
    """While a key is replaced, pushes under the old one and then the new one are taken, each of them."""
    statuses: list[int] = []

    async def keep_pushing() -> None:
        for number in range(10):
            answer = await site.post(ndjson([rider(number)]), message=f"old-{number}")
            statuses.append(answer.status)

    pushing = asyncio.create_task(keep_pushing())
    new = signing_key_bytes(await new_signing_key(site.hub, county_staff(), "ding"))
    statuses.append((await site.post(ndjson([rider(99)]), key=new, message="new")).status)
    await pushing
    assert statuses == [200] * 11


async def test_a_cookie_neither_opens_nor_hinders_a_signed_route(site: Site) -> None:
    """A signature is asked of every visitor; who is signed in plays no part and gets no new cookie."""
    signed = await site.post(ndjson([rider(1)]), cookie="rider_hub_session=anything")
    assert (signed.status, "Set-Cookie" in signed.headers) == (200, False)
    headers = {"content-type": "application/x-ndjson", "cookie": "rider_hub_session=x; rider_hub_csrf=y"}
    unsigned = await site.client.post(URL, data=b"{}", headers=headers | {"X-CSRF-Token": "y"})
    assert (unsigned.status, (await unsigned.json())["code"]) == (401, "signature_missing")


async def test_sixty_pushes_a_minute_are_taken_and_no_more(site: Site) -> None:
    """The next is told when to come again; a retry of a known one passes, and a minute later all do."""
    async with site.hub.database.write() as connection:
        slow = update(sender).values(settings={"pushes_a_minute": 3})
        await connection.execute(slow)
    for number in range(2):
        assert (await site.post(ndjson([rider(number)]), message=f"m-{number}")).status == 200
    site.hub.clock.advance(seconds=20)
    assert (await site.post(ndjson([rider(2)]), url=f"{URL}/check", message="c-2")).status == 200
    late = await site.post(ndjson([rider(2)]), message="m-2")
    assert (late.status, late.headers["Retry-After"]) == (429, "40")
    assert (await site.post(ndjson([rider(1)]), message="m-1")).status == 200
    assert await count(site.hub, registration) == 2
    site.hub.clock.advance(seconds=41)
    assert (await site.post(ndjson([rider(2)]), message="m-2")).status == 200
    assert parameter("intake.pushes_a_minute").value == 60


async def slow_down(site: Site, pushes: int) -> None:
    """Let the sender push so many times a minute."""
    async with site.hub.database.write() as connection:
        await connection.execute(update(sender).values(settings={"pushes_a_minute": pushes}))


async def test_what_cannot_be_read_counts_as_a_push(site: Site) -> None:
    """Unreadable wholes, under one id or many, use up the minute; the id stays free for the mended body."""
    await slow_down(site, 3)
    answers = [await site.post(b"x", content_encoding="gzip", message=f"m-{n % 2}") for n in range(5)]
    assert [answer.status for answer in answers] == [400, 400, 400, 429, 429]
    site.hub.clock.advance(seconds=61)
    assert (await site.post(ndjson([rider(1)]), message="m-0")).status == 200


async def test_each_check_counts_also_the_same_again(site: Site) -> None:
    """A check is worked in full each time, so one signed check sent again and again ends at the limit."""
    await slow_down(site, 3)
    answers = [await site.post(ndjson([rider(1)]), url=f"{URL}/check", message="c") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]


async def test_retries_have_as_much_room_again_and_no_more(site: Site) -> None:
    """A sender at its limit learns what became of its push, but not without end."""
    await slow_down(site, 3)
    answers = [await site.post(ndjson([rider(1)]), message="m") for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 6 + [429]
    assert await count(site.hub, receipt) == 1


async def test_reads_have_a_pace_of_their_own(site: Site) -> None:
    """Receipts and requirements: two for each push a minute, whatever was pushed; the next is told when."""
    await slow_down(site, 2)
    pushed = [await site.post(ndjson([rider(n)]), message=f"m-{n}") for n in range(2)]
    paths = [pushed[0].headers["Location"], "/api/v1/feeds/ding/requirements"]
    stamp = int(site.hub.clock.now().timestamp())
    signed = signed_headers(site.key, "r", stamp, b"")
    answers = [await site.client.get(paths[n % 2], headers=signed) for n in range(6)]
    assert [answer.status for answer in answers] == [200] * 4 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "60"
