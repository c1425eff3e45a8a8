"""What is wrong with a row, and the Chinese and English words for every code; no rule decides here."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors.batch import Failure
from connectors.errors import FeedError

#: The longest row of a push or a stream.
MAX_ROW_BYTES: Final = 1024 * 1024
_MAX_PATH: Final = 160
# No field's name holds so many digits on end; a phone number and an identity number do.
_FIGURES: Final = re.compile("[0-9]{7,}[Xx]?")


class Problem(msgspec.Struct, frozen=True, gc=False):
    """Name a fault by field path and code; `detail` fills the sentence and never holds a refused value."""

    path: str
    code: str
    detail: dict[str, Any] = {}


class LostDigits(msgspec.Struct, frozen=True):
    """Stand for a spreadsheet number so long that the sheet itself has lost its last digits."""

    cell: str


class BrokenRow(bytes):
    """Stand for a row that its transport can't hand over; nothing of it is read. Here: unmatched quotes."""

    code = "row_quoting"
    detail: Mapping[str, Any] = {}


class EmptyRow(BrokenRow):
    """Stand for a message of a stream without a value."""

    code = "row_empty"


class OversizedRow(BrokenRow):
    """Stand for a message of a stream that is longer than a row may be."""

    code = "row_too_large"
    detail: Mapping[str, Any] = {"limit": MAX_ROW_BYTES // 1024}


class FailedRow(BrokenRow):
    """Stand for a row over which the hub itself fails, whatever is in it."""

    code = "row_failed"


class MisfitRow(BrokenRow):
    """Stand for a row with more or fewer cells than the file has columns: which is which can't be told."""

    code = "row_width"


class _Sentence(msgspec.Struct, frozen=True):
    zh: str
    en: str


@cache
def sentences() -> dict[str, dict[str, _Sentence]]:
    """Read the sentences of all codes: `row` faults and `feed` errors."""
    path = Path(__file__).with_name("texts.toml")
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, dict[str, _Sentence]])


def failure(row: int, problem: Problem) -> Failure:
    """Put a problem of a row into words."""
    text, detail = _row_sentence(problem.code), problem.detail
    zh, en = (text.zh.format(**detail), text.en.format(**detail)) if detail else (text.zh, text.en)
    return Failure(row, printable(problem.path), problem.code, zh, en)


@cache
def _row_sentence(code: str) -> _Sentence:
    return sentences()["row"][code]


def feed_error(code: str, *, status: int = 422, **detail: Any) -> FeedError:
    """Make the error for an unreadable whole, in words."""
    text = sentences()["feed"][code]
    return FeedError(code, zh=text.zh.format(**detail), en=text.en.format(**detail), status=status)


def printable(name: str) -> str:
    """Return a sender's name fit to print: short, of one line, valid Unicode, without long figures."""
    return _printable(name) if len(name) <= _MAX_PATH else _printable.__wrapped__(name)


@lru_cache(maxsize=4096)
def _printable(name: str) -> str:
    clean = name.encode("utf-8", "replace").decode("utf-8")
    plain = unicodedata.normalize("NFKC", clean)
    if _FIGURES.search(plain):
        clean = _FIGURES.sub("*", plain)
    return "".join(c if c.isprintable() else "?" for c in clean[:_MAX_PATH])
