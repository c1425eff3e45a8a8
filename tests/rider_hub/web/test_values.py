"""Values as pages show them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.web.values import EMPTY, Link, State, Tone, ago, day, minute, number, own_path, state_of

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


def test_times_are_written_in_shanghai() -> None:
    """An instant in UTC is shown eight hours later, a late evening's date is the next day's."""
    assert minute(NOW) == "2026-11-23 09:30"
    assert day(datetime(2026, 11, 22, 17, 0, tzinfo=UTC)) == "2026-11-23"
    assert day(date(2026, 11, 22)) == "2026-11-22"


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive datetime is no instant."""
    with pytest.raises(ValueError, match="zone"):
        minute(datetime(2026, 11, 23, 9, 30))  # noqa: DTZ001 - the fault under test


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(seconds=59), "刚刚"),
        (timedelta(seconds=60), "1 分钟前"),
        (timedelta(minutes=59, seconds=59), "59 分钟前"),
        (timedelta(hours=1), "1 小时前"),
        (timedelta(hours=23, minutes=59), "23 小时前"),
        (timedelta(days=1), "1 天前"),
        (timedelta(days=400), "1 年前"),
        (timedelta(days=-2), "2 天后"),
        (timedelta(seconds=-30), "马上"),
    ],
)
def test_relative_times_change_unit_at_the_full_one(distance: timedelta, words: str) -> None:
    """Each side of a unit's border is told in the right unit."""
    assert ago(NOW - distance, NOW) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (1234, "1,234"), (-1234.5, "-1,234.5"), (12.0, "12"), (0.126, "0.13"), (float("nan"), EMPTY)],
)
def test_numbers_have_separators_and_two_decimals_at_most(value: float, words: str) -> None:
    """Numbers are read at a glance; what is none shows as nothing."""
    assert number(value) == words


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//elsewhere.example", "/\\elsewhere", "https://elsewhere.example", "", "/a\nb"],
)
def test_links_lead_only_into_the_hub(url: str) -> None:
    """An address that leads out or runs a script is refused where the link is made."""
    with pytest.raises(ValueError, match="one slash"):
        Link("前往", url)


@given(st.text())
def test_a_path_that_passes_stays_on_the_hub(url: str) -> None:
    """Whatever passes begins with exactly one slash."""
    try:
        kept = own_path(url)
    except ValueError:
        return
    assert kept.startswith("/")
    assert not kept.startswith(("//", "/\\"))


def test_states_are_known_by_word_by_code_or_as_given() -> None:
    """The six common words have their tones; a code is looked up; anything else is plain."""
    codes = {"open": State("待办", Tone.TODO)}
    assert state_of("已超期") == State("已超期", Tone.OVERDUE)
    assert state_of("open", codes) == State("待办", Tone.TODO)
    assert state_of(State("暂停", Tone.WITHDRAWN)) == State("暂停", Tone.WITHDRAWN)
    assert state_of("其他") == State("其他", Tone.PLAIN)
