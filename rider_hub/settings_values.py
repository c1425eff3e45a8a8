"""How single settings are read; each fault is added to a list, so that all are told at once."""

import ipaddress
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from rider_hub.errors import Failure

__all__ = [
    "LOOPBACK",
    "STAFF_ROLES",
    "Network",
    "database_url",
    "fault",
    "flag",
    "networks",
    "origin",
    "path",
    "proxy_header",
    "scheduler",
    "staff_roles",
    "suite",
    "whole",
]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: Named here, since settings stand below the roles; a test holds the two together.
STAFF_ROLES = frozenset(
    {
        "county_staff",
        "street_staff",
        "branch_secretary",
        "instructor",
        "platform_account",
        "partner_account",
        "counselling_officer",
        "audit_admin",
        "security_admin",
        "system_admin",
    }
)
_SUITES = ("intl", "sm")
_DATABASES = ("sqlite+aiosqlite:///", "postgresql+asyncpg://")
_PROXY_HEADERS = {"x-forwarded-for": "X-Forwarded-For", "forwarded": "Forwarded"}


def scheduler(text: str, faults: list[Failure]) -> str:
    """Return the address of Dask's scheduler; the packages of the extra `cluster` must be there with it."""
    if text and not re.fullmatch(r"(tcp|tls)://[\w.\-\[\]:]+:\d+", text):
        zh = "应为 tcp://主机:端口 或 tls://主机:端口"
        faults.append(fault("RIDER_HUB_DASK_SCHEDULER", zh, "must be tcp://host:port or tls://host:port"))
    elif text and find_spec("distributed") is None:
        zh, en = (
            "需要可选组件：pip install 'rider-hub[cluster]'",
            "needs the extra: pip install 'rider-hub[cluster]'",
        )
        faults.append(fault("RIDER_HUB_DASK_SCHEDULER", zh, en))
    return text


def fault(name: str, zh: str, en: str) -> Failure:
    """Return the fault of one variable."""
    return Failure(row=0, path=name, code="setting_invalid", zh=f"{name} {zh}", en=f"{name} {en}")


def flag(env: Mapping[str, str], name: str, *, default: bool, faults: list[Failure]) -> bool:
    """Read a yes or no."""
    text = env.get(name, str(default)).strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text not in {"0", "false", "no", "off"}:
        faults.append(fault(name, "应为 true 或 false", "must be true or false"))
    return False


def path(env: Mapping[str, str], name: str) -> Path | None:
    """Read a path, None where it is not set."""
    return Path(env[name]) if env.get(name) else None


def suite(text: str, faults: list[Failure]) -> str:
    """Return the name of a suite of algorithms."""
    if text not in _SUITES:
        faults.append(fault("RIDER_HUB_SUITE", "应为 intl 或 sm", "must be intl or sm"))
    return text


def database_url(text: str, faults: list[Failure]) -> str:
    """Return the address of the database, empty for the one in the data folder."""
    if text and not text.startswith(_DATABASES):
        zh, en = f"应以 {' 或 '.join(_DATABASES)} 开头", f"must begin with {' or '.join(_DATABASES)}"
        faults.append(fault("RIDER_HUB_DATABASE_URL", zh, en))
    return text


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


def whole(
    env: Mapping[str, str], name: str, default: int, *, least: int, most: int, faults: list[Failure]
) -> int:
    """Read a whole number within bounds."""
    text = env.get(name, str(default)).strip()
    if text.isascii() and text.isdecimal() and least <= int(text[:9]) <= most:
        return int(text)
    zh, en = f"应为 {least} 到 {most} 的整数", f"must be a whole number from {least} to {most}"
    faults.append(fault(name, zh, en))
    return default


def staff_roles(
    env: Mapping[str, str], name: str, default: tuple[str, ...], faults: list[Failure]
) -> tuple[str, ...]:
    """Read names of staff roles with commas between, or none."""
    text = env.get(name)
    if text is None:
        return default
    names = tuple(text.replace(",", " ").split())
    if names == ("none",):
        return ()
    if not names or not set(names) <= STAFF_ROLES:
        zh, en = "应为以逗号分隔的角色代码，或 none", "must be names of roles with commas between, or none"
        faults.append(fault(name, zh, en))
        return default
    return names
