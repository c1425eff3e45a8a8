"""Failures of visitors: so many rows a minute, the rest counted, so that a flood can't fill the trail."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter

__all__ = ["STRANGERS", "Strangers"]

STRANGERS = Counter(
    "rider_hub_strangers_turned_away_total",
    "Visitors who were refused, or failed beyond the rows a minute the audit trail takes of them.",
    ["outcome"],
)
_WINDOW = timedelta(minutes=1)


@dataclass
class Strangers:
    """Admits so many rows a minute in this process; what was left out is told by the next one."""

    a_minute: int = 60
    _since: datetime | None = None
    _admitted: int = 0
    _left_out: int = 0

    def admits(self, now: datetime) -> bool:
        """Say whether one more failure gets a row of its own."""
        if self._since is None or not self._since <= now < self._since + _WINDOW:
            self._since, self._admitted = now, 0
        if self._admitted >= self.a_minute:
            self._left_out += 1
            return False
        self._admitted += 1
        return True

    def left_out(self) -> int:
        """Return how many got none since this was asked last."""
        left, self._left_out = self._left_out, 0
        return left
