"""Settings from the environment, read once at start; every fault is reported at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rider_hub.errors import Failure, SettingsError
from rider_hub.settings_kafka import StreamSettings, read_streams
from rider_hub.settings_sso import SignOnSettings, read_sign_on
from rider_hub.settings_values import (
    LOOPBACK,
    Network,
    database_url,
    flag,
    networks,
    origin,
    path,
    proxy_header,
    scheduler,
    staff_roles,
    suite,
    whole,
)

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What an operator may set; each field is the variable RIDER_HUB_<NAME> (docs/settings.md)."""

    data_dir: Path = Path("data")
    #: Async SQLAlchemy URL; by default a SQLite file in data_dir.
    database_url: str = ""
    #: Keys live outside the database; by default a file in data_dir.
    key_file: Path | None = None
    #: Where the head of the audit trail is put each minute; by default beside the key file.
    audit_head_file: Path | None = None
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
    #: Single sign-on by OpenID Connect; None where it is not set.
    sign_on: SignOnSettings | None = None
    #: Streams of platforms by Kafka; None where no brokers are set.
    streams: StreamSettings | None = None
    #: A staff session ends after so many minutes without use, and after so many hours whatever happens.
    session_idle_minutes: int = 30
    session_hours: int = 12
    #: A password is changed after so many days; 0 asks for no regular change.
    password_days: int = 90
    #: Roles that must show a second factor; the demo asks nobody.
    second_factor_roles: tuple[str, ...] = (
        "system_admin",
        "security_admin",
        "audit_admin",
        "county_staff",
        "street_staff",
        "branch_secretary",
        "counselling_officer",
    )
    #: The scheduler of Dask's workers, on which large match runs are worked; none by default.
    dask_scheduler: str = ""
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

    @property
    def audit_heads(self) -> Path:
        """Where the head file of the audit trail is."""
        return self.audit_head_file or self.keys.parent / "audit-heads.ndjson"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read RIDER_HUB_* variables; raises SettingsError naming every one that can't be read."""
        env = os.environ if env is None else env
        faults: list[Failure] = []

        host = env.get("RIDER_HUB_HOST", "127.0.0.1")
        public_url = origin(env.get("RIDER_HUB_PUBLIC_URL", ""), faults)
        sign_on = read_sign_on(env, public_url, faults)
        settings = cls(
            data_dir=Path(env.get("RIDER_HUB_DATA_DIR", "data")),
            database_url=database_url(env.get("RIDER_HUB_DATABASE_URL", ""), faults),
            key_file=path(env, "RIDER_HUB_KEY_FILE"),
            audit_head_file=path(env, "RIDER_HUB_AUDIT_HEAD_FILE"),
            suite=suite(env.get("RIDER_HUB_SUITE", "intl"), faults),
            host=host,
            port=whole(env, "RIDER_HUB_PORT", 8080, least=0, most=65535, faults=faults),
            jobs_inside=flag(env, "RIDER_HUB_JOBS_INSIDE", default=True, faults=faults),
            secure_cookies=flag(
                env,
                "RIDER_HUB_SECURE_COOKIES",
                default=host not in LOOPBACK or public_url.startswith("https://"),
                faults=faults,
            ),
            public_url=public_url,
            sign_on=sign_on,
            streams=read_streams(env, faults),
            trusted_proxies=networks(env.get("RIDER_HUB_TRUSTED_PROXIES", ""), faults),
            proxy_header=proxy_header(env.get("RIDER_HUB_PROXY_HEADER", "X-Forwarded-For"), faults),
            session_idle_minutes=whole(
                env, "RIDER_HUB_SESSION_IDLE_MINUTES", 30, least=15, most=30, faults=faults
            ),
            session_hours=whole(env, "RIDER_HUB_SESSION_HOURS", 12, least=1, most=12, faults=faults),
            dask_scheduler=scheduler(env.get("RIDER_HUB_DASK_SCHEDULER", ""), faults),
            password_days=whole(env, "RIDER_HUB_PASSWORD_DAYS", 90, least=0, most=365, faults=faults),
            second_factor_roles=staff_roles(
                env, "RIDER_HUB_SECOND_FACTOR_ROLES", cls.second_factor_roles, faults
            ),
        )
        if faults:
            raise SettingsError(
                "设置有误：" + "；".join(f.zh for f in faults),
                "Settings: " + "; ".join(f.en for f in faults),
                errors=faults,
            )
        return settings
