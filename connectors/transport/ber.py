"""Walks the outer shape of BER (and so DER) without copying it: enough to ask what a CMS structure is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["BerFault", "Element", "element"]

_LONG: Final = 0x80
_INDEFINITE: Final = 0x80
_CONSTRUCTED: Final = 0x20
_MANY_DIGITS: Final = 0x1F
_MOST_LENGTH: Final = 8  # bytes of a length
_DEEPEST: Final = 16
#: A content in pieces has one element a piece; more than half a million are no file's.
_MOST_PIECES: Final = 500_000
#: Of what is looked at one by one: attributes, signatures.
_MOST_PARTS: Final = 1_000
_ENDED: Final = b"\0\0"


class BerFault(ValueError):
    """The bytes are no BER, or are nested or cut up beyond any use."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element of `data`: its tag, where its content begins, and where it ends if that is said at its head.

    `limit` is the end of what it stands in.
    """

    data: bytes
    tag: int
    start: int
    stop: int | None
    limit: int

    @property
    def content(self) -> bytes:
        """Its bytes; of a constructed element those of its parts, heads and all."""
        return self.data[self.start : self._stop()]

    def parts(self) -> Iterator["Element"]:
        """Yield the elements in it, one by one; raises BerFault where it has none or thousands."""
        if not self.tag & _CONSTRUCTED:
            raise BerFault
        place = self.start
        for _ in range(_MOST_PARTS):
            if self._ends(place):
                return
            part = element(self.data, place, self.limit if self.stop is None else self.stop)
            yield part
            place = part.end
        raise BerFault

    @property
    def end(self) -> int:
        """Where the next element begins; one of indefinite length is walked through to find out."""
        return self._stop() + (len(_ENDED) if self.stop is None else 0)

    def _ends(self, place: int) -> bool:
        if self.stop is None:
            return self.data[place : place + 2] == _ENDED
        return place >= self.stop

    def _stop(self) -> int:
        """Return the end of its content, by a walk that is bounded in depth and in steps."""
        if self.stop is not None:
            return self.stop
        place, open_ones = self.start, 1
        for _ in range(_MOST_PIECES):
            if self.data[place : place + 2] == _ENDED:
                open_ones -= 1
                if not open_ones:
                    return place
                place += len(_ENDED)
                continue
            part = element(self.data, place, self.limit)
            if part.stop is None:
                open_ones += 1
            if open_ones > _DEEPEST:
                raise BerFault
            place = part.start if part.stop is None else part.stop
        raise BerFault


def element(data: bytes, place: int = 0, limit: int | None = None) -> Element:
    """Return the element at a place; raises BerFault where there is none, or it is longer than the limit."""
    limit = len(data) if limit is None else limit
    if place + 2 > limit:
        raise BerFault
    tag, first = data[place], data[place + 1]
    if tag & _MANY_DIGITS == _MANY_DIGITS:
        raise BerFault  # CMS has no such tags
    start = place + 2
    if first == _INDEFINITE:
        if not tag & _CONSTRUCTED:
            raise BerFault
        return Element(data, tag, start, None, limit)
    length = first
    if first & _LONG:
        start += first & ~_LONG
        if first & ~_LONG > _MOST_LENGTH or start > limit:
            raise BerFault
        length = int.from_bytes(data[place + 2 : start], "big")
    if start + length > limit:
        raise BerFault
    return Element(data, tag, start, start + length, limit)
