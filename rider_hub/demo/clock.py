"""A clock the demo may set back, so that its history has real distances in time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["DemoClock"]


@dataclass
class DemoClock:
    """The machine's clock, shifted while the demo plays what happened before today."""

    shift: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the present of the story."""
        return datetime.now(UTC) + self.shift

    def set_back(self, hours: float) -> None:
        """Go to so many hours before the present."""
        self.shift = -timedelta(hours=hours)
