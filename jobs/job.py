"""What a job is: name, title, when it is due, what it runs, and its counts in words."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from rider_hub.access import Hub
from rider_hub.clock import SHANGHAI
from rider_hub.runs.model import Run

__all__ = ["Daily", "Every", "Job"]

_EPOCH = datetime(2020, 1, 1, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class Every:
    """Due each so many seconds, counted from a fixed instant."""

    seconds: int

    def slot(self, now: datetime) -> datetime:
        """Return the newest due time not after now; every process names a slot alike."""
        period = timedelta(seconds=self.seconds)
        return _EPOCH + (now - _EPOCH) // period * period

    def trigger(self) -> BaseTrigger:
        """Return the trigger of the in-memory clock."""
        return IntervalTrigger(seconds=self.seconds, timezone=SHANGHAI)

    @property
    def words(self) -> str:
        """When it is due, in words."""
        return f"每 {self.seconds} 秒" if self.seconds < 60 else f"每 {self.seconds // 60} 分钟"  # noqa: PLR2004 - a minute


@dataclass(frozen=True)
class Daily:
    """Due once a day at a local time in China."""

    hour: int
    minute: int = 0

    def slot(self, now: datetime) -> datetime:
        """Return the newest due time not after now."""
        local = now.astimezone(SHANGHAI)
        today = local.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        return today if today <= local else today - timedelta(days=1)

    def trigger(self) -> BaseTrigger:
        """Return the trigger of the in-memory clock."""
        return CronTrigger(hour=self.hour, minute=self.minute, timezone=SHANGHAI)

    @property
    def words(self) -> str:
        """When it is due, in words."""
        return f"每天 {self.hour:02d}:{self.minute:02d}"


@dataclass(frozen=True)
class Job:
    """One scheduled job."""

    name: str
    title: str
    purpose: str
    due: Every | Daily
    run: Callable[[Hub, Run], Awaitable[Mapping[str, int]]]
    #: Count → its name on pages.
    counted: Mapping[str, str] = field(default_factory=dict)
    #: Counts of what nobody sees row by row, such as invitations: pages suppress them while they are small.
    withheld: Collection[str] = ()
