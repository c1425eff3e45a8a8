"""The keys of a running hub: sealing, opening, blind indexes, message authentication."""

import hmac as constant_time
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hmac

from rider_hub.access.keyfile import Key, KeyFault, Keyset, Purpose, read_keys, write_keys
from rider_hub.access.known_answers import wrong_answers
from rider_hub.access.suites import Suite, cipherer, keyed_hash
from rider_hub.logs import logger

__all__ = ["ENVELOPE_HEAD", "KeyFault", "Keyring", "Purpose", "envelope_head"]

_VERSION = b"\x02"
_ID = 4
_NONCE = 12
#: Bytes before the nonce of an envelope: version and key id.
ENVELOPE_HEAD = len(_VERSION) + _ID
#: Seconds between two looks at the key file. Rotation waits longer than this between announcing a key and
#: using it, so that no process writes with a key that another one does not know.
LOOK_EVERY = 2.0

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def envelope_head(key: Key) -> bytes:
    """Return how every envelope sealed by a key begins."""
    return _VERSION + key.tag


class _Ready:
    """A key made ready: its cipher set up and its hashes keyed, once."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.head = envelope_head(key)
        self.tag = key.tag
        self.cipher = cipherer(key.suite, key.secret)
        # Three uses of one key can't be taken for each other: each hash begins with what it is for.
        self._blind, self._mac, self._derive = (
            keyed_hash(key.suite, key.secret, f"{key.id}\x00{use}\x00".encode())
            for use in ("blind", "mac", "derive")
        )

    def blind(self, message: bytes) -> bytes:
        return self.tag + _finish(self._blind, message)

    def mac(self, message: bytes) -> bytes:
        return self.tag + _finish(self._mac, message)

    def derive(self, label: bytes) -> bytes:
        return _finish(self._derive, label)


def _finish(keyed: hmac.HMAC, message: bytes) -> bytes:
    context = keyed.copy()
    context.update(message)
    return context.finalize()


class _Ring:
    """One state of the key file, ready for use; replaced as a whole."""

    def __init__(self, keyset: Keyset) -> None:
        self.keyset = keyset
        ready = {key.id: _Ready(key) for key in keyset.keys}
        purposes = {key.purpose for key in keyset.keys}
        self.active = {purpose: ready[keyset.active(purpose).id] for purpose in purposes}
        self.live = {purpose: [ready[key.id] for key in keyset.live(purpose)] for purpose in purposes}
        self.known = {(key.purpose, key.tag): ready[key.id] for key in keyset.keys}


class Keyring:
    """All keys of a hub, in step with the key file.

    The file is looked at every two seconds of use, and at once where a row names a key not known here, so
    that a rotation by another process fails no read. One set of keys serves a whole call; a file that has
    become unreadable leaves the keys read before in use and is logged.

    Nonces are 96 random bits. With 2**32 seals under one key the chance that two share one is below 2**-33
    (NIST SP 800-38D, 8.3): a key must be rotated before that many, which is 100 million registrations each
    sealed anew 40 times. Envelopes are not counted; docs/keys.md says how often to rotate.
    """

    def __init__(self, keyset: Keyset, path: Path | None = None) -> None:
        self._ring = _Ring(keyset)
        self._path = path
        self._look_at = monotonic() + LOOK_EVERY if path else float("inf")
        self._stamp = _stamp(path) if path else None

    @classmethod
    def new(cls, suite: str = "intl") -> "Keyring":
        """Make fresh random keys of a suite (intl or sm) for every purpose, in memory."""
        return cls(Keyset.new(cast("Suite", suite), datetime.now(UTC)))

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read a key file; raises KeyFault where it is none, or a primitive answers wrongly."""
        check_primitives()
        stamp = _stamp(path)
        ring = cls(read_keys(path), path)
        ring._stamp = stamp
        return ring

    def save(self, path: Path) -> None:
        """Write a new key file, readable by its owner only; an existing one is never overwritten."""
        write_keys(path, self.keyset, replacing=False)

    @property
    def keyset(self) -> Keyset:
        """The keys, as the file has them now."""
        return self._now().keyset

    @property
    def suite(self) -> Suite:
        """The suite of what is sealed now."""
        return self.suite_of("personal")

    @property
    def active(self) -> dict[Purpose, str]:
        """The id of the key in use, by purpose."""
        return {purpose: ready.key.id for purpose, ready in self._now().active.items()}

    def suite_of(self, purpose: Purpose) -> Suite:
        """Return the suite of a purpose's active key."""
        return self._now().active[purpose].key.suite

    def seal(self, purpose: Purpose, row: tuple[str, str], value: Any, *, pad: int = 0) -> bytes:
        """Seal a JSON value for one row, (table, record id).

        An envelope moved to another row, table or purpose does not open. With `pad`, the value is filled up
        to a multiple of that many bytes, so that its length tells nothing.
        """
        plain = _encode(value)
        if pad:
            plain += b" " * (-len(plain) % pad)
        return self._close(purpose, row, plain)

    def _close(self, purpose: Purpose, row: tuple[str, str], plain: bytes) -> bytes:
        ready = self._now().active[purpose]
        head = ready.head
        nonce = os.urandom(_NONCE)
        return head + nonce + ready.cipher.encrypt(nonce, plain, head + _bound(purpose, row))

    def unseal(self, purpose: Purpose, row: tuple[str, str], envelope: bytes) -> Any:
        """Open an envelope made for this row; raises KeyFault where it was not, or its key is gone."""
        return _decode(self._open(purpose, row, envelope))

    def reseal(self, purpose: Purpose, row: tuple[str, str], envelope: bytes) -> tuple[bytes, Any]:
        """Seal an envelope's very bytes, padding and all, under the active key; returns it with its content.

        Raises KeyFault like `unseal`.
        """
        plain = self._open(purpose, row, envelope)
        return self._close(purpose, row, plain), _decode(plain)

    def _open(self, purpose: Purpose, row: tuple[str, str], envelope: bytes) -> bytes:
        head = envelope[:ENVELOPE_HEAD]
        nonce = envelope[ENVELOPE_HEAD : ENVELOPE_HEAD + _NONCE]
        try:
            ready = self._find(purpose, head[1:])
            body = envelope[ENVELOPE_HEAD + _NONCE :]
            return ready.cipher.decrypt(nonce, body, head + _bound(purpose, row))
        except (InvalidTag, KeyError, ValueError) as error:
            raise KeyFault(
                "密文与所在记录不符，或密钥已不在。",
                "The envelope does not belong to this row, or its key is gone.",
            ) from error

    def blind(self, purpose: Purpose, field: str, value: str) -> bytes:
        """Return the keyed index of a value: the key's id (4 bytes) and HMAC(key, field, value)."""
        return self._now().active[purpose].blind(f"{field}\x00{value}".encode())

    def blinds(self, purpose: Purpose, field: str, value: str) -> list[bytes]:
        """Return the indexes a value may stand under, the active key's first: for lookups, with `in_`.

        There is more than one only while keys are being rotated.
        """
        message = f"{field}\x00{value}".encode()
        return [ready.blind(message) for ready in self._now().live[purpose]]

    def rotates(self, purpose: Purpose) -> bool:
        """Say whether rows may be under more than one key of a purpose."""
        return len(self._now().live[purpose]) > 1

    def mac(self, purpose: Purpose, message: bytes) -> bytes:
        """Authenticate a message: the active key's id (4 bytes) and its HMAC."""
        return self._now().active[purpose].mac(message)

    def mac_under(self, key_id: str, message: bytes) -> bytes | None:
        """Authenticate a message under a key named by its id; None where that key is gone."""
        purpose, _, digits = key_id.rpartition("-")
        try:
            return self._find(cast("Purpose", purpose), bytes.fromhex(digits)).mac(message)
        except (KeyError, ValueError):
            return None

    def verifies(self, purpose: Purpose, message: bytes, mac: bytes) -> bool:
        """Say whether a MAC was made by a key of this purpose, in constant time."""
        try:
            ready = self._find(purpose, mac[:_ID])
        except KeyError:
            return False
        return constant_time.compare_digest(ready.mac(message), mac)

    def derive(self, purpose: Purpose, label: bytes) -> bytes:
        """Return 32 bytes that only this purpose's active key gives for a label."""
        return self._now().active[purpose].derive(label)

    def reload(self) -> None:
        """Take the key file as it is now, if it has changed; raises KeyFault where it can't be read."""
        if self._path is None:
            return
        self._look_at = monotonic() + LOOK_EVERY
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._ring = _Ring(read_keys(self._path))
            self._stamp = stamp

    def _now(self) -> _Ring:
        if monotonic() >= self._look_at:
            try:
                self.reload()
            except KeyFault as fault:
                logger("keys").error("key_file_unreadable", fault=fault.code)
        return self._ring

    def _find(self, purpose: Purpose, tag: bytes) -> _Ready:
        ready = self._now().known.get((purpose, tag))
        if ready is None:
            self.reload()
            ready = self._ring.known[purpose, tag]
        return ready


def check_primitives() -> None:
    """Raise KeyFault where a primitive of either suite does not give its known answer."""
    if wrong := wrong_answers():
        named = ", ".join(wrong)
        raise KeyFault(
            f"密码算法自检未通过：{named}。请更换运行环境，切勿继续使用。",
            f"Wrong answers from {named}: this build of the cryptographic library must not be used.",
            code="primitive_wrong",
        )


def _bound(purpose: str, row: Iterable[str]) -> bytes:
    return "\x00".join((purpose, *row)).encode()


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
