"""Reads the body of a push into rows within its limits; no web framework and no signature is known here."""

import codecs
import zlib
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from connectors.problems import feed_error

MIB: Final = 1024 * 1024
MAX_SENT: Final = 16 * MIB
"""The most bytes of a push as sent."""

MAX_INFLATED: Final = 128 * MIB
"""The most bytes of a push after inflating."""

MAX_LINES: Final = 100_000
"""The most rows of an NDJSON push."""

MAX_ELEMENTS: Final = 10_000
"""The most rows of a JSON array push."""

MAX_ARRAY: Final = 24 * MIB
"""The most bytes of a JSON array push after inflating: it is read in one piece."""

MAX_COMMAS: Final = 40 * MAX_ELEMENTS
"""The most commas of a JSON array push: elements of two bytes would fill memory before they are counted."""

MAX_LINE: Final = MIB
"""The most bytes of one NDJSON row: an endless line must not fill memory."""

_CHUNK: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_BLANK: Final = b" \t\r\n"
_KINDS: Final[dict[str, Literal["array", "lines"]]] = {
    "application/json": "array",
    "application/x-ndjson": "lines",
    "application/ndjson": "lines",
    "application/jsonl": "lines",
}

PushRow = tuple[int, bytes]


def read_push(body: bytes, *, content_type: str, content_encoding: str = "") -> Iterator[PushRow]:
    """Yield the rows of a push body, each as its own bytes, counted from 1.

    Raises FeedError for the whole, at once: what passes a limit or can't be inflated is found before any row
    is given, since the rows up to there would be checked and kept in vain. So a body is inflated twice.
    """
    kind = _KINDS.get(content_type.partition(";")[0].strip().lower())
    if kind is None:
        raise feed_error("content_type_unknown", status=415)
    if len(body) > MAX_SENT:
        raise feed_error("body_too_large", status=413, limit=MAX_SENT // MIB)
    encoding = content_encoding.strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        raise feed_error("content_encoding_unknown", status=415)
    if not body.strip(_BLANK):
        raise feed_error("file_empty", status=400)
    read = inflate if encoding == "gzip" else _pieces
    if kind == "array":
        return _array(_unmarked(read(body)))
    for _ in _lines(_unmarked(read(body))):
        pass
    return _lines(_unmarked(read(body)))


def inflate(body: bytes) -> Iterator[bytes]:
    """Yield the inflated bytes of a gzip body piece by piece, at most MAX_INFLATED in all."""
    total = position = 0
    waiting = b""
    member = zlib.decompressobj(_GZIP)
    while True:
        if not waiting:  # fed in small parts: what zlib does not take yet is copied each time
            waiting = body[position : position + _CHUNK]
            position += len(waiting)
        try:
            piece = member.decompress(waiting, _CHUNK)
        except zlib.error as error:
            raise feed_error("gzip_unreadable", status=400) from error
        total += len(piece)
        if total > MAX_INFLATED:
            raise feed_error("inflated_too_large", status=413, limit=MAX_INFLATED // MIB)
        yield piece
        waiting = member.unused_data if member.eof else member.unconsumed_tail
        spent = not waiting and position >= len(body)
        if member.eof and spent:
            return
        if member.eof:  # a gzip file may hold several members
            member = zlib.decompressobj(_GZIP)
        elif spent and not piece:
            raise feed_error("gzip_unreadable", status=400)  # cut short


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK))


def _unmarked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pass over the mark that some editors put before a text; files are read so too."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(codecs.BOM_UTF8):
            break
    yield start.removeprefix(codecs.BOM_UTF8)
    yield from pieces


def _array(pieces: Iterator[bytes]) -> Iterator[PushRow]:
    whole, blank = bytearray(), True
    for piece in pieces:
        whole += piece
        blank = blank and not piece.strip(_BLANK)
        if len(whole) > MAX_ARRAY:
            raise feed_error("inflated_too_large", status=413, limit=MAX_ARRAY // MIB)
    if blank:
        raise feed_error("file_empty", status=400)
    if whole.count(b",") > MAX_COMMAS:
        raise feed_error("too_many_rows", status=413, limit=MAX_ELEMENTS)
    try:
        elements = msgspec.json.decode(whole, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise feed_error("json_unreadable", status=400) from error
    if len(elements) > MAX_ELEMENTS:
        raise feed_error("too_many_rows", status=413, limit=MAX_ELEMENTS)
    if any(memoryview(element).nbytes > MAX_LINE for element in elements):
        raise feed_error("row_too_large", status=413, limit=MAX_LINE // 1024)
    return ((number, bytes(element)) for number, element in enumerate(elements, 1))


def _lines(pieces: Iterator[bytes]) -> Iterator[PushRow]:
    number = count = 0
    for line in _split(pieces):
        number += 1
        if not line.strip(_BLANK):
            continue
        count += 1
        if count > MAX_LINES:
            raise feed_error("too_many_rows", status=413, limit=MAX_LINES)
        yield number, line
    if not count:
        raise feed_error("file_empty", status=400)


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        first, *others = piece.split(b"\n")
        waiting.append(first)
        size += len(first)
        if size > MAX_LINE:
            raise feed_error("row_too_large", status=413, limit=MAX_LINE // 1024)
        if others:
            yield b"".join(waiting)
            yield from others[:-1]
            waiting = [others[-1]]
            size = len(others[-1])
    yield b"".join(waiting)
