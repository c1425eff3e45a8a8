"""How single settings are read; each fault is added to a list, so that all are told at once."""

import ipaddress
from urllib.parse import urlsplit

from rider_hub.errors import Failure

__all__ = ["LOOPBACK", "Network", "fault", "networks", "origin", "proxy_header"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PROXY_HEADERS = {"x-forwarded-for": "X-Forwarded-For", "forwarded": "Forwarded"}


def fault(name: str, zh: str, en: str) -> Failure:
    """Return the fault of one variable."""
    return Failure(row=0, path=name, code="setting_invalid", zh=f"{name} {zh}", en=f"{name} {en}")


def origin(text: str, faults: list[Failure]) -> str:
    """Return an address without its path's slash; plain http is for this machine alone."""
    try:
        parts = urlsplit(text.strip().removesuffix("/"))
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        whole = parts.hostname and (parts.port or 1) and not (parts.path or parts.query or parts.fragment)
    except ValueError:
        safe = whole = False
    if text and not (safe and whole and "@" not in parts.netloc):
        zh = "应为不带路径的 https:// 地址（本机可用 http://）"
        faults.append(
            fault(
                "RIDER_HUB_PUBLIC_URL", zh, "must be https:// and a host without a path (http:// on loopback)"
            )
        )
    return text.strip().removesuffix("/")


def networks(text: str, faults: list[Failure]) -> tuple[Network, ...]:
    """Return the networks of a list; not every address there is."""
    try:
        found = tuple(ipaddress.ip_network(one) for one in text.replace(",", " ").split())
    except ValueError:
        faults.append(
            fault(
                "RIDER_HUB_TRUSTED_PROXIES",
                "应为以逗号分隔的网段，如 10.0.0.5, 10.1.0.0/16",
                "must be networks with commas between, such as 10.0.0.5, 10.1.0.0/16",
            )
        )
        return ()
    if any(network.prefixlen == 0 for network in found):
        faults.append(
            fault("RIDER_HUB_TRUSTED_PROXIES", "不能信任所有地址", "can't hold every address there is")
        )
    return found


def proxy_header(text: str, faults: list[Failure]) -> str:
    """Return the one header that proxies write."""
    name = _PROXY_HEADERS.get(text.strip().lower(), "")
    if not name:
        faults.append(
            fault(
                "RIDER_HUB_PROXY_HEADER",
                "应为 X-Forwarded-For 或 Forwarded",
                "must be X-Forwarded-For or Forwarded",
            )
        )
    return name
