"""Promise 19: whatever is wrong with a push, the answer says what and where, and is no fault of the hub."""

import asyncio
import gzip
import json
import os
import random
import re
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors.transport.signatures import signed_headers
from rider_hub.access import HUB, Hub
from rider_hub.access.sessions import identify, protect
from rider_hub.intake import api
from rider_hub.intake.tables import quarantine
from rider_hub.riders.tables import registration
from rider_hub.web import problems
from tests.factories import make_hub
from tests.rider_hub.intake.build import bring_in_county, count, rider, sender_of

COUNT = 10_000 if os.environ.get("RIDER_HUB_TEST_LONG") == "1" else 1_000
#: Far more than any of these takes, so that a busy machine is no fault and an endless answer is one.
SECONDS = 20
CHINESE = re.compile("[\u4e00-\u9fff]")
FIELDS = ("record_id", "platform_rider_ref", "updated_at", "effective_at", "name", "phone", "employment")
#: Texts of JSON values that no text field takes.
WRONG = (
    "true",
    "[]",
    "{}",
    "[1,2]",
    '{"a":1}',
    "12",
    "-1e-9",
    "1e308",
    "123456789012345678901234567890",
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\u0007"',
    '"a\\u2028b"',
    '"' + "长" * 3000 + '"',
)
#: Texts that are no JSON value at all, or one nobody can hold.
NO_JSON = (
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "+1",
    "1e",
    ".5",
    "'a'",
    "undefined",
    '"\\x41"',
    '"a',
    "1e400",
)
SURROGATES = ('"\\ud800"', '"\\udfff\\ud800"', '"骑手\\ud83d"')


@dataclass(frozen=True)
class Sent:
    """One body: its bytes, how it is said to be, and the field that is at fault where one row tells."""

    kind: str
    body: bytes
    content_type: str = "application/x-ndjson"
    encoding: str = ""
    field: str | None = None


def _row(number: int, **replaced: str) -> str:
    """Return a good row as JSON text, with the texts of some values replaced."""
    values = {name: json.dumps(value, ensure_ascii=False) for name, value in rider(number).items()} | replaced
    return "{" + ",".join(f'"{name}":{text}' for name, text in values.items()) + "}"


def _field(r: random.Random, n: int) -> Sent:
    name = r.choice(FIELDS)
    return _one("field", _row(n, **{name: r.choice(WRONG)}), r, name)


def _surrogate(r: random.Random, n: int) -> Sent:
    return _one("surrogate", _row(n, name=r.choice(SURROGATES)), r)


def _no_json(r: random.Random, n: int) -> Sent:
    return _one("no json", _row(n, **{r.choice(FIELDS): r.choice(NO_JSON)}), r)


def _point(r: random.Random, n: int) -> Sent:
    name, wrong = r.choice(("lng", "lat")), r.choice(('"x"', "true", "999", "-1e308", "[]", "12.3456"))
    point = {"lng": "116.4", "lat": "39.9", "frame": '"wgs84"'} | {name: wrong}
    area = "{" + ",".join(f'"{key}":{text}' for key, text in point.items()) + "}"
    return _one("point", _row(n, work_area=area), r, f"work_area.{name}")


def _missing(r: random.Random, n: int) -> Sent:
    name = r.choice(("record_id", "platform_rider_ref", "updated_at", "effective_at", "employment"))
    return _one("missing", _row(n, **{name: r.choice(("null", '""', '"  "'))}), r, name)


def _unknown(r: random.Random, n: int) -> Sent:
    name = r.choice(("gps", "政治面貌", "zzmm", "x" * 300, "", "a.b.c", "\\u0000", "<b>", "号码13812345678"))
    return _one("unknown", _row(n)[:-1] + f',"{name}":1}}', r)


def _deep(r: random.Random, n: int) -> Sent:
    depth = r.choice((17, 64, 1_000, 100_000))
    opened, closed = r.choice((("[", "]"), ('{"a":', "}")))
    return _one("deep", _row(n, name=opened * depth + "1" + closed * depth), r)


def _not_object(r: random.Random, _: int) -> Sent:
    return _one("no object", r.choice(("null", "1", '"text"', "[]", "[[]]", "true", "[{}]", "{}")), r)


def _one(kind: str, row: str, r: random.Random, field: str | None = None) -> Sent:
    """Send one row as a line or as an array of one, sometimes compressed."""
    array = r.random() < 0.5
    body = (f"[{row}]" if array else row).encode("utf-8", "surrogatepass")
    packed = r.random() < 0.2
    return Sent(
        kind,
        gzip.compress(body) if packed else body,
        "application/json" if array else "application/x-ndjson",
        "gzip" if packed else "",
        field,
    )


def _bytes(r: random.Random, _: int) -> Sent:
    body = r.randbytes(r.choice((1, 7, 200, 5_000)))
    return Sent("bytes", body, r.choice(("application/json", "application/x-ndjson")))


def _cut(r: random.Random, n: int) -> Sent:
    whole = f"[{_row(n)},{_row(n + 1)}]".encode()
    return Sent("cut", whole[: r.randrange(1, len(whole) - 1)], "application/json")


def _flipped(r: random.Random, n: int) -> Sent:
    whole = gzip.compress(_row(n).encode())
    # Some bits say nothing that matters: of the head, and those that fill the last byte before the sum.
    while True:
        body = bytearray(whole)
        body[r.randrange(10, len(body))] ^= 1 << r.randrange(8)
        with suppress(EOFError, OSError, zlib.error):
            gzip.decompress(body)
            continue
        return Sent("gzip", bytes(body[: r.choice((len(body), len(body) - 3))]), encoding="gzip")


def _encoded(r: random.Random, n: int) -> Sent:
    code = r.choice(("gb18030", "utf-16", "utf-16-le", "utf-32", "big5"))
    text = _row(n, name='"王甲"')
    return Sent("encoded", text.encode(code), r.choice(("application/json", "application/x-ndjson")))


def _headers(r: random.Random, n: int) -> Sent:
    kind = r.choice(("text/csv", "application/octet-stream", "multipart/form-data", "application/jsonx", "/"))
    encoding = r.choice(("br", "deflate", "gzip, gzip", "x", ""))
    return Sent("headers", _row(n).encode(), kind, encoding)


def _blank(r: random.Random, _: int) -> Sent:
    return Sent(
        "blank", r.choice((b" ", b"\n\n", b"\x00", b"\xef\xbb\xbf", b"[", b"]", b"{", b"[,]", b"[1,]"))
    )


def _twice(r: random.Random, n: int) -> Sent:
    return _one("twice", _row(n)[:-1] + ',"updated_at":"never"}', r, "updated_at")


KINDS: tuple[Callable[[random.Random, int], Sent], ...] = (
    _field,
    _surrogate,
    _no_json,
    _point,
    _missing,
    _unknown,
    _deep,
    _not_object,
    _bytes,
    _cut,
    _flipped,
    _encoded,
    _headers,
    _blank,
    _twice,
)


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Hub, Any, bytes]]:
    """Serve the real routes of senders, to a sender that may push as often as it likes."""
    async with make_hub(database_url, tmp_path) as hub:
        await bring_in_county(hub)
        _, key = await sender_of(hub, settings={"pushes_a_minute": 10_000_000})
        app = web.Application(middlewares=[problems, identify, protect])
        app[HUB] = hub
        api.prepare(app)
        app.add_routes(api.routes())
        server = TestServer(app)
        await server.start_server(auto_decompress=False)
        client: Any = TestClient(server)
        yield hub, client, key
        await client.close()


async def test_every_malformed_push_is_answered_in_words(site: tuple[Hub, Any, bytes]) -> None:
    """4xx with a code and a Chinese sentence; where rows could be read, each with its own, and its path.

    A check answers what it found with 200. No 5xx and no time-out; of all of them not one row is taken in,
    and of a row that could not be read nothing is kept.
    """
    hub, client, key = site
    seed = random.SystemRandom().randrange(2**32)
    r = random.Random(seed)
    now = int(hub.clock.now().timestamp())
    for n in range(COUNT):
        sent = KINDS[n % len(KINDS)](r, n)
        checked = n % 4 == 0
        path = "/api/v1/feeds/ding/registration" + ("/check" if checked else "")
        headers = signed_headers(key, f"m-{n}", now, sent.body) | {"Content-Type": sent.content_type}
        headers |= {"Content-Encoding": sent.encoding} if sent.encoding else {}
        async with asyncio.timeout(SECONDS):
            answer = await client.post(path, data=sent.body, headers=headers, compress=None)
            told = json.loads(await answer.read())
        where = f"seed {seed}, {n}: {sent}"
        assert 400 <= answer.status < 500 or (checked and answer.status == 200), where
        _judge(answer.status, answer.content_type, told, sent, where)
    assert await count(hub, registration) == 0
    assert await count(hub, quarantine) > 0


def _judge(status: int, content_type: str, told: dict[str, Any], sent: Sent, where: str) -> None:
    if status != 200:
        assert content_type == "application/problem+json", where
        assert told["code"], where
        assert CHINESE.search(told["zh"]), where
        assert told["en"].isascii(), where
        if told["code"] != "no_row_usable":
            return
        assert told["errors"] == told["failures"], where
    rows = told.get("received", told.get("total"))
    assert told["accepted"] == 0, where
    assert rows == told["rejected"] > 0, where
    for failure in told["failures"]:
        assert failure["code"], where
        assert CHINESE.search(failure["zh"]), where
        assert failure["row"] >= 1, where
        assert isinstance(failure["path"], str), where
    if sent.field is not None:
        assert sent.field in {failure["path"] for failure in told["failures"]}, where
