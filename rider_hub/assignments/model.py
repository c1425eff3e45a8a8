"""What matching finds for a rider, and the states of a match run."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from rider_hub.errors import Conflict

__all__ = ["Assignment", "Change", "ChangeKind", "NearStation", "RunState", "moved_to"]


class NearStation(msgspec.Struct, frozen=True):
    """A love station and its distance in metres on the ellipsoid."""

    code: str
    metres: float


class Assignment(msgspec.Struct, frozen=True):
    """One rider's match: who covers the place, which love stations are near, and why.

    Assignments are of the same kinds for every rider and are made from places alone; whether somebody
    declared a membership is neither known nor asked here.
    """

    rider_id: str
    #: The finest division found: community (12 digits), street (9) or county (6).
    division: str
    community: str | None = None
    street: str | None = None
    station: str | None = None
    station_branch: str | None = None
    community_branch: str | None = None
    instructor: str | None = None
    love_stations: tuple[NearStation, ...] = ()
    #: Reason code of each part: place, station_branch, community_branch, instructor, love_stations.
    reasons: dict[str, str] = {}
    #: The reason code that leaves something open, None where nothing is.
    unresolved: str | None = None

    def says_the_same(self, other: "Assignment") -> bool:
        """Say whether two assignments differ in nothing but metres."""
        return _without_metres(self) == _without_metres(other)


def _without_metres(assignment: Assignment) -> Assignment:
    stations = tuple(NearStation(near.code, 0.0) for near in assignment.love_stations)
    return msgspec.structs.replace(assignment, love_stations=stations)


class ChangeKind(StrEnum):
    """What a run would do to one rider's assignment; unchanged riders are counted, not staged."""

    NEW = "new"
    MOVED = "moved"
    LOST = "lost"
    UNCHANGED = "unchanged"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Change:
    """The difference a run makes for one rider."""

    rider_id: str
    kind: ChangeKind
    before: Assignment | None
    after: Assignment | None
    #: Version of the rider's assignment the run saw; 0 where there was none.
    base_version: int


class RunState(StrEnum):
    """Where a match run stands."""

    PREVIEWED = "previewed"
    APPROVED = "approved"
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"
    DISCARDED = "discarded"


_MOVES = {
    RunState.PREVIEWED: {RunState.APPROVED, RunState.DISCARDED},
    RunState.APPROVED: {RunState.APPLIED, RunState.DISCARDED},
    RunState.APPLIED: {RunState.ROLLED_BACK},
}
_TITLES = {
    RunState.PREVIEWED: "待审批",
    RunState.APPROVED: "待生效",
    RunState.APPLIED: "已生效",
    RunState.ROLLED_BACK: "已回退",
    RunState.DISCARDED: "已作废",
}


def moved_to(state: str, target: RunState) -> RunState:
    """Return the target state; raises Conflict where a run in `state` can't move there."""
    if target not in _MOVES.get(RunState(state), set()):
        raise Conflict(
            f"该匹配任务当前为“{_TITLES[RunState(state)]}”，不能改为“{_TITLES[target]}”。请刷新页面查看最新状态。",
            f"The match run is {state}; it can't become {target}. Reload to see where it stands.",
            code="run_state",
        )
    return target
