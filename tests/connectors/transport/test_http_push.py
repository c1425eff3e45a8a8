"""Push bodies: rows by content type, gzip as a stream, every limit, and bombs."""

import gzip
import json
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import FeedError
from connectors.transport.http_push import MAX_ELEMENTS, MAX_LINES, MAX_SENT, MIB, read_push

NDJSON, ARRAY = "application/x-ndjson", "application/json; charset=utf-8"


def refused(body: bytes, content_type: str = NDJSON, content_encoding: str = "") -> tuple[str, int]:
    """Return code and status for which a push is refused as a whole."""
    with pytest.raises(FeedError) as caught:
        for _ in read_push(body, content_type=content_type, content_encoding=content_encoding):
            pass
    return caught.value.code, caught.value.status


@pytest.mark.parametrize(
    ("wrap", "encoding"),
    [
        (bytes, ""),
        (gzip.compress, "gzip"),
        (lambda b: gzip.compress(b[:2], mtime=0) + gzip.compress(b[2:]), "GZIP"),
    ],
)
def test_a_mark_before_the_first_row_is_passed_over(wrap: Callable[[bytes], bytes], encoding: str) -> None:
    """Some editors put a UTF-8 mark before a text; a file that checks clean is taken as a push too."""
    for content_type, body in ((NDJSON, b'{"a":1}\n'), (ARRAY, b'[{"a":1}]')):
        sent = wrap(b"\xef\xbb\xbf" + body)
        rows = list(read_push(sent, content_type=content_type, content_encoding=encoding))
        assert rows == [(1, b'{"a":1}')]
    sent = wrap(b"\xef\xbb\xbf")
    assert refused(sent, NDJSON, encoding) == refused(sent, ARRAY, encoding) == ("file_empty", 400)


@pytest.mark.parametrize(
    ("wrap", "encoding"),
    [
        (bytes, ""),
        (gzip.compress, "gzip"),
        (lambda b: gzip.compress(b[:3], mtime=0) + gzip.compress(b[3:]), "GZIP"),
    ],
)
def test_rows_come_out_as_sent(wrap: Callable[[bytes], bytes], encoding: str) -> None:
    """NDJSON lines and array elements come out as their own bytes, also from gzip of several members."""
    lines = wrap(b'{"a":1}\n\n{"b":2}\r\nnull')
    rows = list(read_push(lines, content_type=NDJSON, content_encoding=encoding))
    assert [(number, row.strip()) for number, row in rows] == [(1, b'{"a":1}'), (3, b'{"b":2}'), (4, b"null")]
    array = wrap(b' [{"a": 1}, "x"]')
    rows = list(read_push(array, content_type=ARRAY, content_encoding=encoding))
    assert rows == [(1, b'{"a": 1}'), (2, b'"x"')]


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "expected"),
    [
        (b"{}", "text/csv", "", ("content_type_unknown", 415)),
        (b"{}", NDJSON, "br", ("content_encoding_unknown", 415)),
        (b" \n", NDJSON, "", ("file_empty", 400)),
        (gzip.compress(b"\n \n", mtime=0), NDJSON, "gzip", ("file_empty", 400)),
        (gzip.compress(b"", mtime=0), ARRAY, "gzip", ("file_empty", 400)),
        (b"{}", ARRAY, "", ("json_unreadable", 400)),
        (b"[" * 100_000, ARRAY, "", ("json_unreadable", 400)),
        (b"no gzip", NDJSON, "gzip", ("gzip_unreadable", 400)),
        (gzip.compress(b'{"a":1}' * 99, mtime=0)[:-5], NDJSON, "gzip", ("gzip_unreadable", 400)),
        (gzip.compress(b"{}", mtime=0) + b"tail", NDJSON, "gzip", ("gzip_unreadable", 400)),
        (b"x" * (MAX_SENT + 1), NDJSON, "", ("body_too_large", 413)),
        (b"[" + b"1," * MAX_ELEMENTS + b"1]", ARRAY, "", ("too_many_rows", 413)),
        (b"1\n" * (MAX_LINES + 1), NDJSON, "", ("too_many_rows", 413)),
    ],
)
def test_a_push_beyond_its_limits_is_refused(
    body: bytes, content_type: str, encoding: str, expected: tuple[str, int]
) -> None:
    """Type, encoding, emptiness, damage and each limit have their own code and status."""
    assert refused(body, content_type, encoding) == expected


def test_the_limits_themselves_are_allowed() -> None:
    """Exactly as many rows as the limit says are read."""
    assert sum(1 for _ in read_push(b"1\n" * MAX_LINES, content_type=NDJSON)) == MAX_LINES
    array = b"[" + b"1," * (MAX_ELEMENTS - 1) + b"1]"
    assert sum(1 for _ in read_push(array, content_type=ARRAY)) == MAX_ELEMENTS


def test_a_gzip_bomb_is_refused_in_little_memory() -> None:
    """A body of 1000:1 is refused at the limit; many short lines of it are never held at once."""
    bomb = gzip.compress((b"1" * 1023 + b"\n") * 1024 * 160, mtime=0)
    tracemalloc.start()
    try:
        code, status = refused(bomb, NDJSON, "gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (code, status) == ("too_many_rows", 413)
    assert peak < 16 * MIB
    assert refused(gzip.compress(b"\n" * (129 * MIB), mtime=0), NDJSON, "gzip") == ("inflated_too_large", 413)
    assert refused(gzip.compress(b"1" * (2 * MIB), mtime=0), NDJSON, "gzip") == ("row_too_large", 413)


def test_a_bomb_inside_a_bomb_is_a_bad_row() -> None:
    """Gzip within gzip is inflated once; what is inside is no JSON and becomes refused rows."""
    nested = gzip.compress(gzip.compress(b'{"a":1}'), mtime=0)
    assert all(
        not row.startswith(b"{") for _, row in read_push(nested, content_type=NDJSON, content_encoding="gzip")
    )


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), min_size=1))
def test_any_rows_arrive_in_order(rows: list[dict[str, object]]) -> None:
    """What was sent as NDJSON or as an array arrives row for row."""
    lines = "\n".join(map(json.dumps, rows)).encode()
    assert [json.loads(row) for _, row in read_push(lines, content_type=NDJSON)] == rows
    array = json.dumps(rows).encode()
    assert [json.loads(row) for _, row in read_push(array, content_type=ARRAY)] == rows


@given(st.binary(), st.sampled_from([NDJSON, ARRAY]), st.sampled_from(["", "gzip"]))
def test_any_body_is_rows_or_a_feed_error(body: bytes, content_type: str, encoding: str) -> None:
    """Whatever bytes come in, they are rows or one FeedError."""
    try:
        rows = list(read_push(body, content_type=content_type, content_encoding=encoding))
    except FeedError:
        return
    assert rows
