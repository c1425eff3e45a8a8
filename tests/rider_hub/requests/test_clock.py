"""Due times count Chinese working days: holidays and weekends out, make-up days in."""

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rider_hub.clock import SHANGHAI
from rider_hub.parameters import parameter
from rider_hub.requests.clock import (
    due_of,
    is_working_day,
    last_known_day,
    soon_until,
    working_days_after,
)
from rider_hub.requests.model import Category

_INSTANTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    max_value=datetime(2030, 12, 31),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("filed", "due"),
    [
        # Monday morning → the Monday after.
        (datetime(2026, 11, 2, 9, 0, tzinfo=SHANGHAI), datetime(2026, 11, 9, 17, 30, tzinfo=SHANGHAI)),
        # One minute before midnight in China still is that day, though in UTC it is the afternoon.
        (datetime(2026, 11, 2, 23, 59, tzinfo=SHANGHAI), datetime(2026, 11, 9, 17, 30, tzinfo=SHANGHAI)),
        # Filed on a Saturday: Monday is the first working day.
        (datetime(2026, 11, 7, 12, 0, tzinfo=SHANGHAI), datetime(2026, 11, 13, 17, 30, tzinfo=SHANGHAI)),
        # Over the National Day week with its make-up days.
        (datetime(2025, 9, 30, 9, 0, tzinfo=SHANGHAI), datetime(2025, 10, 14, 17, 30, tzinfo=SHANGHAI)),
    ],
)
def test_five_working_days_end_with_the_offices_day(filed: datetime, due: datetime) -> None:
    """An answer is due at 17:30 in China on the fifth working day after the day of filing."""
    assert due_of(Category.ENTRY, filed).at == due


def test_pay_has_ten_working_days() -> None:
    """What a platform must be asked about is given more time."""
    filed = datetime(2026, 11, 2, 9, 0, tzinfo=SHANGHAI)
    assert due_of(Category.PAY, filed).at == datetime(2026, 11, 16, 17, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize("category", Category)
def test_every_category_has_a_figure_and_names_it(category: Category) -> None:
    """The figure, its version and its honest source stand in the parameters."""
    figure = parameter(f"requests.answer_within_{category.value}")
    assert figure.unit == "working days"
    assert "names no figure" in figure.source
    assert due_of(category, datetime(2026, 11, 2, tzinfo=UTC)).rule == figure.version


def test_a_make_up_day_is_a_working_day_and_a_holiday_is_not() -> None:
    """The State Council's plan wins over the week."""
    assert is_working_day(date(2025, 10, 11))
    assert not is_working_day(date(2025, 10, 1))


def test_beyond_the_published_years_only_weekends_count_and_it_is_said() -> None:
    """A due time in a year whose holidays are unknown is marked as not sure, one day before it is sure."""
    last = last_known_day()
    assert chinese_calendar.is_workday(last) in {True, False}
    beyond = last + timedelta(days=370)
    assert is_working_day(beyond) == (beyond.weekday() < 5)
    noon = datetime(last.year, 12, 31, 12, tzinfo=SHANGHAI)
    assert not due_of(Category.ENTRY, noon).sure
    assert due_of(Category.ENTRY, noon - timedelta(days=30)).sure


@given(_INSTANTS, st.sampled_from(Category))
def test_a_due_time_lies_on_a_working_day_with_exactly_n_between(filed: datetime, category: Category) -> None:
    """Between filing and due time lie as many working days as the figure says, for any instant."""
    due = due_of(category, filed)
    local = due.at.astimezone(SHANGHAI)
    assert (local.hour, local.minute) == (17, 30)
    assert is_working_day(local.date())
    day, count = filed.astimezone(SHANGHAI).date(), 0
    while day < local.date():
        day += timedelta(days=1)
        count += is_working_day(day)
    assert count == parameter(f"requests.answer_within_{category.value}").value


@given(_INSTANTS, st.integers(min_value=0, max_value=60 * 24 * 40))
def test_who_files_later_is_due_later_or_at_the_same_time(filed: datetime, minutes: int) -> None:
    """The order of filing is the order of due times."""
    assert due_of(Category.ENTRY, filed).at <= due_of(Category.ENTRY, filed + timedelta(minutes=minutes)).at


@given(st.dates(date(2024, 1, 1), date(2028, 1, 1)), st.integers(0, 8), st.integers(0, 8))
def test_working_days_add_up(day: date, first: int, second: int) -> None:
    """Counting on from a counted day is counting the sum."""
    on = working_days_after(working_days_after(day, first), second)
    assert on == working_days_after(day, first + second)


@given(_INSTANTS)
def test_soon_is_the_end_of_the_next_working_day(now: datetime) -> None:
    """What is due today or by the end of the next working day is soon due."""
    soon = soon_until(now)
    assert soon > now
    assert soon.astimezone(SHANGHAI).date() == working_days_after(now.astimezone(SHANGHAI).date(), 1)
