"""The key file, and what is done with keys: sealing, opening, blind indexes, message authentication."""

import base64
import hmac as constant_time
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from rider_hub.errors import HubError

__all__ = ["KeyFault", "Keyring", "Purpose"]

Purpose = Literal[
    "personal", "quarantine", "membership", "account", "index", "subject", "audit", "lasting", "feed"
]
_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
_NONCE = 12
_TAG = 16


class KeyFault(HubError):
    """The key file is missing or unreadable, or an envelope was not made for this row."""

    status = 500
    default_code = "key_fault"


@dataclass(frozen=True)
class Keyring:
    """All keys of a hub; one active key a purpose, older ones kept to open what they sealed."""

    suite: str
    active: Mapping[str, str]
    keys: Mapping[str, bytes]

    @classmethod
    def new(cls, suite: str = "intl") -> "Keyring":
        """Make fresh random keys for every purpose."""
        active: dict[str, str] = {purpose: f"{purpose}-{secrets.token_hex(4)}" for purpose in _PURPOSES}
        return cls(suite, active, {key_id: secrets.token_bytes(32) for key_id in active.values()})

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read a key file; raises KeyFault where it is missing or not one."""
        try:
            raw = json.loads(path.read_text("utf-8"))
            keys = {key_id: base64.b64decode(text) for key_id, text in raw["keys"].items()}
            return cls(raw["suite"], raw["active"], keys)
        except FileNotFoundError:
            raise KeyFault(
                f"没有找到密钥文件 {path}。请先运行 rider-hub keys new。",
                f"No key file at {path}: run `rider-hub keys new`.",
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise KeyFault(f"密钥文件 {path} 无法读取。", f"The key file {path} can't be read.") from error

    def save(self, path: Path) -> None:
        """Write the key file, readable by its owner only; an existing one is never overwritten."""
        path.parent.mkdir(parents=True, exist_ok=True)
        body = {
            "suite": self.suite,
            "active": dict(self.active),
            "keys": {key_id: base64.b64encode(key).decode() for key_id, key in self.keys.items()},
        }
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(body, file, indent=1)

    def seal(self, purpose: Purpose, row: tuple[str, str], value: Any, *, pad: int = 0) -> bytes:
        """Seal a JSON value for one row, (table, record id).

        An envelope moved to another row does not open. With `pad`, the value is filled up to a multiple of
        that many bytes, so that its length tells nothing.
        """
        plain = msgspec.json.encode(value)
        if pad:
            plain += b" " * (-len(plain) % pad)
        key_id = self.active[purpose].encode()
        head = bytes([1, len(key_id)]) + key_id
        nonce = secrets.token_bytes(_NONCE)
        encryptor = self._cipher(self.keys[key_id.decode()], modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(head + _bound(purpose, row))
        return head + nonce + encryptor.update(plain) + encryptor.finalize() + encryptor.tag

    def unseal(self, purpose: Purpose, row: tuple[str, str], envelope: bytes) -> Any:
        """Open an envelope made for this row; raises KeyFault where it was not, or its key is gone."""
        end = 2 + envelope[1]
        head, nonce = envelope[:end], envelope[end : end + _NONCE]
        body, tag = envelope[end + _NONCE : -_TAG], envelope[-_TAG:]
        try:
            key = self.keys[head[2:].decode()]
            decryptor = self._cipher(key, modes.GCM(nonce, tag)).decryptor()
            decryptor.authenticate_additional_data(head + _bound(purpose, row))
            return msgspec.json.decode(decryptor.update(body) + decryptor.finalize())
        except (InvalidTag, KeyError) as error:
            raise KeyFault(
                "密文与所在记录不符，或密钥已不在。",
                "The envelope does not belong to this row, or its key is gone.",
            ) from error

    def blind(self, purpose: Purpose, field: str, value: str) -> bytes:
        """Return the keyed index of a value, for equality search; field and key id are part of it."""
        key_id = self.active[purpose]
        return self._mac(self.keys[key_id], f"{key_id}\x00{field}\x00{value}".encode())

    def mac(self, purpose: Purpose, message: bytes) -> bytes:
        """Authenticate a message under the purpose's active key."""
        return self._mac(self.keys[self.active[purpose]], message)

    def mac_under(self, key_id: str, message: bytes) -> bytes | None:
        """Authenticate a message under a key named by its id; None where that key is gone."""
        key = self.keys.get(key_id)
        return self._mac(key, message) if key is not None else None

    def verifies(self, purpose: Purpose, message: bytes, mac: bytes) -> bool:
        """Say whether a MAC is one of this purpose's, in constant time."""
        return constant_time.compare_digest(self.mac(purpose, message), mac)

    def _cipher(self, key: bytes, mode: modes.GCM) -> "Cipher[modes.GCM]":
        return Cipher(algorithms.SM4(key[:16]) if self.suite == "sm" else algorithms.AES256(key), mode)

    def _mac(self, key: bytes, message: bytes) -> bytes:
        digest = hmac.HMAC(key, hashes.SM3() if self.suite == "sm" else hashes.SHA256())
        digest.update(message)
        return digest.finalize()


def _bound(purpose: str, row: tuple[str, str]) -> bytes:
    return "\x00".join((purpose, *row)).encode()
