"""What the values of one column of a sample look like; nothing here knows what a column is called."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from connectors.identity import holds_id_number, is_mobile
from connectors.problems import LostDigits
from connectors.sources.values import FormError, split_point, to_standard

__all__ = ["FEW", "Kind", "Look", "look_at"]

Kind = Literal[
    "empty", "time", "day", "epoch_ms", "epoch_s", "phone", "id_number", "digest", "community", "lng", "lat",
    "point_lng_lat", "point_lat_lng", "integer", "number", "object", "text",
]  # fmt: skip

FEW: Final = 12
"""So many different values at most are a list of codes."""

_ZONE: Final = ZoneInfo("Asia/Shanghai")
_SHARE: Final = 0.9
_LONGEST_CODE: Final = 20
_CHINA_LNG: Final = (73.0, 136.0)
_CHINA_LAT: Final = (3.0, 54.0)
_COMMUNITY: Final = re.compile(r"[1-8]\d{11}", re.ASCII)
_DIGEST: Final = re.compile(r"(?:[0-9a-f]{8}:)?[0-9a-f]{64}")
_OFFSET: Final = re.compile(r"(?:[Zz]|[+-]\d{2}:?\d{2})\Z", re.ASCII)
_TIME: Final = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}[T ]+\d", re.ASCII)
_DAY: Final = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}", re.ASCII)
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)
# From 2000 to 2100, in seconds; so many milliseconds have three digits more.
_SECONDS: Final = (946_684_800, 4_102_444_800)
_MILLISECONDS: Final = (946_684_800_000, 4_102_444_800_000)
_NULLS: Final = ("\\N", "NULL", "null", "0000-00-00 00:00:00", "0000-00-00", "None", "nan", "NaN", "-", "--")


class Look(msgspec.Struct, frozen=True):
    """What was seen of a column: never a value, but for the few of a list of codes."""

    kind: Kind
    filled: int
    """How many rows have a value."""
    few: tuple[str, ...] = ()
    """The values, the commonest first, where there are few and short ones that no person is known by."""
    has_offset: bool = False
    """Whether times state their offset."""
    decimals: int = 0
    """The most decimals of a number, trailing zeros apart."""
    is_number: bool = False
    """Whether values came as numbers, not as text (JSON)."""
    nulls: tuple[str, ...] = ()
    """Texts met that usually stand for no value."""


def look_at(values: Sequence[Any]) -> Look:
    """Say what the values of a column look like, from its filled cells."""
    texts = [_text(value) for value in values]
    nulls = tuple(sorted({text for text in texts if text in _NULLS}))
    filled = [text for text in texts if text and text not in _NULLS]
    if not filled:
        return Look("empty", 0, nulls=nulls)
    if any(isinstance(value, list | dict) for value in values) and not _points(values):
        return Look("object", len(filled), nulls=nulls)
    kind = _kind(filled)
    return Look(
        kind,
        len(filled),
        few=_few(filled) if kind in {"integer", "text"} else (),
        has_offset=kind == "time" and _mostly(filled, lambda text: bool(_OFFSET.search(text))),
        decimals=max((_decimals(text) for text in filled), default=0) if kind in _NUMBERS else 0,
        is_number=any(isinstance(value, int | float) and not isinstance(value, bool) for value in values),
        nulls=nulls,
    )


def _text(value: Any) -> str:
    if value is None or isinstance(value, LostDigits):
        return ""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).strip()


def _points(values: Sequence[Any]) -> bool:
    return all(isinstance(value, list) for value in values if isinstance(value, list | dict))


def _mostly(texts: Sequence[str], test: Callable[[str], bool]) -> bool:
    return sum(map(test, texts)) >= _SHARE * len(texts)


def _kind(texts: Sequence[str]) -> Kind:
    return next((kind for kind, test in _TESTS if _mostly(texts, test)), "text")


def _is_time(text: str) -> bool:
    if not _TIME.match(text):
        return False
    try:
        to_standard(text, "local_time", _ZONE)
    except FormError:
        return False
    return True


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text.isascii() and "_" not in text else None
    except InvalidOperation:
        return None


def _within(text: str, bounds: tuple[float, float]) -> bool:
    number = _number(text)
    return number is not None and number.is_finite() and bounds[0] <= number <= bounds[1]


def _degrees(text: str, bounds: tuple[float, float]) -> bool:
    # Degrees have decimals; a count of riders has none.
    return "." in text and _within(text, bounds)


def _pair(text: str, first: tuple[float, float], second: tuple[float, float]) -> bool:
    try:
        a, b = split_point(text)
    except FormError:
        return False
    return _degrees(str(a), first) and _degrees(str(b), second)


def _decimals(text: str) -> int:
    number = _number(text)
    exponent = number.normalize().as_tuple().exponent if number is not None else 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _few(texts: Sequence[str]) -> tuple[str, ...]:
    counted = Counter(texts)
    # A list of codes repeats itself; a few short rows of names do not.
    if len(counted) > FEW or len(counted) * 2 > max(len(texts), 3):
        return ()
    if any(len(text) > _LONGEST_CODE for text in counted):
        return ()
    return tuple(text for text, _ in counted.most_common())


_NUMBERS: Final = frozenset({"lng", "lat", "number", "point_lng_lat", "point_lat_lng"})
_TESTS: Final[tuple[tuple[Kind, Callable[[str], bool]], ...]] = (
    ("id_number", holds_id_number),
    ("digest", lambda text: bool(_DIGEST.fullmatch(text))),
    ("community", lambda text: bool(_COMMUNITY.fullmatch(text))),
    ("phone", lambda text: is_mobile(text.removeprefix("+86").removesuffix(".0"))),
    ("time", _is_time),
    ("day", lambda text: bool(_DAY.fullmatch(text))),
    ("epoch_ms", lambda text: bool(_INTEGER.fullmatch(text)) and _within(text, _MILLISECONDS)),
    ("epoch_s", lambda text: bool(_INTEGER.fullmatch(text)) and _within(text, _SECONDS)),
    ("point_lng_lat", lambda text: _pair(text, _CHINA_LNG, _CHINA_LAT)),
    ("point_lat_lng", lambda text: _pair(text, _CHINA_LAT, _CHINA_LNG)),
    ("lng", lambda text: _degrees(text, _CHINA_LNG)),
    ("lat", lambda text: _degrees(text, _CHINA_LAT)),
    ("integer", lambda text: bool(_INTEGER.fullmatch(text))),
    ("number", lambda text: _number(text) is not None),
)
