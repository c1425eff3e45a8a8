"""Due times in Chinese working time: whole working days, ending with the office's day; pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import chinese_calendar

from rider_hub.clock import SHANGHAI, check_aware, local_date
from rider_hub.parameters import parameter
from rider_hub.requests.model import Category

__all__ = [
    "Due",
    "due_of",
    "end_of_day",
    "is_working_day",
    "last_known_day",
    "soon_until",
    "working_days_after",
]

#: An office's day ends at 17:30 in China; a request due on a day may be answered until then.
_DAY_ENDS: Final = time(17, 30)
_SATURDAY = 5


@dataclass(frozen=True)
class Due:
    """When an answer is due, by which figure, and whether the holidays up to then are published."""

    at: datetime
    rule: str
    sure: bool


def due_of(category: Category, filed_at: datetime) -> Due:
    """Return when a request of this category is due: the N-th working day after the day it was filed."""
    figure = parameter(f"requests.answer_within_{category.value}")
    day = working_days_after(local_date(filed_at), int(figure.value))
    return Due(end_of_day(day), figure.version, sure=day <= last_known_day())


def soon_until(now: datetime) -> datetime:
    """Return the time up to which a due time counts as soon: the end of the next working day."""
    return end_of_day(working_days_after(local_date(now), int(parameter("requests.soon_before").value)))


def working_days_after(day: date, count: int) -> date:
    """Return the working day that is the count-th after a day; the day itself is never counted."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day


def is_working_day(day: date) -> bool:
    """Say whether offices work on a day: by the published holidays and make-up days, else by the week.

    The State Council publishes a year's holidays in the autumn before; of a year the calendar does not know
    yet only weekends are left out, and whoever shows the result says so (`Due.sure`).
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < _SATURDAY


def last_known_day() -> date:
    """Return the last day of the years whose holidays the calendar knows."""
    return date(max(each.year for each in chinese_calendar.holidays), 12, 31)


def end_of_day(day: date) -> datetime:
    """Return when an office's day ends."""
    return check_aware(datetime.combine(day, _DAY_ENDS, tzinfo=SHANGHAI))
