"""A sealed copy of the key file for custody: opened by a passphrase, or by two that two persons keep.

Suite intl: scrypt and AES-256-GCM. Suite sm: PBKDF2-HMAC-SM3 and SM4-GCM. The whole head of the copy is
authenticated with it.
"""

import base64
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from rider_hub.access.keyfile import KeyFault, Keyset, from_plain, to_plain
from rider_hub.access.suites import SUITES, Suite, cipherer
from rider_hub.errors import Failure, Invalid

__all__ = ["SHORTEST", "open_copy", "sealed_copy", "write_copy"]

#: Characters that each passphrase has at least.
SHORTEST = 16
_FORMAT = "rider-hub key copy 1"
_SALT = 16
_NONCE = 12
#: 128 MiB and about half a second.
_SCRYPT_N = 2**17
#: PBKDF2 needs no memory, so it is dearer to guess only by its rounds; about a third of a second.
_ROUNDS = 800_000


def sealed_copy(keys: Keyset, passphrases: Sequence[str], at: datetime) -> str:
    """Return the text of a sealed copy; whoever opens it needs all passphrases, in this order.

    Raises Invalid where one of them is shorter than 16 characters.
    """
    if any(len(phrase) < SHORTEST for phrase in passphrases):
        zh, en = f"口令至少 {SHORTEST} 个字符。", f"A passphrase has at least {SHORTEST} characters."
        raise Invalid(zh, en, errors=[Failure(row=0, path="passphrase", code="too_short", zh=zh, en=en)])
    suite = keys.active("personal").suite
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    head = {
        "format": _FORMAT,
        "suite": suite,
        "persons": len(passphrases),
        "made_at": at.isoformat(),
        "salt": salt.hex(),
        "nonce": nonce.hex(),
    }
    cipher = cipherer(suite, _stretched(suite, passphrases, salt))
    sealed = cipher.encrypt(nonce, json.dumps(to_plain(keys)).encode(), _bytes(head))
    return json.dumps({**head, "sealed": base64.b64encode(sealed).decode()}, indent=1) + "\n"


def open_copy(text: str, passphrases: Sequence[str]) -> Keyset:
    """Return the keys in a sealed copy; raises KeyFault where it is broken or a passphrase is wrong."""
    try:
        head = json.loads(text)
        sealed = base64.b64decode(head.pop("sealed"), validate=True)
        suite = _suite_of(head, len(passphrases))
        cipher = cipherer(suite, _stretched(suite, passphrases, bytes.fromhex(head["salt"])))
        plain = cipher.decrypt(bytes.fromhex(head["nonce"]), sealed, _bytes(head))
        return from_plain(json.loads(plain))
    except (InvalidTag, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyFault(
            "无法打开密钥副本：口令不对（或人数、顺序不对），或文件已损坏。",
            "The copy of the keys does not open: a wrong passphrase (or their number or order), or a broken "
            "file.",
            code="key_copy_shut",
            status=422,
        ) from error


def _suite_of(head: dict[str, Any], persons: int) -> Suite:
    if head["format"] != _FORMAT or head["suite"] not in SUITES or head["persons"] != persons:
        raise ValueError(head["format"])
    return cast("Suite", head["suite"])


def write_copy(path: Path, text: str) -> None:
    """Write a sealed copy for its owner alone; an existing file is a FileExistsError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _stretched(suite: Suite, passphrases: Sequence[str], salt: bytes) -> bytes:
    # Each with its length, so that two phrases joined can't be cut elsewhere.
    joined = b"".join(
        len(phrase).to_bytes(4, "big") + phrase for phrase in (each.encode() for each in passphrases)
    )
    if suite == "sm":
        return PBKDF2HMAC(hashes.SM3(), 32, salt, _ROUNDS).derive(joined)
    return Scrypt(salt, 32, n=_SCRYPT_N, r=8, p=1).derive(joined)


def _bytes(head: dict[str, Any]) -> bytes:
    return json.dumps(head, sort_keys=True).encode()
