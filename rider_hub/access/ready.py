"""One key made ready for use, its cipher set up and its hashes keyed once; and the form of what a key makes.

An envelope is its version (1 byte), its key's id (4), a nonce (12), and what the cipher gives. Authenticated
with it are its head and the cell it was made for: purpose, table, column, row. A keyed value is its key's id
and an HMAC.
"""

import os
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives import hmac

from rider_hub.access.keyfile import Key
from rider_hub.access.suites import cipherer, keyed_hash

__all__ = ["ENVELOPE_HEAD", "ID_BYTES", "VERSION", "Cell", "ReadyKey", "envelope_head"]

#: Where an envelope lies: table, column, record id.
Cell = tuple[str, str, str]

#: 2, before the first release, did not bind the column.
VERSION = b"\x03"
ID_BYTES = 4
_NONCE = 12
_KEPT = 10_000
#: Bytes before the nonce of an envelope: version and key id.
ENVELOPE_HEAD = len(VERSION) + ID_BYTES


def envelope_head(key: Key) -> bytes:
    """Return how every envelope sealed by a key begins."""
    return VERSION + key.tag


class ReadyKey:
    """What one key does."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self._head = envelope_head(key)
        self._tag = key.tag
        self._purpose = key.purpose
        self._cipher = cipherer(key.suite, key.secret)
        # Three uses of one key can't be taken for each other: each hash begins with what it is for.
        self._mac, self._derive, self._blind = (
            keyed_hash(key.suite, key.secret, f"{key.id}\x00{use}\x00".encode())
            for use in ("mac", "derive", "blind")
        )
        # A field's name is hashed once; there are as many as the code has fields.
        self._fields: dict[str, hmac.HMAC] = {}
        self._kept: dict[str, dict[str, bytes]] = {}

    def seal(self, cell: Cell, plain: bytes) -> bytes:
        """Seal the content of one cell."""
        nonce = os.urandom(_NONCE)
        return self._head + nonce + self._cipher.encrypt(nonce, plain, self._head + self._bound(*cell))

    def seal_many(self, column: tuple[str, str], rows: Sequence[tuple[str, bytes]]) -> list[bytes]:
        """Seal the contents of one column, (table, column), each for the row that stands before it."""
        head, encrypt = self._head, self._cipher.encrypt
        bound = head + self._bound(*column, "")
        # The nonces are drawn here and used up here: nothing of them is left for another thread or a fork.
        nonces = os.urandom(_NONCE * len(rows))
        sealed = []
        for at, (row, plain) in enumerate(rows):
            nonce = nonces[at * _NONCE : (at + 1) * _NONCE]
            sealed.append(head + nonce + encrypt(nonce, plain, bound + row.encode()))
        return sealed

    def open(self, cell: Cell, envelope: bytes) -> bytes:
        """Open an envelope of ours; raises InvalidTag or ValueError where it was not made for this cell."""
        nonce, body = envelope[ENVELOPE_HEAD : ENVELOPE_HEAD + _NONCE], envelope[ENVELOPE_HEAD + _NONCE :]
        return self._cipher.decrypt(nonce, body, envelope[:ENVELOPE_HEAD] + self._bound(*cell))

    def blind(self, field: str, value: str) -> bytes:
        """Return the index of a value of a field."""
        return self._tag + _finish(self._fields.get(field) or self._keyed_for(field), value.encode())

    def blind_many(self, field: str, values: Iterable[str]) -> list[bytes]:
        """Return the index of each value of a field, in order."""
        tag, copy = self._tag, self._keyed_for(field).copy
        made = []
        for value in values:
            context = copy()
            context.update(value.encode())
            made.append(tag + context.finalize())
        return made

    def blind_few(self, field: str, values: Iterable[str]) -> list[bytes]:
        """Do as `blind_many`, for a field of few values: each index is made once and kept, 10,000 at most."""
        kept = self._kept.setdefault(field, {})
        made = []
        for value in values:
            index = kept.get(value)
            if index is None:
                index = self.blind(field, value)
                if len(kept) < _KEPT:
                    kept[value] = index
            made.append(index)
        return made

    def mac(self, message: bytes) -> bytes:
        """Authenticate a message."""
        return self._tag + _finish(self._mac, message)

    def derive(self, label: bytes) -> bytes:
        """Return 32 bytes that this key alone gives for a label."""
        return _finish(self._derive, label)

    def _keyed_for(self, field: str) -> hmac.HMAC:
        keyed = self._fields.get(field)
        if keyed is None:
            keyed = self._blind.copy()
            keyed.update(f"{field}\x00".encode())
            self._fields[field] = keyed
        return keyed

    def _bound(self, table: str, column: str, row: str) -> bytes:
        # Only the row, at the end, may hold a NUL: purposes, tables and columns are names of ours.
        return f"{self._purpose}\x00{table}\x00{column}\x00{row}".encode()


def _finish(keyed: hmac.HMAC, message: bytes) -> bytes:
    context = keyed.copy()
    context.update(message)
    return context.finalize()
