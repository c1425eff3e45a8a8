"""Whatever is sent to whichever route: an answer the hub meant, never an error of its own."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.factories import make_hub
from tests.rider_hub.routes import CHANGING, Route, Site, Visitor, open_site

#: How an answer of 4xx speaks: as a page or a part of one, as a problem, or by leading elsewhere.
WORDS = re.compile(rb"<h[12]|problem\+json|HX-Redirect", re.IGNORECASE)
_NO_SUCH_RANGE = 416  # of a static file; HTTP's own answer says it all
FORM = "application/x-www-form-urlencoded"
LONG = "长" * 1200
DEEP = b"[" * 100_000

#: Query strings as they stand in an address.
QUERIES = (
    "%ff=%00&q=%00&page=-1&size=999999999999999999999&sort=%00&category=%00&community=%00&state=%00",
    "page=1e400&size=NaN&sort=--name&sort=name&q=%ed%a0%80&street=%f0%9f%98%80&state=%27%22%3C&k=-1&lat=nan",
    "next=http://%5B&after=%ff&" + "&".join(f"a{n}={n}" for n in range(500)),
)
COOKIES = (
    "rider_hub_session=%00; rider_hub_csrf=é; =; ;;; $Version=1; rider_hub_sso",
    'rider_hub_session="\\377\\376"; rider_hub_csrf=\udcff; rider_hub_sso=\\; rider_hub_filed="',
    "rider_hub_session=" + "a" * 3000 + "; " + "; ".join(f"c{n}={n}" for n in range(300)),
)
HEADERS: tuple[dict[str, str], ...] = (
    {
        "Accept": "application/json;q=x, \udcff",
        "Range": "bytes=9-1,-0,x",
        "If-Modified-Since": "yesterday",
        "If-None-Match": "\udcff",
        "X-Forwarded-For": "\udcff,,,::::",
        "X-Forwarded-Proto": "\udc80",
        "webhook-id": "\udcff",
        "webhook-timestamp": "9" * 40,
        "webhook-signature": "v1,\udcff " * 20,
        "Idempotency-Key": "\udcff",
    },
    {
        "HX-Request": "true",
        "HX-Target": "\udcfe",
        "HX-Current-URL": "http://[",
        "Accept": "*/*;" * 900,
        "Accept-Language": "zh;q=nan," * 300,
        "Content-Type": "a/b/c; charset=\udcff",
        "X-CSRF-Token": "\udcff",
    },
)
#: Bodies beside a right token, with the type they claim to be of.
BODIES: tuple[tuple[str, bytes], ...] = (
    (FORM, b"a=%00&text=%00&id=%00&code=%00&phone=%00&purpose=%00&username=%00&password=%00"),
    (FORM, b"text=%ed%a0%80&address=%ff%fe&code=\xff\xfe"),
    (FORM, b"\x00\x01\x02&&&===%%%"),
    (FORM, b"&".join(b"f%d=x" % n for n in range(5000))),
    (f"{FORM}; charset=utf-16", b"text=1"),
    (f"{FORM}; charset=nonsense", b"text=1"),
    (FORM, b"text=" + b"x" * 2_000_000),
    ("application/json", b'{"lng": 1e400, "lat": NaN, "frame": "\\ud800"}'),
    ("application/json", DEEP),
    ("application/json", b"\xef\xbb\xbf{}"),
    ("application/json", b'{"lng": "x", "lat": [], "frame": {}}'),
    ("application/json", '{"名": "值"}'.encode("gb18030")),
    ("multipart/form-data", b"--\r\n"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--'),
    ("text/\udcff", b"x"),
    ("", b"\x00"),
)


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Serve the whole application on an empty hub."""
    async with make_hub(database_url, tmp_path) as hub, open_site(hub) as opened:
        yield opened


class Notes:
    """What went wrong, by route."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, str, str]] = []
        self.asked = 0

    async def ask(
        self,
        visitor: Visitor,
        route: Route,
        what: str,
        *,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Ask once, byte by byte as given, and note an answer that the hub did not mean."""
        self.asked += 1
        sent = {"Host": "hub", "Connection": "close", "Cookie": visitor.cookies, **(headers or {})}
        if body or route.method in CHANGING:
            sent |= {"Content-Length": str(len(body))}
        lines = [f"{route.method} {path or route.path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items())]
        head, said = await exchange(visitor.client.port, _wire("\r\n".join(lines)) + b"\r\n\r\n" + body)
        status = int(head.split(b" ", 2)[1] or 0) if head else 0
        # Single sign-on says that its provider is down, which is true here.
        meant = 0 < status < 500 or (status == 503 and "sso" in route.canonical)
        if not meant:
            self.faults.append((str(route), what, str(status)))
        elif status >= 400 and status != _NO_SUCH_RANGE and not WORDS.search(head + said):
            self.faults.append((str(route), what, f"{status} without words: {said[:80]!r}"))
        elif b"content-security-policy" not in head.lower():
            self.faults.append((str(route), what, f"{status} without a policy"))


async def exchange(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Send bytes on a connection of their own; return the head and the rest of what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    head, _, said = answer.partition(b"\r\n\r\n")
    return head, said


def _wire(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


async def test_odd_addresses_cookies_and_headers(site: Site) -> None:
    """Every route, as staff or rider, with queries, headers and places in paths that mean nothing."""
    staff, rider = await site.visitor(), await site.visitor("rider")
    notes = Notes()
    for route in site.routes:
        visitor = rider if route.is_phone else staff
        for query in QUERIES:
            await notes.ask(visitor, route, query[:40], path=f"{route.path}?{query}")
        for place in ("%00", "%ff%fe..%2f..%2fetc%ed%a0%80", "a" * 3000 + "%f0%9f%98%80"):
            path = _with_places(route, place)
            if path != route.path:
                await notes.ask(visitor, route, place[:20], path=path)
        for headers in HEADERS:
            await notes.ask(visitor, route, str(headers)[:60], headers=headers)
    assert notes.faults == [], notes.faults
    assert notes.asked > 500


async def test_odd_cookies(site: Site) -> None:
    """Cookies that are no cookies open nothing and break nothing."""
    nobody = await site.visitor("nobody")
    notes = Notes()
    for route in site.routes:
        for cookie in COOKIES:
            await notes.ask(nobody, route, cookie[:40], headers={"Cookie": cookie})
    assert notes.faults == [], notes.faults


async def test_odd_bodies(site: Site) -> None:
    """Every changing route with a right token and a body that is none of its forms; compressed or not."""
    staff, rider = await site.visitor(), await site.visitor("rider")
    notes = Notes()
    for route in [route for route in site.routes if route.method in CHANGING]:
        for number, (kind, body) in enumerate(BODIES):
            # Routes that end a session would end the test's own.
            who = "rider" if route.is_phone else "staff"
            visitor = rider if route.is_phone else staff
            if "logout" in route.canonical:
                visitor = await site.visitor(who)
            headers = {"Content-Type": kind, "X-CSRF-Token": visitor.token}
            await notes.ask(visitor, route, f"body {number}", body=body, headers=headers)
            packed = headers | {"Content-Encoding": "gzip"}
            await notes.ask(visitor, route, f"gzip {number}", body=gzip.compress(body), headers=packed)
            staff, rider = await _still(site, staff, "staff"), await _still(site, rider, "rider")
    assert notes.faults == [], notes.faults


RAW = (
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"H%d: x\r\n" % n for n in range(2000)) + b"\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"NONSENSE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01",
    b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET // HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /login HTTP/1.1\r\nHost: x\r\nCookie: rider_hub_session=\xff\xfe; a=\x01\r\n\r\n",
)


@pytest.mark.parametrize("sent", RAW, ids=range(len(RAW)))
async def test_bytes_that_are_no_request(site: Site, sent: bytes) -> None:
    """An answer of 2xx to 4xx, and the next visitor is served."""
    head, _ = await exchange(site.server.port, sent.replace(b"Host: x", b"Host: x\r\nConnection: close", 1))
    assert head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.0 4"))
    client = (await site.visitor("nobody")).client
    assert (await client.get("/login")).status == 200


def _with_places(route: Route, place: str) -> str:
    path = route.canonical
    while "{" in path:
        path = path.partition("{")[0] + place + path.partition("}")[2]
    return path


async def _still(site: Site, visitor: Visitor, who: str) -> Visitor:
    """Return the visitor, or a new one where a route ended the session."""
    token = await (await visitor.client.get("/for-tests/token")).text()
    return visitor if token == visitor.token else await site.visitor(who)
