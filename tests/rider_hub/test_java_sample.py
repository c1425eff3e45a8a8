"""The Java sample: compiled for Java 8 without a warning, run against a real hub and against a busy one."""

import asyncio
import base64
import gzip
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from connectors.transport.push_client import ndjson
from connectors.transport.signatures import verify
from rider_hub.clock import SystemClock
from tests.java import compile_java, java
from tests.rider_hub.faults.proxy import Proxy
from tests.rider_hub.intake.build import rider
from tests.rider_hub.views.published import served

SAMPLE = Path(__file__).parents[2] / "docs" / "samples" / "PushFeed.java"
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the sample for Java 8; that newer compilers warn of this target is no fault of it."""
    folder = tmp_path_factory.mktemp("classes")
    source = SAMPLE.read_text(encoding="utf-8")
    compile_java(folder, "PushFeed", source, "--release", "8", "-Xlint:all,-options", "-Werror")
    return folder


async def pushed(classes: Path, url: str, platform: str, secret: str, path: Path) -> tuple[int, str]:
    """Run the sample; returns its exit status and what it printed."""
    options = ("-DfirstWaitMs=20", "-Dattempts=6", "-DreadMs=1000")
    command = [*java(classes, "PushFeed", *options), url, platform, "registration", str(path)]
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "RIDER_HUB_SECRET": secret},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_a_cut_connection_is_asked_again_and_counts_once(
    classes: Path, tmp_path: Path, sqlite_template: Path
) -> None:
    """The answer to the first try is lost, the second hears it; a refused row is told, and ends in 1."""
    rows = [rider(number, name=None, phone=None) for number in range(2, 5)]
    path = tmp_path / "riders.ndjson"
    with served(tmp_path, sqlite_template, clock=SystemClock(), tier="A") as hub:
        async with Proxy(int(hub.url.rpartition(":")[2])) as proxy:
            proxy.swallows = True
            path.write_bytes(ndjson([*rows[:2], rows[2] | {"employment": "full_time"}]))
            through = f"http://127.0.0.1:{proxy.port}"
            first = asyncio.create_task(pushed(classes, through, hub.platform, hub.secret, path))
            await proxy.swallowed.wait()
            proxy.heal()
            status, said = await first
            assert (status, said.startswith("no answer")) == (1, True), said
            assert re.search(r"received 3\naccepted 2\n.*rejected 1\n", said, re.DOTALL)
            assert re.search(r"^row 3 field employment \[value_not_in_list\] \S+", said, re.MULTILINE)
            again = await pushed(classes, through, hub.platform, hub.secret, path)
            assert said.endswith(again[1])
        path.write_bytes(ndjson(rows))
        assert (await pushed(classes, hub.url, hub.platform, hub.secret, path))[0] == 0
        status, said = await pushed(classes, hub.url, hub.platform, SECRET, path)
        assert (status, "signature_invalid" in said) == (2, True), said


@dataclass
class Busy:
    """A hub that is busy, then broken, then takes the push; it keeps what came, and when."""

    came: list[tuple[float, dict[str, str], bytes]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer 429, 503, too late, nothing at all, then the receipt."""
        self.came.append((time.monotonic(), dict(request.headers), await request.read()))
        match len(self.came):
            case 1:
                return web.Response(status=429, headers={"Retry-After": "1"})
            case 2:
                return web.Response(status=503)
            case 3:
                await asyncio.sleep(1.2)
            case 4:
                assert request.transport is not None
                request.transport.abort()
        counts = dict.fromkeys(("received", "accepted", "unchanged", "waiting", "held", "not_stored"), 0)
        return web.json_response(
            {
                "receipt": 'é "1"',
                "state": "done",
                **counts,
                "rejected": 0,
                "failures": [],
                "x": [{}, [1, None]],
            }
        )


async def test_a_busy_hub_is_asked_again_with_the_same_bytes_and_key(classes: Path, tmp_path: Path) -> None:
    """After 429 not before Retry-After, after 503, a time-out and a cut at once; each try is signed anew."""
    busy, body = Busy(), ndjson([rider(1)])
    path = tmp_path / "riders.ndjson"
    path.write_bytes(body)
    app = web.Application()
    app.router.add_post("/api/v1/feeds/ding/registration", busy.answer)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        status, said = await pushed(classes, url, "ding", SECRET, path)
    finally:
        await runner.cleanup()
    assert (status, len(busy.came)) == (0, 5), said
    assert busy.came[1][0] - busy.came[0][0] >= 1
    assert len({(headers["Idempotency-Key"], data) for _, headers, data in busy.came}) == 1
    assert gzip.decompress(busy.came[0][2]) == body
    ids = {verify([KEY], headers, data, time.time(), 60) for _, headers, data in busy.came}
    assert len(ids) == 5
