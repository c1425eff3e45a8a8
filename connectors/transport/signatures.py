"""Signs and verifies pushes in the shape of Standard Webhooks, by HMAC-SHA256 or HMAC-SM3; keeps no key."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.hmac import HMAC

from connectors.problems import feed_error

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"

TOLERANCE_SECONDS: Final = 300
"""How far the signed time may lie from ours, either way."""

Algorithm = Literal["sha256", "sm3"]
_VERSIONS: Final[dict[str, Algorithm]] = {"v1": "sha256", "v1sm3": "sm3"}
_MAX_ID: Final = 128
_MAX_SIGNATURES: Final = 8
_MAX_DIGITS: Final = 12


def sign(key: bytes, message_id: str, timestamp: int, body: bytes, alg: Algorithm = "sha256") -> str:
    """Return the signature header's value for a body as it is sent (compressed, if it is)."""
    version = next(version for version, name in _VERSIONS.items() if name == alg)
    return f"{version},{base64.b64encode(_mac(key, message_id, str(timestamp), body, alg)).decode()}"


def signed_headers(
    key: bytes, message_id: str, timestamp: int, body: bytes, alg: Algorithm = "sha256"
) -> dict[str, str]:
    """Return the three headers of a signed body."""
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign(key, message_id, timestamp, body, alg),
    }


def verify(
    keys: Sequence[bytes],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    tolerance: float = TOLERANCE_SECONDS,
) -> str:
    """Return the id of a body signed by one of the live keys within the tolerance; raises like `proved`."""
    return proved(keys, headers, body, now, tolerance)[0]


def proved(
    keys: Sequence[bytes],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    tolerance: float = TOLERANCE_SECONDS,
) -> tuple[str, int]:
    """Return the id of a body signed by one of the live keys within the tolerance, and which key that is.

    Header names count in any case. Every given signature is compared with every key in constant time; where
    several are right, the first of the keys counts. Raises FeedError (status 401) `signature_missing`,
    `signature_invalid` or, for a right signature of another time, `timestamp_out_of_tolerance`.
    """
    found = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = found.get(ID_HEADER, ""), found.get(TIMESTAMP_HEADER, "")
    given = found.get(SIGNATURE_HEADER, "").split()
    if not (message_id and stamp and given):
        raise feed_error("signature_missing", status=401)
    readable = len(message_id) <= _MAX_ID and message_id.isascii() and "." not in stamp
    if not (readable and stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS):
        raise feed_error("signature_invalid", status=401)
    at = _matching(keys, message_id, stamp, body, given[:_MAX_SIGNATURES])
    if at is None:
        raise feed_error("signature_invalid", status=401)
    if abs(now - int(stamp)) > tolerance:
        raise feed_error("timestamp_out_of_tolerance", status=401, seconds=int(tolerance))
    return message_id, at


def _matching(
    keys: Sequence[bytes], message_id: str, stamp: str, body: bytes, given: list[str]
) -> int | None:
    sent = [tuple(part.partition(",")[::2]) for part in given]
    right = [False] * len(keys)
    for version, alg in _VERSIONS.items():
        signatures = [signature for name, signature in sent if name == version]
        if not signatures:
            continue
        for at, key in enumerate(keys):
            wanted = base64.b64encode(_mac(key, message_id, stamp, body, alg))
            for signature in signatures:
                right[at] |= hmac.compare_digest(wanted, signature.encode("utf-8", "replace"))
    return right.index(True) if any(right) else None


def _mac(key: bytes, message_id: str, stamp: str, body: bytes, alg: Algorithm) -> bytes:
    mac = HMAC(key, SM3() if alg == "sm3" else SHA256())
    mac.update(f"{message_id}.{stamp}.".encode())
    mac.update(body)
    return mac.finalize()
