"""Where a request comes from: the peer, or what a trusted proxy says of it; never what anybody else says."""

import ipaddress
import re
from collections.abc import Sequence

from aiohttp import web

from rider_hub.access.hub import HUB
from rider_hub.settings_values import Network

__all__ = ["address_group", "came_by_https", "client_address", "cookies_are_secure", "named_client"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Limits count an IPv6 site as one: whoever has one address of a /64 has all of them.
_V6_SITE = 64
#: `for=` of one element of the Forwarded header (RFC 7239), quoted or not.
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"\\]*)"|([^\s";,]*))\s*(?=;|$)', re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def client_address(request: web.Request) -> str:
    """Return the address a request comes from, in its one normal form.

    It is the peer's, unless the peer is a trusted proxy: then the right-most address of the proxy's header
    that is no trusted proxy itself. Where that can't be read, it is the peer's.
    """
    settings = request.app[HUB].settings
    lines = request.headers.getall(settings.proxy_header, [])
    return named_client(request.remote or "", lines, settings.proxy_header, settings.trusted_proxies)


def named_client(peer: str, lines: Sequence[str], header: str, trusted: Sequence[Network]) -> str:
    """Return the client's address, given the peer, the lines of the proxies' header and who is trusted."""
    nearest = _address(peer)
    if nearest is None or not _within(nearest, trusted):
        return str(nearest or peer)
    # Each proxy adds on the right who spoke to it: the walk ends at the first that is not ours to believe.
    for hop in reversed([hop for line in lines for hop in line.split(",")]):
        found = _address(_forwarded_for(hop) if header == "Forwarded" else hop)
        if found is None:
            return str(_address(peer))
        nearest = found
        if not _within(nearest, trusted):
            break
    return str(nearest)


def address_group(address: str) -> str:
    """Return what limits are counted by: an IPv4 address, or the /64 an IPv6 address lies in."""
    found = _address(address)
    if not isinstance(found, ipaddress.IPv6Address):
        return str(found or address)
    return str(ipaddress.ip_network((found, _V6_SITE), strict=False))


def came_by_https(request: web.Request) -> bool:
    """Say whether the visitor's own connection is encrypted; X-Forwarded-Proto counts from a trusted peer."""
    if request.secure:
        return True
    peer, hub = _address(request.remote or ""), request.app.get(HUB)
    if hub is None or peer is None or not _within(peer, hub.settings.trusted_proxies):
        return False
    lines = request.headers.getall("X-Forwarded-Proto", [])
    return ",".join(lines).rpartition(",")[2].strip().lower() == "https"


def cookies_are_secure(request: web.Request) -> bool:
    """Say whether this visitor's cookies are marked Secure: by setting, or since they came by https."""
    return request.app[HUB].settings.secure_cookies or came_by_https(request)


def _forwarded_for(element: str) -> str:
    found = _FOR.search(element)
    return (found[1] or found[2] or "") if found else ""


def _address(text: str) -> Address | None:
    """Read an address, with a port or not; an IPv4 address written as IPv6 is the IPv4 address."""
    text = text.strip()
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1] or with_port[2]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
