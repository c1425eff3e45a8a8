"""What a second person is asked for, and the states it goes through; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rider_hub.access.scope import Scope

__all__ = ["DECIDES", "Approval", "Kind", "State"]


class Kind(StrEnum):
    """What is asked for."""

    EXPORT = "export"
    EMERGENCY = "break_glass"

    @property
    def title_zh(self) -> str:
        """The name on pages."""
        return {"export": "导出", "break_glass": "紧急访问"}[self.value]


class State(StrEnum):
    """Where it stands: asked → approved | rejected | expired | ended; approved → used | expired | ended."""

    ASKED = "asked"
    APPROVED = "approved"
    REJECTED = "rejected"
    #: Nobody answered in time, or the time of the approval is over.
    EXPIRED = "expired"
    #: Every use was taken.
    USED = "used"
    #: Withdrawn by the asker, or ended early by either.
    ENDED = "ended"


#: Kind → the operation whose holders may say yes or no.
DECIDES: Mapping[Kind, str] = {Kind.EXPORT: "exports.approve", Kind.EMERGENCY: "emergency.approve"}
_PREFIX = {Kind.EXPORT: "DC", Kind.EMERGENCY: "JJ"}
_OPEN = frozenset({State.ASKED, State.APPROVED})


@dataclass(frozen=True)
class Approval:
    """One ask with all that was said and done about it, its state as of the moment it was read."""

    id: str
    kind: Kind
    state: State
    asked_by: str
    asked_person: bytes | None
    asked_at: datetime
    scope: Scope
    purpose: str
    #: What exactly is asked for, by kind.
    details: Mapping[str, Any]
    lapses_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str
    uses: int
    max_uses: int
    ended_by: str | None
    ended_at: datetime | None

    @property
    def number(self) -> str:
        """The number on pages, watermarks and in the audit trail."""
        return self.number_of(self.kind, self.id)

    @property
    def is_open(self) -> bool:
        """Whether something can still become of it."""
        return self.state in _OPEN

    @staticmethod
    def number_of(kind: Kind, approval_id: str) -> str:
        """Return the number of an ask by its id."""
        return f"{_PREFIX[kind]}-{approval_id[:10].upper()}"

    @staticmethod
    def state_of(stored: str, lapses_at: datetime, now: datetime) -> State:
        """Return the state as of a moment: time ends an ask or an approval without anybody writing it."""
        state = State(stored)
        return State.EXPIRED if state in _OPEN and lapses_at <= now else state
