"""What a run of a scheduled job is."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """One claimed slot; `fence` grows with each take-over, so that a zombie's late writes are refused."""

    id: str
    job: str
    due_at: datetime
    fence: int
