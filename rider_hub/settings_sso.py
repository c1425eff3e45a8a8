"""Settings of single sign-on: the provider, what the hub is to it, and what of its word is believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rider_hub.errors import Failure
from rider_hub.settings_values import LOOPBACK, fault

__all__ = ["ALGORITHMS", "SignOnSettings", "read_sign_on"]

#: Signatures by a private key alone: with a shared secret, whoever knows the client's could sign.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})


@dataclass(frozen=True)
class SignOnSettings:
    """One OpenID provider; see docs/single-sign-on.md."""

    issuer: str
    client_id: str
    client_secret: str
    #: Where the provider sends the visitor back to; made of RIDER_HUB_PUBLIC_URL.
    redirect_uri: str
    algorithms: tuple[str, ...] = ("RS256",)
    #: The claim shown as the name of an identity; it is never what an account is found by.
    name_claim: str = "preferred_username"
    scopes: str = "openid profile"
    #: Values of `acr` or `amr` that stand for a second factor; with none the hub asks for its own.
    second_factors: frozenset[str] = frozenset()


def read_sign_on(env: Mapping[str, str], public_url: str, faults: list[Failure]) -> SignOnSettings | None:
    """Read the RIDER_HUB_OIDC_* variables; None where no issuer is set."""
    issuer = env.get("RIDER_HUB_OIDC_ISSUER", "").strip()
    if not issuer:
        return None
    _check_issuer(issuer, faults)
    client_id = env.get("RIDER_HUB_OIDC_CLIENT_ID", "").strip()
    if not client_id:
        faults.append(fault("RIDER_HUB_OIDC_CLIENT_ID", "不能为空", "must be set beside the issuer"))
    if not public_url:
        faults.append(
            fault("RIDER_HUB_PUBLIC_URL", "使用统一身份认证时必须设置", "must be set for single sign-on")
        )
    return SignOnSettings(
        issuer=issuer,
        client_id=client_id,
        client_secret=_secret(env.get("RIDER_HUB_OIDC_CLIENT_SECRET_FILE", ""), faults),
        redirect_uri=f"{public_url}/login/sso/callback",
        algorithms=_algorithms(env.get("RIDER_HUB_OIDC_ALGORITHMS", "RS256"), faults),
        name_claim=env.get("RIDER_HUB_OIDC_NAME_CLAIM", "preferred_username"),
        scopes=" ".join(
            {"openid": None} | dict.fromkeys(_words(env.get("RIDER_HUB_OIDC_SCOPES", "profile")))
        ),
        second_factors=frozenset(_words(env.get("RIDER_HUB_OIDC_SECOND_FACTORS", ""))),
    )


def _check_issuer(issuer: str, faults: list[Failure]) -> None:
    try:
        parts = urlsplit(issuer)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        right = bool(safe and parts.hostname and not parts.query and not parts.fragment)
    except ValueError:
        right = False
    if not right:
        zh, en = "应为 https:// 地址（本机可用 http://）", "must be an https:// address (http:// on loopback)"
        faults.append(fault("RIDER_HUB_OIDC_ISSUER", zh, en))


def _secret(path: str, faults: list[Failure]) -> str:
    """Read the client's secret from its file: in the environment every child process would have it."""
    try:
        secret = Path(path).read_text("utf-8").strip() if path else ""
    except (OSError, ValueError):
        secret = ""
    if not secret:
        zh, en = "应为存有客户端密钥的文件", "must name a file that holds the client's secret"
        faults.append(fault("RIDER_HUB_OIDC_CLIENT_SECRET_FILE", zh, en))
    return secret


def _algorithms(text: str, faults: list[Failure]) -> tuple[str, ...]:
    found = _words(text)
    if not found or not ALGORITHMS.issuperset(found):
        known = ", ".join(sorted(ALGORITHMS))
        faults.append(fault("RIDER_HUB_OIDC_ALGORITHMS", f"应取自 {known}", f"must be of {known}"))
    return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
