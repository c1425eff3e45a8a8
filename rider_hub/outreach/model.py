"""Activities and invitations as values: states, allowed moves, reasons in words; no query."""

from datetime import datetime
from enum import StrEnum

import msgspec

from rider_hub.errors import Conflict

__all__ = ["KINDS", "OPEN_STATES", "Activity", "Invitation", "State", "moved"]

#: Kinds of activities (16, 29, 30) as pages call them.
KINDS = {
    "three_meetings": "三会一课",
    "theme_day": "主题党日",
    "training": "培训",
    "volunteering": "志愿服务",
    "other": "其他",
}


class State(StrEnum):
    """How far an invitation has come."""

    SURFACED = "surfaced"
    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    ATTENDED = "attended"
    #: The activity began before anyone invited.
    LAPSED = "lapsed"
    #: The consent it rested on was withdrawn.
    CANCELLED = "cancelled"

    @property
    def title_zh(self) -> str:
        """The word on pages."""
        return _TITLES[self]


_TITLES = {
    State.SURFACED: "待邀请",
    State.INVITED: "已邀请",
    State.ACCEPTED: "愿意参加",
    State.DECLINED: "这次不参加",
    State.NO_ANSWER: "未答复",
    State.ATTENDED: "已参加",
    State.LAPSED: "已过期",
    State.CANCELLED: "已取消",
}
_MOVES = {
    State.SURFACED: {State.INVITED, State.LAPSED, State.CANCELLED},
    State.INVITED: {State.ACCEPTED, State.DECLINED, State.NO_ANSWER, State.ATTENDED, State.CANCELLED},
    State.ACCEPTED: {State.DECLINED, State.ATTENDED, State.CANCELLED},
    State.DECLINED: {State.ACCEPTED, State.CANCELLED},
    State.NO_ANSWER: {State.ATTENDED},
}
#: What a withdrawal ends.
OPEN_STATES = frozenset({State.SURFACED, State.INVITED, State.ACCEPTED, State.DECLINED})


class Activity(msgspec.Struct, frozen=True):
    """What riders are invited to."""

    id: str
    organization: str
    division: str
    title: str
    kind: str
    open_to_all: bool
    place: str | None
    starts_at: datetime
    ends_at: datetime


class Invitation(msgspec.Struct, frozen=True):
    """One rider and one activity, as it is sealed; nothing of it stands outside the envelope."""

    id: str
    rider_id: str
    activity: str
    #: The one organization named in the consent: it alone sees and sends.
    body: str
    #: The purpose and the line of the ledger that it rests on.
    purpose: str
    consent: str
    #: Codes of reasons; words are made when shown.
    reasons: tuple[str, ...]
    state: State
    surfaced_at: datetime
    invited_at: datetime | None = None
    #: The message that announces it, once it was put into the outbox.
    message: str | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None


def moved(invitation: Invitation, to: State, at: datetime) -> Invitation:
    """Return the invitation in another state; raises Conflict for a move there is not."""
    if to not in _MOVES.get(invitation.state, frozenset()):
        raise Conflict(
            f"这条邀请现在是“{invitation.state.title_zh}”，不能改为“{to.title_zh}”。",
            f"The invitation is {invitation.state.value} and can't become {to.value}.",
            code="invitation_state",
        )
    name = {State.INVITED: "invited_at", State.ACCEPTED: "answered_at", State.DECLINED: "answered_at"}
    return msgspec.structs.replace(invitation, state=to, **{name.get(to, "closed_at"): at})
