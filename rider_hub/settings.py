"""Settings from the environment, read once at start; every fault is reported at once."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rider_hub.errors import Failure, SettingsError

__all__ = ["Network", "Settings"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SUITES = ("intl", "sm")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PROXY_HEADERS = {"x-forwarded-for": "X-Forwarded-For", "forwarded": "Forwarded"}


@dataclass(frozen=True)
class Settings:
    """What an operator may set; each field is the variable RIDER_HUB_<NAME> (docs/settings.md)."""

    data_dir: Path = Path("data")
    #: Async SQLAlchemy URL; by default a SQLite file in data_dir.
    database_url: str = ""
    #: Keys live outside the database; by default a file in data_dir.
    key_file: Path | None = None
    #: Suite of new key files: intl (AES-256-GCM, HMAC-SHA256) or sm (SM4-GCM, HMAC-SM3).
    suite: str = "intl"
    host: str = "127.0.0.1"
    port: int = 8080
    #: Jobs run inside the server process (the embedded default).
    jobs_inside: bool = True
    #: Cookies are marked Secure unless the hub is on loopback.
    secure_cookies: bool = False
    #: The address visitors use, without a path: links the hub sends out are made of it, never of Host.
    public_url: str = ""
    #: Proxies whose word on who speaks through them is believed; nobody else's is.
    trusted_proxies: tuple[Network, ...] = ()
    #: The one header those proxies write; a visitor could send the other.
    proxy_header: str = "X-Forwarded-For"
    #: Sign-in codes go to a file in data_dir and the console; only the demo sets this.
    demo: bool = False

    @property
    def url(self) -> str:
        """The database's URL, the embedded one where none is set."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'rider_hub.db'}"

    @property
    def keys(self) -> Path:
        """Where the key file is."""
        return self.key_file or self.data_dir / "keys.json"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read RIDER_HUB_* variables; raises SettingsError naming every one that can't be read."""
        env = os.environ if env is None else env
        faults: list[Failure] = []

        def flag(name: str, default: bool) -> bool:
            text = env.get(name, str(default)).strip().lower()
            if text in {"1", "true", "yes", "on"}:
                return True
            if text not in {"0", "false", "no", "off"}:
                faults.append(_fault(name, "应为 true 或 false", "must be true or false"))
            return False

        port = env.get("RIDER_HUB_PORT", "8080")
        if not (port.isdecimal() and 0 <= int(port) <= 65535):  # noqa: PLR2004 - the range of ports
            faults.append(
                _fault("RIDER_HUB_PORT", "应为 0 到 65535 的整数", "must be a whole number from 0 to 65535")
            )
            port = "8080"
        suite = env.get("RIDER_HUB_SUITE", "intl")
        if suite not in _SUITES:
            faults.append(_fault("RIDER_HUB_SUITE", "应为 intl 或 sm", "must be intl or sm"))
        url = env.get("RIDER_HUB_DATABASE_URL", "")
        if url and not url.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            faults.append(
                _fault(
                    "RIDER_HUB_DATABASE_URL",
                    "应以 sqlite+aiosqlite:/// 或 postgresql+asyncpg:// 开头",
                    "must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://",
                )
            )
        host = env.get("RIDER_HUB_HOST", "127.0.0.1")
        public_url = _origin(env.get("RIDER_HUB_PUBLIC_URL", ""), faults)
        settings = cls(
            data_dir=Path(env.get("RIDER_HUB_DATA_DIR", "data")),
            database_url=url,
            key_file=Path(env["RIDER_HUB_KEY_FILE"]) if env.get("RIDER_HUB_KEY_FILE") else None,
            suite=suite,
            host=host,
            port=int(port),
            jobs_inside=flag("RIDER_HUB_JOBS_INSIDE", default=True),
            secure_cookies=flag(
                "RIDER_HUB_SECURE_COOKIES",
                default=host not in _LOOPBACK or public_url.startswith("https://"),
            ),
            public_url=public_url,
            trusted_proxies=_networks(env.get("RIDER_HUB_TRUSTED_PROXIES", ""), faults),
            proxy_header=_proxy_header(env.get("RIDER_HUB_PROXY_HEADER", "X-Forwarded-For"), faults),
        )
        if faults:
            raise SettingsError(
                "设置有误：" + "；".join(f.zh for f in faults),
                "Settings: " + "; ".join(f.en for f in faults),
                errors=faults,
            )
        return settings


def _fault(name: str, zh: str, en: str) -> Failure:
    return Failure(row=0, path=name, code="setting_invalid", zh=f"{name} {zh}", en=f"{name} {en}")


def _origin(text: str, faults: list[Failure]) -> str:
    """Return an address without its path's slash; plain http is for this machine alone."""
    try:
        parts = urlsplit(text.strip().removesuffix("/"))
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        whole = parts.hostname and (parts.port or 1) and not (parts.path or parts.query or parts.fragment)
    except ValueError:
        safe = whole = False
    if text and not (safe and whole and "@" not in parts.netloc):
        zh = "应为不带路径的 https:// 地址（本机可用 http://）"
        faults.append(
            _fault(
                "RIDER_HUB_PUBLIC_URL", zh, "must be https:// and a host without a path (http:// on loopback)"
            )
        )
    return text.strip().removesuffix("/")


def _networks(text: str, faults: list[Failure]) -> tuple[Network, ...]:
    try:
        found = tuple(ipaddress.ip_network(one) for one in text.replace(",", " ").split())
    except ValueError:
        faults.append(
            _fault(
                "RIDER_HUB_TRUSTED_PROXIES",
                "应为以逗号分隔的网段，如 10.0.0.5, 10.1.0.0/16",
                "must be networks with commas between, such as 10.0.0.5, 10.1.0.0/16",
            )
        )
        return ()
    if any(network.prefixlen == 0 for network in found):
        faults.append(
            _fault("RIDER_HUB_TRUSTED_PROXIES", "不能信任所有地址", "can't hold every address there is")
        )
    return found


def _proxy_header(text: str, faults: list[Failure]) -> str:
    name = _PROXY_HEADERS.get(text.strip().lower(), "")
    if not name:
        faults.append(
            _fault(
                "RIDER_HUB_PROXY_HEADER",
                "应为 X-Forwarded-For 或 Forwarded",
                "must be X-Forwarded-For or Forwarded",
            )
        )
    return name
