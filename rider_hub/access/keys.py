"""The keys of a running hub: sealing, opening, blind indexes, message authentication."""

import hmac as constant_time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, cast

import msgspec
from cryptography.exceptions import InvalidTag

from rider_hub.access.keyfile import KeyFault, Keyset, Purpose, read_keys, write_keys
from rider_hub.access.known_answers import wrong_answers
from rider_hub.access.ready import ENVELOPE_HEAD, ID_BYTES, VERSION, Cell, ReadyKey
from rider_hub.access.suites import Suite
from rider_hub.logs import logger

__all__ = ["Cell", "KeyFault", "Keyring", "Purpose"]

#: Seconds between two looks at the key file. Rotation waits longer than this between announcing a key and
#: using it, so that no process writes with a key that another one does not know.
LOOK_EVERY = 2.0

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _Ring:
    """One state of the key file, ready for use; replaced as a whole."""

    def __init__(self, keyset: Keyset) -> None:
        self.keyset = keyset
        ready = {key.id: ReadyKey(key) for key in keyset.keys}
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

    def seal(self, purpose: Purpose, cell: Cell, value: Any, *, pad: int = 0) -> bytes:
        """Seal a JSON value for one cell, (table, column, record id).

        An envelope moved to another row, column, table or purpose does not open. With `pad`, the value is
        filled up to a multiple of that many bytes, so that its length tells nothing.
        """
        plain = _encode(value)
        if pad:
            plain += b" " * (-len(plain) % pad)
        return self._now().active[purpose].seal(cell, plain)

    def seal_many(
        self, purpose: Purpose, column: tuple[str, str], rows: Iterable[tuple[str, Any]], *, pad: int = 0
    ) -> list[bytes]:
        """Seal (record id, JSON value) of many rows of one column, (table, column); envelopes in order.

        The same as `seal` row by row, in less time: for the thousands of rows of a batch.
        """
        plain = [(row, _encode(value)) for row, value in rows]
        if pad:
            plain = [(row, each + b" " * (-len(each) % pad)) for row, each in plain]
        return self._now().active[purpose].seal_many(column, plain)

    def unseal(self, purpose: Purpose, cell: Cell, envelope: bytes) -> Any:
        """Open an envelope made for this cell; raises KeyFault where it was not, or its key is gone."""
        return _decode(self._open(purpose, cell, envelope))

    def reseal(self, purpose: Purpose, cell: Cell, envelope: bytes) -> tuple[bytes, Any]:
        """Seal an envelope's very bytes, padding and all, under the active key; returns it with its content.

        Raises KeyFault like `unseal`.
        """
        plain = self._open(purpose, cell, envelope)
        return self._now().active[purpose].seal(cell, plain), _decode(plain)

    def _open(self, purpose: Purpose, cell: Cell, envelope: bytes) -> bytes:
        if envelope[:1] == b"\x02":
            raise KeyFault(
                "密文是首个正式版本之前的格式，本版本不能打开。请新建数据库并重新接入数据。",
                "The envelope is of a form from before the first release, which this one does not open: "
                "set up a new database and send the data anew.",
                code="envelope_too_old",
            )
        try:
            return self._find(purpose, envelope[len(VERSION) : ENVELOPE_HEAD]).open(cell, envelope)
        except (InvalidTag, KeyError, ValueError) as error:
            raise KeyFault(
                "密文与所在记录不符，或密钥已不在。",
                "The envelope does not belong to this row and column, or its key is gone.",
            ) from error

    def blind(self, purpose: Purpose, field: str, value: str) -> bytes:
        """Return the keyed index of a value: the key's id (4 bytes) and HMAC(key, field, value).

        `field` is a name of the code's own, never of what came in.
        """
        return self._now().active[purpose].blind(field, value)

    def blind_many(self, purpose: Purpose, field: str, values: Iterable[str]) -> list[bytes]:
        """Return the keyed index of each value, in order: `blind` for a batch, in less time."""
        return self._now().active[purpose].blind_many(field, values)

    def blind_few(self, purpose: Purpose, field: str, values: Iterable[str]) -> list[bytes]:
        """Do as `blind_many` for a field of at most 10,000 values, whose indexes are kept in memory."""
        return self._now().active[purpose].blind_few(field, values)

    def blinds(self, purpose: Purpose, field: str, value: str) -> list[bytes]:
        """Return the indexes a value may stand under, the active key's first: for lookups, with `in_`.

        There is more than one only while keys are being rotated.
        """
        return [ready.blind(field, value) for ready in self._now().live[purpose]]

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
            ready = self._find(purpose, mac[:ID_BYTES])
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

    def _find(self, purpose: Purpose, tag: bytes) -> ReadyKey:
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


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
