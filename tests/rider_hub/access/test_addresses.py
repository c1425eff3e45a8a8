"""Client addresses: nobody but a trusted proxy is believed, whatever headers are sent."""

import ipaddress
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

import rider_hub
from rider_hub.access import HUB, Hub
from rider_hub.access.addresses import address_group, came_by_https, client_address, named_client
from rider_hub.app import build_app
from rider_hub.errors import SettingsError
from rider_hub.settings import Settings
from tests.factories import make_hub

Client = TestClient[web.Request, web.Application]
TRUSTED = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))
XFF, FORWARDED = "X-Forwarded-For", "Forwarded"

v4 = st.ip_addresses(v=4).map(str)
outside = st.ip_addresses(network="203.0.113.0/24").map(str) | st.ip_addresses(network="2001:db8::/32").map(
    str
)
proxies = st.ip_addresses(network="10.0.0.0/8").map(str) | st.ip_addresses(network="fd00::/8").map(str)
anything = st.text(alphabet=st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)


def normal(text: str) -> str:
    """Return an address in its one normal form."""
    found = ipaddress.ip_address(text)
    return str(getattr(found, "ipv4_mapped", None) or found)


@given(
    peer=outside,
    lines=st.lists(anything | outside | proxies, max_size=4),
    header=st.sampled_from([XFF, FORWARDED]),
)
def test_a_header_from_anybody_else_is_never_believed(peer: str, lines: list[str], header: str) -> None:
    """The peer's own address, whatever it says."""
    assert named_client(peer, lines, header, TRUSTED) == normal(peer)


@given(
    peer=proxies, said=st.lists(anything, max_size=3), client=outside,
    between=st.lists(proxies, max_size=3), lines=st.booleans(),
)  # fmt: skip
def test_what_the_visitor_says_of_itself_changes_nothing(
    peer: str, said: list[str], client: str, between: list[str], lines: bool
) -> None:
    """The right-most address that is no proxy of ours, however long the visitor's own story left of it."""
    hops = [*said, client, *between]
    sent = hops if lines else [", ".join(hops)]
    assert named_client(peer, sent, XFF, TRUSTED) == normal(client)


@given(
    peer=proxies,
    client=outside,
    port=st.integers(1, 65535),
    by=st.sampled_from(["", ";proto=https", ";by=_x"]),
)
def test_forwarded_is_read_alike(peer: str, client: str, port: int, by: str) -> None:
    """RFC 7239: IPv6 in brackets and quotes, with a port or not, other parameters beside it."""
    inner = f"[{client}]" if ":" in client else client
    for value in (f'for="{inner}"{by}', f'For="{inner}:{port}"{by}', f'proto=http;for="{inner}"'):
        assert named_client(peer, ["for=unknown, " + value], FORWARDED, TRUSTED) == normal(client)


@given(
    peer=proxies,
    broken=anything.filter(lambda text: text.strip(" ,0123456789.") != ""),
    header=st.sampled_from([XFF, FORWARDED]),
)
def test_a_header_that_cannot_be_read_leaves_the_peer(peer: str, broken: str, header: str) -> None:
    """A malformed last hop never opens the hops before it, and is no exception."""
    for lines in ([f"203.0.113.7, {broken}x!"], [broken + "!"], ["203.0.113.7,"], [""]):
        assert named_client(peer, lines, header, TRUSTED) == normal(peer)


@pytest.mark.parametrize(
    ("written", "is_"),
    [
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:DB8:0::1]:443", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1%eth0]", "2001:db8::1"),
    ],
)
def test_one_address_has_one_form(written: str, is_: str) -> None:
    """Otherwise one visitor would be counted as several."""
    assert named_client("10.1.1.1", [written], XFF, TRUSTED) == is_


@given(
    left=st.ip_addresses(network="2001:db8:1:2::/64"),
    right=st.ip_addresses(network="2001:db8:1:2::/64"),
    v4=v4,
)
def test_a_site_of_ipv6_counts_as_one_and_ipv4_for_itself(
    left: ipaddress.IPv6Address, right: ipaddress.IPv6Address, v4: str
) -> None:
    """Whoever has one address of a /64 has all of them."""
    assert address_group(str(left)) == address_group(str(right)) == "2001:db8:1:2::/64"
    assert address_group("2001:db8:1:3::1") != address_group(str(left))
    assert address_group(v4) == v4 == address_group(f"::ffff:{v4}")


@pytest.fixture
async def hub(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    """Open a hub; the database plays no part here."""
    async with make_hub(f"sqlite+aiosqlite:///{sqlite_template}", tmp_path) as opened:
        yield opened


async def told(hub: Hub, headers: list[tuple[str, str]], *, trusted: bool) -> tuple[str, bool]:
    """Return what a route sees of a visitor on loopback that sends these headers."""

    async def handler(request: web.Request) -> web.Response:
        return web.json_response([client_address(request), came_by_https(request)])

    proxies = (ipaddress.ip_network("127.0.0.0/8"),) if trusted else ()
    app = web.Application()
    app[HUB] = replace(hub, settings=replace(hub.settings, trusted_proxies=proxies))
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        address, https = await (await client.get("/", headers=headers)).json()
    return address, https


async def test_over_http_only_a_trusted_peer_names_another(hub: Hub) -> None:
    """The same headers from a stranger and from a proxy; several lines of a header are one list."""
    sent = [
        ("X-Forwarded-For", "1.1.1.1"),
        ("X-Forwarded-For", "203.0.113.5"),
        ("X-Forwarded-Proto", "https"),
    ]
    assert await told(hub, sent, trusted=False) == ("127.0.0.1", False)
    assert await told(hub, sent, trusted=True) == ("203.0.113.5", True)
    assert await told(hub, [("X-Forwarded-Proto", "https, http")], trusted=True) == ("127.0.0.1", False)
    # Forwarded is not the header these proxies write, so a visitor may have.
    assert await told(hub, [("Forwarded", "for=203.0.113.5")], trusted=True) == ("127.0.0.1", False)


@pytest.mark.parametrize(
    ("proto", "trusted", "secure"), [("https", True, True), ("https", False, False), ("http", True, False)]
)
async def test_cookies_are_secure_where_a_trusted_proxy_says_https(
    hub: Hub, proto: str, trusted: bool, secure: bool
) -> None:
    """On loopback behind a proxy that ends TLS."""
    proxies = (ipaddress.ip_network("127.0.0.1"),) if trusted else ()
    behind = replace(hub, settings=replace(hub.settings, trusted_proxies=proxies))
    async with TestClient(TestServer(build_app(behind))) as client:
        answer = await client.get("/login", headers={"X-Forwarded-Proto": proto})
    assert ("Secure" in answer.headers["Set-Cookie"]) is secure
    assert ("Strict-Transport-Security" in answer.headers) is secure


def test_settings_of_proxies_are_checked() -> None:
    """Networks in either form are read; hosts with bits of the network, all addresses and words are told."""
    read = Settings.from_env(
        {"RIDER_HUB_TRUSTED_PROXIES": "10.0.0.5, fd00::/8", "RIDER_HUB_PROXY_HEADER": "forwarded"}
    )
    assert [str(network) for network in read.trusted_proxies] == ["10.0.0.5/32", "fd00::/8"]
    assert read.proxy_header == "Forwarded"
    for wrong in ("10.0.0.5/8", "0.0.0.0/0", "::/0", "proxy.example"):
        with pytest.raises(SettingsError):
            Settings.from_env({"RIDER_HUB_TRUSTED_PROXIES": wrong})
    with pytest.raises(SettingsError):
        Settings.from_env({"RIDER_HUB_PROXY_HEADER": "X-Real-IP"})


def test_the_public_address_is_checked() -> None:
    """Https with a host and no path; plain http on this machine alone. With https cookies are Secure."""
    read = Settings.from_env({"RIDER_HUB_PUBLIC_URL": "https://hub.example.cn/"})
    assert (read.public_url, read.secure_cookies) == ("https://hub.example.cn", True)
    assert (
        Settings.from_env({"RIDER_HUB_PUBLIC_URL": "http://127.0.0.1:8080"}).public_url
        == "http://127.0.0.1:8080"
    )
    for wrong in (
        "hub.example.cn",
        "http://hub.example.cn",
        "https://a/b",
        "https://u@a",
        "https://a?x",
        "https://a:b",
        "ftp://a",
        "https://[1",
    ):
        with pytest.raises(SettingsError):
            Settings.from_env({"RIDER_HUB_PUBLIC_URL": wrong})


def test_no_code_builds_an_address_from_what_the_visitor_sent() -> None:
    """The Host header is a visitor's word: links come from RIDER_HUB_PUBLIC_URL."""
    root = Path(rider_hub.__file__).parent
    believes = re.compile(r"request\.(host|url|scheme)\b|headers(\.get\(|\[)[\"'](X-Forwarded-)?Host")
    found = [path.name for path in root.rglob("*.py") if believes.search(path.read_text(encoding="utf-8"))]
    assert found == []
