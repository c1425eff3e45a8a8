"""Tests of opening hours."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.clock import SHANGHAI
from rider_hub.lovestations.hours import describe, is_open, parse

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
#: A Monday in Shanghai.
MONDAY = datetime(2026, 11, 2, tzinfo=SHANGHAI)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of the week, days counted from Monday."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("hours", "moment", "answer"),
    [
        ("24/7", at(3, 3), True),
        ("Mo-Su 08:00-20:00", at(6, 8), True),
        ("Mo-Su 08:00-20:00", at(6, 7, 59), False),
        ("Mo-Su 08:00-20:00", at(6, 20), False),
        ("Mo-Su 08:00-20:00", at(6, 19, 59), True),
        ("Mo-Fr 09:00-18:00; Sa 10:00-14:00", at(5, 13), True),
        ("Mo-Fr 09:00-18:00; Sa 10:00-14:00", at(5, 9), False),
        ("Mo-Fr 09:00-18:00; Sa 10:00-14:00", at(6, 12), False),
        ("Fr-Mo 09:00-18:00", at(0, 12), True),
        ("Fr-Mo 09:00-18:00", at(2, 12), False),
        ("Mo,We 09:00-18:00", at(2, 12), True),
        ("08:00-12:00,13:00-20:00", at(1, 12, 30), False),
        ("08:00-12:00, 13:00-20:00", at(1, 13), True),
        ("22:00-06:00", at(1, 5, 59), True),
        ("22:00-06:00", at(1, 6), False),
        ("Su 22:00-06:00", at(0, 1), True),
        ("Su 22:00-06:00", at(6, 1), False),
        ("00:00-24:00", at(6, 23, 59), True),
        ("Mo-Su 08:00-20:00; Su off", at(6, 12), False),
        ("off", at(0, 12), False),
        ("Mo-Su 08：00-20：00；", at(0, 12), True),
        ("mo-su 8:00-20:00", at(0, 8), True),
        ("", at(0, 12), None),
        ("Mo-Fr", at(0, 12), None),
        ("PH off", at(0, 12), None),
        ("Mo-Xx 08:00-20:00", at(0, 12), None),
        ("08:00-08:00", at(0, 12), None),
        ("08:70-20:00", at(0, 12), None),
        ("08:00-25:00", at(0, 12), None),
        ("周一至周五 9:00-18:00", at(0, 12), None),
        ("Mo-Fr 09:00-18:00;;", at(0, 12), None),
    ],
)
def test_hours_are_read_as_written(hours: str, moment: datetime, answer: bool | None) -> None:
    """Each form answers open, closed, or that one can't tell; the first minute counts, the last does not."""
    assert is_open(hours, moment) is answer


def test_time_is_chinese_time() -> None:
    """A moment in UTC is looked up by the clock on a wall in China; a naive one is refused."""
    assert is_open("08:00-09:00", datetime(2026, 11, 2, 0, 30, tzinfo=UTC)) is True
    with pytest.raises(ValueError, match="zone"):
        is_open("24/7", datetime(2026, 11, 2, 0, 30))  # noqa: DTZ001 - what is refused


@given(
    st.lists(
        st.tuples(st.sampled_from(DAYS), st.integers(0, 23), st.integers(0, 23)), min_size=1, max_size=7
    ),
    st.integers(0, 7 * 24 * 60 - 1),
)
def test_readable_hours_agree_with_a_slow_reading(rules: list[tuple[str, int, int]], minute: int) -> None:
    """The answer equals that of spelling out every minute of the week."""
    spans: dict[str, tuple[int, int]] = {}
    for day, start, end in rules:
        spans[day] = (start, end if end > start else end + 24)
    text = "; ".join(f"{day} {start:02d}:30-{end % 24:02d}:00" for day, (start, end) in spans.items())
    if any(f"{start:02d}:30" == f"{end % 24:02d}:00" for start, end in spans.values()):
        return
    open_minutes = set()
    for day, (start, end) in spans.items():
        first = DAYS.index(day) * 1440
        stop = end * 60 if end * 60 > start * 60 + 30 else end * 60 + 1440
        open_minutes.update(m % (7 * 1440) for m in range(first + start * 60 + 30, first + stop))
    assert is_open(text, MONDAY + timedelta(minutes=minute)) is (minute in open_minutes)


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    """No text raises; what can't be read is None, and says so in words."""
    week = parse(text)
    assert (is_open(text, MONDAY) is None) == (week is None)
    assert describe(text)


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ("24/7", "全天"),
        ("Mo-Su 08:00-20:00", "每天 08:00-20:00"),
        ("Mo-Fr 09:00-18:00; Sa 10:00-14:00", "周一至周五 09:00-18:00；周六 10:00-14:00；周日 不开放"),
        ("22:00-06:00", "每天 22:00-次日06:00"),
        ("", "未登记"),
        ("看门口告示", "看门口告示"),
    ],
)
def test_hours_are_told_in_chinese(hours: str, words: str) -> None:
    """Hours are shown in words; what can't be read is shown as it stands."""
    assert describe(hours) == words
