"""Values of riders and registrations: states, versions, snapshots, links and their moves; no query."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

import msgspec

__all__ = [
    "EMPLOYMENT_TITLES",
    "WAITING_FOR_STATION",
    "Identity",
    "LinkState",
    "Outcome",
    "OutcomeKind",
    "RegistrationSnapshot",
    "RegistrationState",
    "RiderSnapshot",
    "Version",
    "may_become",
]

#: The hold of a registration whose station no feed has named yet; it ends when the station comes.
WAITING_FOR_STATION: Final = "waiting_for_station"

EMPLOYMENT_TITLES: Final = {"dedicated": "专送", "crowdsourced": "众包"}


class RegistrationState(StrEnum):
    """What a registration is; the last two are tombstones, which keep their version."""

    ACTIVE = "active"
    LEFT = "left"
    RETRACTED = "retracted"

    @property
    def title_zh(self) -> str:
        """The state's name on pages."""
        return {"active": "在册", "left": "已离开", "retracted": "已撤销"}[self]

    @classmethod
    def of_op(cls, op: str) -> "RegistrationState":
        """Return the state that a record's operation leads to."""
        return {"upsert": cls.ACTIVE, "leave": cls.LEFT, "retract": cls.RETRACTED}[op]


@dataclass(frozen=True, order=True)
class Version:
    """The version of a key (platform, platform_rider_ref); of any set of versions the greatest wins.

    The order is total, so the state after any order and repetition of records is the same. `digest` is the
    keyed hash of the canonical content: a bare hash of personal data is personal data.
    """

    at: datetime
    record_id: str
    digest: bytes

    def conflicts_with(self, other: "Version") -> bool:
        """Say whether both claim the same time and record but hold other content."""
        return (self.at, self.record_id) == (other.at, other.record_id) and self.digest != other.digest


OutcomeKind = Literal["accepted", "unchanged", "waiting", "not_stored"]


@dataclass(frozen=True)
class Outcome:
    """What became of one record: how the receipt counts it, and a warning's code where there is one."""

    row: int
    kind: OutcomeKind
    warning: str | None = None


class RegistrationSnapshot(msgspec.Struct, frozen=True):
    """A registration as matching sees it: no name, no phone, points in WGS 84."""

    platform: str
    employment: str | None
    station_ref: str | None
    area_community: str | None
    area_lng: float | None
    area_lat: float | None
    effective_at: datetime
    hold: str | None = None


class RiderSnapshot(msgspec.Struct, frozen=True):
    """An active rider as matching sees them; registrations are ordered by platform and reference."""

    rider_id: str
    chosen_community: str | None
    registrations: tuple[RegistrationSnapshot, ...]


class Identity(msgspec.Struct, frozen=True):
    """A rider's name and phone as last sent; either may be missing (tier A sends neither)."""

    name: str | None = None
    phone: str | None = None


class LinkState(StrEnum):
    """Where a link between two registrations stands; every change of it is an event that can be undone."""

    LINKED = "linked"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    UNDONE = "undone"

    @property
    def title_zh(self) -> str:
        """The state's name on pages."""
        return {
            "linked": "自动关联",
            "proposed": "待核对",
            "confirmed": "已确认",
            "rejected": "不是同一人",
            "undone": "已解除",
        }[self]


#: Moves a person may make; the hub itself links, proposes and undoes as the evidence comes and goes.
_MOVES: Final = {
    (LinkState.PROPOSED, LinkState.CONFIRMED),
    (LinkState.PROPOSED, LinkState.REJECTED),
    (LinkState.LINKED, LinkState.UNDONE),
    (LinkState.CONFIRMED, LinkState.UNDONE),
}


def may_become(state: LinkState, wanted: LinkState) -> bool:
    """Say whether a person may move a link from one state to another."""
    return (state, wanted) in _MOVES
