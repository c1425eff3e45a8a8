"""Time enters the hub here and nowhere else, so a test can hold it still."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

__all__ = ["SHANGHAI", "Clock", "FixedClock", "SystemClock", "check_aware", "local_date"]

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that moves only when told to."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 2, 1, 0, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self.at

    def advance(self, **kwargs: float) -> None:
        """Move forward by the arguments of a timedelta."""
        self.at += timedelta(**kwargs)


def check_aware(value: datetime) -> datetime:
    """Return the datetime in UTC; a naive one raises ValueError, since its zone would be a guess."""
    if value.tzinfo is None:
        msg = "a datetime without a zone: give it one (for example +08:00)"
        raise ValueError(msg)
    return value.astimezone(UTC)


def local_date(value: datetime) -> date:
    """Return the calendar date of an instant in China."""
    return check_aware(value).astimezone(SHANGHAI).date()
