"""Settings of streams by Kafka: the cluster, the group that reads it, and where refused messages go."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.transport.kafka.cluster import MECHANISMS, SECURITY, Cluster, Group
from rider_hub.errors import Failure
from rider_hub.parameters import parameter
from rider_hub.settings_values import fault, whole

__all__ = ["StreamSettings", "read_streams"]

_BROKER: Final = re.compile(r"[\w.\-]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,120}")
_SUFFIX: Final = re.compile(r"[._-][A-Za-z0-9._-]{0,29}")


@dataclass(frozen=True)
class StreamSettings:
    """One cluster and how this hub reads it; see docs/settings.md."""

    cluster: Cluster
    group: Group
    #: A topic's refused messages are told of in the topic of its name with this at the end.
    dead_letter_suffix: str = ".dlq"


def read_streams(env: Mapping[str, str], faults: list[Failure]) -> StreamSettings | None:
    """Read the RIDER_HUB_KAFKA_* variables; None where no brokers are set."""
    brokers = tuple(env.get("RIDER_HUB_KAFKA_BROKERS", "").replace(",", " ").split())
    if not brokers:
        return None
    if not all(_BROKER.fullmatch(one) for one in brokers):
        zh, en = "应为以逗号分隔的 主机:端口", "must be host:port with commas between"
        faults.append(fault("RIDER_HUB_KAFKA_BROKERS", zh, en))
    security = _chosen(env, "RIDER_HUB_KAFKA_SECURITY", "PLAINTEXT", SECURITY, faults)
    signs_in = security.startswith("SASL")
    user = env.get("RIDER_HUB_KAFKA_USER", "").strip()
    if signs_in and not user:
        faults.append(fault("RIDER_HUB_KAFKA_USER", "使用 SASL 时不能为空", "must be set for SASL"))
    cluster = Cluster(
        brokers=brokers,
        security=security,
        ca_file=_ca_file(env.get("RIDER_HUB_KAFKA_CA_FILE", ""), faults),
        mechanism=_chosen(env, "RIDER_HUB_KAFKA_MECHANISM", "SCRAM-SHA-512", MECHANISMS, faults),
        user=user,
        password=_password(env.get("RIDER_HUB_KAFKA_PASSWORD_FILE", ""), faults) if signs_in else "",
    )
    instance = _named(env, "RIDER_HUB_KAFKA_INSTANCE", "", _NAME, faults)
    seconds = whole(env, "RIDER_HUB_KAFKA_SESSION_SECONDS", 10, least=1, most=1800, faults=faults)
    group = Group(
        name=_named(env, "RIDER_HUB_KAFKA_GROUP", "rider-hub", _NAME, faults),
        instance=instance or None,
        session_s=seconds,
        linger_s=parameter("intake.stream_linger").value,
    )
    suffix = _named(env, "RIDER_HUB_KAFKA_DEAD_LETTER_SUFFIX", ".dlq", _SUFFIX, faults)
    return StreamSettings(cluster, group, suffix)


def _chosen(
    env: Mapping[str, str], name: str, default: str, known: tuple[str, ...], faults: list[Failure]
) -> str:
    text = env.get(name, default).strip().upper()
    if text not in known:
        listed = ", ".join(known)
        faults.append(fault(name, f"应取自 {listed}", f"must be of {listed}"))
    return text


def _named(
    env: Mapping[str, str], name: str, default: str, form: re.Pattern[str], faults: list[Failure]
) -> str:
    text = env.get(name, default).strip()
    if text and not form.fullmatch(text):
        zh, en = "只能用字母、数字和 . _ -", "may hold letters, digits and . _ - alone"
        faults.append(fault(name, zh, en))
    return text or default


def _ca_file(text: str, faults: list[Failure]) -> Path | None:
    if text and not Path(text).is_file():
        zh, en = "应为证书文件（PEM）", "must name a file of certificates (PEM)"
        faults.append(fault("RIDER_HUB_KAFKA_CA_FILE", zh, en))
    return Path(text) if text else None


def _password(path: str, faults: list[Failure]) -> str:
    """Read the password from its file: in the environment every child process would have it."""
    try:
        password = Path(path).read_text("utf-8").strip() if path else ""
    except (OSError, ValueError):
        password = ""
    if not password:
        zh, en = "应为存有密码的文件", "must name a file that holds the password"
        faults.append(fault("RIDER_HUB_KAFKA_PASSWORD_FILE", zh, en))
    return password
