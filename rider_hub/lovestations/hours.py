"""Reads opening hours written as in OpenStreetMap (a subset) and tells whether they include a moment."""

import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import Final

from rider_hub.clock import SHANGHAI, check_aware

__all__ = ["Week", "describe", "is_open", "parse"]

_DAY_MINUTES: Final = 24 * 60
_DAYS: Final = {name: at for at, name in enumerate(("mo", "tu", "we", "th", "fr", "sa", "su"))}
_DAY_WORDS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_EVERY_DAY: Final = frozenset(range(7))
_SPAN: Final = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_DAY_RANGE: Final = re.compile(r"([a-z]{2})(?:-([a-z]{2}))?")
_RULE: Final = re.compile(r"(?:(?P<days>[a-z]{2}(?:[-,][a-z]{2})*)\s*)?(?P<times>off|closed|[\d:,\s-]+)?")

#: For each day from Monday: spans of minutes after that midnight; one over midnight ends after 1,440.
Week = tuple[tuple[tuple[int, int], ...], ...]


def is_open(opening_hours: str, at: datetime) -> bool | None:
    """Say whether a place with these hours is open at a moment, in Chinese time; None where one can't tell.

    A span holds its first minute and not its last. Naive moments raise ValueError.
    """
    local = check_aware(at).astimezone(SHANGHAI)
    week = parse(opening_hours)
    if week is None:
        return None
    minute = local.hour * 60 + local.minute
    today, yesterday = week[local.weekday()], week[local.weekday() - 1]
    return any(start <= minute < end for start, end in today) or any(
        start <= minute + _DAY_MINUTES < end for start, end in yesterday
    )


def describe(opening_hours: str) -> str:
    """Return the hours in Chinese; what can't be read is given back as it stands."""
    week = parse(opening_hours)
    if week is None:
        return opening_hours.strip() or "未登记"
    if all(spans == ((0, _DAY_MINUTES),) for spans in week):
        return "全天"
    parts = []
    first = 0
    for day in range(1, 8):
        if day == len(week) or week[day] != week[first]:
            parts.append(f"{_days_zh(first, day - 1)} {_spans_zh(week[first])}")
            first = day
    return "；".join(parts)


@lru_cache(maxsize=4096)
def parse(opening_hours: str) -> Week | None:
    """Return the spans of each day, None where the text is empty or says more than this subset.

    Understood: `24/7`; rules like `Mo-Fr 09:00-18:00` or `08:00-12:00,13:00-20:00`, joined by `;`, a later
    one replacing an earlier one on its days; `off`; a span that ends before it begins runs over midnight.
    """
    text = unicodedata.normalize("NFKC", opening_hours).strip().lower()
    if text == "24/7":
        return (((0, _DAY_MINUTES),),) * 7
    week: list[tuple[tuple[int, int], ...]] = [()] * 7
    rules = [part.strip() for part in text.split(";")]
    if rules[-1] == "":
        rules.pop()
    for part in rules:
        found = _rule(part)
        if found is None:
            return None
        for day in found[0]:
            week[day] = found[1]
    return tuple(week) if rules else None


def _rule(text: str) -> tuple[frozenset[int], tuple[tuple[int, int], ...]] | None:
    match = _RULE.fullmatch(text)
    # Days alone mean "all day" in the full grammar; in registries they mean "hours not filled in".
    if match is None or match["times"] is None or not match["times"].strip():
        return None
    days = _days(match["days"]) if match["days"] else _EVERY_DAY
    times = match["times"].strip()
    spans = () if times in {"off", "closed"} else _spans(times)
    return None if days is None or spans is None else (days, spans)


def _days(text: str) -> frozenset[int] | None:
    found: set[int] = set()
    for part in text.split(","):
        match = _DAY_RANGE.fullmatch(part)
        if match is None or match[1] not in _DAYS or (match[2] or match[1]) not in _DAYS:
            return None
        first, last = _DAYS[match[1]], _DAYS[match[2] or match[1]]
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return frozenset(found)


def _spans(text: str) -> tuple[tuple[int, int], ...] | None:
    found = []
    for part in text.split(","):
        match = _SPAN.fullmatch(re.sub(r"\s", "", part))
        if match is None:
            return None
        start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        if int(match[2]) > 59 or int(match[4]) > 59 or start == end:  # noqa: PLR2004 - minutes of an hour
            return None
        if start >= _DAY_MINUTES or end > _DAY_MINUTES:
            return None
        found.append((start, end if end > start else end + _DAY_MINUTES))
    return tuple(sorted(found))


def _days_zh(first: int, last: int) -> str:
    if (first, last) == (0, 6):
        return "每天"
    return _DAY_WORDS[first] if first == last else f"{_DAY_WORDS[first]}至{_DAY_WORDS[last]}"


def _spans_zh(spans: tuple[tuple[int, int], ...]) -> str:
    if not spans:
        return "不开放"
    return "、".join(
        f"{_clock(start)}-{'次日' if end > _DAY_MINUTES else ''}{_clock(end)}" for start, end in spans
    )


def _clock(minutes: int) -> str:
    if minutes > _DAY_MINUTES:
        minutes -= _DAY_MINUTES
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
