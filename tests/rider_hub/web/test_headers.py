"""Headers of every answer, and the static files."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from yarl import URL

from rider_hub.web import SHELL, Shell, Tiles, security_headers, static_url
from rider_hub.web.assets import STATIC

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    "path", ["/riders", "/nowhere", "/fail/unexpected", "/api/fail/absent", "/static/app.css", "/r/"]
)
async def test_every_answer_carries_the_policy(client: TestClient, path: str) -> None:
    """Pages, errors, API answers and files alike."""
    answer = await client.get(path)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


async def test_redirects_carry_it_too(client: TestClient) -> None:
    """An answer that is raised is protected like one that is returned."""
    answer = await client.post("/form", data={"category": "rest", "text": "充电"}, allow_redirects=False)
    assert answer.status == 303
    assert "Content-Security-Policy" in answer.headers


async def test_pages_are_kept_nowhere_and_named_files_for_good(client: TestClient) -> None:
    """Pages hold personal data; a file named by its digest never changes."""
    assert (await client.get("/riders")).headers["Cache-Control"] == "no-store"
    assert "immutable" in (await client.get(static_url("app.css"))).headers["Cache-Control"]
    assert (await client.get("/static/app.css?v=old")).headers["Cache-Control"] == "no-cache"


async def test_a_file_is_sent_small_and_only_once(client: TestClient) -> None:
    """A phone takes it compressed, a plain client as it is; who has it already is told so."""
    content = (STATIC / "phone.css").read_bytes()
    zipped = await client.get("/static/phone.css", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert int(zipped.headers["Content-Length"]) < len(content)
    assert await zipped.read() == content
    plain = await client.get("/static/phone.css", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Content-Type"] == "text/css; charset=utf-8"
    assert await plain.read() == content
    again = await client.get("/static/phone.css", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    changed = await client.get("/static/phone.css", headers={"If-None-Match": 'W/"other"'})
    assert changed.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../shell.py",
        "/static/%2e%2e/shell.py",
        "/static/..%2fshell.py",
        "/static/",
        "/static/vendor",
        "/static/%00",
    ],
)
async def test_nothing_outside_the_folder_is_served(client: TestClient, path: str) -> None:
    """No way of writing two dots leads out, and a folder is no file."""
    assert (await client.get(URL(path, encoded=True))).status == 404


async def test_the_policy_lets_in_the_tiles_that_are_set(aiohttp_client: AiohttpClient) -> None:
    """Images may come from the stated host, and from no other."""
    app = web.Application(middlewares=[security_headers])
    app[SHELL] = Shell(tiles=Tiles("https://tiles.example:8443/{z}/{x}/{y}.png", "cgcs2000"))
    client = await aiohttp_client(app)
    policy = (await client.get("/")).headers["Content-Security-Policy"]
    assert "img-src 'self' data: blob: https://tiles.example:8443;" in policy
