"""Where a Kafka cluster is and how this program proves itself to it; loads no client."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["MECHANISMS", "SECURITY", "Cluster", "Group"]

SECURITY: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_FETCH_BYTES: Final = 1024 * 1024
_PARTITION_BYTES: Final = 4 * _FETCH_BYTES
_MOST_BYTES: Final = 16 * _FETCH_BYTES
#: A topic that is made anew, or gets more partitions, is noticed within so long.
_METADATA_MS: Final = 10_000
#: A rebalance waits so long for a batch under way.
_REBALANCE_MS: Final = 60_000
#: Resting goes on beside polling, so a reader that does not poll for so long hangs.
_IDLE_MS: Final = 900_000


@dataclass(frozen=True)
class Cluster:
    """The brokers of one cluster, and the account there."""

    brokers: tuple[str, ...]
    security: str = "PLAINTEXT"
    #: Certificates that the brokers' are checked against; by default the machine's own.
    ca_file: Path | None = None
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)

    def options(self) -> dict[str, Any]:
        """Return what each client is opened with."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.brokers),
            "client_id": "rider-hub",
            "security_protocol": self.security,
        }
        if self.security.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.security.startswith("SASL"):
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.user
            options["sasl_plain_password"] = self.password
        return options


@dataclass(frozen=True)
class Group:
    """The readers that share the partitions of their topics among them."""

    name: str
    #: Names this reader for as long as it is set up (static membership): started again within the session's
    #: time it gets its partitions back, without a rebalance. Two readers must not have the same.
    instance: str | None = None
    #: A reader that is not heard of for so long has lost its partitions.
    session_s: float = 10.0
    #: Messages are waited for so long, or until there is a full fetch of them.
    linger_s: float = 1.0

    def options(self) -> dict[str, Any]:
        """Return what a reader of this group is opened with beside the cluster; nothing commits."""
        return {
            "group_id": self.name,
            "group_instance_id": self.instance,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "isolation_level": "read_committed",
            "fetch_min_bytes": _FETCH_BYTES,
            "fetch_max_wait_ms": int(self.linger_s * 1000),
            "fetch_max_bytes": _MOST_BYTES,
            "max_partition_fetch_bytes": _PARTITION_BYTES,
            "session_timeout_ms": int(self.session_s * 1000),
            "heartbeat_interval_ms": int(min(3.0, self.session_s / 4) * 1000),
            "metadata_max_age_ms": _METADATA_MS,
            "rebalance_timeout_ms": _REBALANCE_MS,
            "max_poll_interval_ms": _IDLE_MS,
        }
