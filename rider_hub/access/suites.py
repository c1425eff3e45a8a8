"""The two suites of primitives behind one form: `intl` and `sm`; a key is made ready once."""

from typing import Literal, Protocol, get_args

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["SUITES", "Cipherer", "Suite", "cipherer", "keyed_hash"]

#: intl: AES-256-GCM and HMAC-SHA256. sm: SM4-GCM and HMAC-SM3 (GB/T 32907, 32905).
Suite = Literal["intl", "sm"]
SUITES: tuple[Suite, ...] = get_args(Suite)

_TAG = 16
_SM4_KEY = 16


class Cipherer(Protocol):
    """Authenticated encryption under one key; the tag is the last 16 bytes of what it gives."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        """Encrypt and authenticate."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        """Decrypt; raises InvalidTag where a bit is not as it was."""


class _Unchecked(Cipher[modes.GCM]):
    """A cipher without the library's checks of key and mode: ours fit, and checks are a sixth of a seal."""

    def __init__(self, algorithm: algorithms.SM4, mode: modes.GCM) -> None:
        self.algorithm = algorithm
        self.mode = mode


class _Sm4Gcm:
    """SM4-GCM, for which the library has no class of its own: each use sets up a context."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        encryptor = _Unchecked(self._algorithm, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data or b"")
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        decryptor = _Unchecked(self._algorithm, modes.GCM(nonce, data[-_TAG:])).decryptor()
        decryptor.authenticate_additional_data(associated_data or b"")
        return decryptor.update(data[:-_TAG]) + decryptor.finalize()


def cipherer(suite: Suite, secret: bytes) -> Cipherer:
    """Return a suite's authenticated encryption under a secret of 32 bytes; SM4 takes the first 16."""
    return _Sm4Gcm(secret[:_SM4_KEY]) if suite == "sm" else AESGCM(secret)


def keyed_hash(suite: Suite, secret: bytes, prefix: bytes = b"") -> hmac.HMAC:
    """Return a suite's HMAC under a secret, fed with a prefix; copies of it are used and it never is."""
    context = hmac.HMAC(secret, hashes.SM3() if suite == "sm" else hashes.SHA256())
    context.update(prefix)
    return context
