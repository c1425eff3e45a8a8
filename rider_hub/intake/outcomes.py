"""The outcomes of a batch between checking and storing, packed: a long batch must not fill memory.

No row may be stored before the last one was read, since only then it is known whether the batch is whole, in
which frame its points are and which rows a greater version makes needless. Packed, a row takes a third of its
room; the parts are unpacked one at a time.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from connectors.batch import Checked, Reject
from connectors.records import RECORD_TYPES, FeedType

__all__ = ["Outcome", "Outcomes"]

Outcome = Checked | Reject
_by_row = attrgetter("row")


class _Block(msgspec.Struct, frozen=True, gc=False):
    """Some rows in order: the good and the refused ones apart."""

    last_row: int
    good: bytes
    refused: bytes


class Outcomes:
    """One outcome a row, in the order of the rows."""

    def __init__(self, feed_type: FeedType) -> None:
        self._blocks: list[_Block] = []
        self._rows = 0
        self._encode = msgspec.msgpack.Encoder().encode
        record: Any = RECORD_TYPES[feed_type]
        self._good: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(list[tuple[int, record, bytes]])
        self._refused = msgspec.msgpack.Decoder(list[Reject])
        #: How many rows are refused.
        self.rejected = 0

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Add the outcomes of the next rows, at least one."""
        good = [(one.row, one.record, one.digest) for one in outcomes if isinstance(one, Checked)]
        refused = [one for one in outcomes if isinstance(one, Reject)]
        block = _Block(outcomes[-1].row, self._encode(good), self._encode(refused))
        self._blocks.append(block)
        self._rows += len(outcomes)
        self.rejected += len(refused)

    def __len__(self) -> int:
        """Count the rows."""
        return self._rows

    def __iter__(self) -> Iterator[Outcome]:
        """Give every outcome in the order of the rows."""
        for block in self._blocks:
            yield from self._unpacked(block)

    def refused(self) -> Iterator[Reject]:
        """Give the refused rows alone."""
        for block in self._blocks:
            yield from self._refused.decode(block.refused)

    def parts(self, size: int, *, after: int = 0) -> Iterator[tuple[Sequence[Outcome], bool]]:
        """Give the outcomes beyond row `after` in parts, and with each whether it is the last.

        Where nothing is left there is one empty part.
        """
        part: list[Outcome] = []
        for block in self._blocks:
            if block.last_row > after:
                part += [one for one in self._unpacked(block) if one.row > after]
            while len(part) > size:
                yield part[:size], False
                part = part[size:]
        yield part, True

    def _unpacked(self, block: _Block) -> list[Outcome]:
        found: list[Outcome] = [Checked(*one) for one in self._good.decode(block.good)]
        found += self._refused.decode(block.refused)
        return sorted(found, key=_by_row)
