"""Values of love stations and what can be said of them at a moment; no query."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from rider_hub.clock import local_date
from rider_hub.lovestations.hours import is_open
from rider_hub.parameters import parameter

__all__ = ["LoveStation", "LoveStations", "Nearby", "OpenState", "state_at"]


class OpenState(StrEnum):
    """What can honestly be said of a love station at a moment."""

    OPEN = "open"
    CLOSED = "closed"
    #: The hours can't be read.
    UNKNOWN = "unknown"
    #: Nobody verified the entry for too long (or ever), so it is never called open.
    UNVERIFIED = "unverified"

    @property
    def title_zh(self) -> str:
        """The state's word on pages."""
        return {"open": "开放中", "closed": "已关门", "unknown": "时间不明", "unverified": "待核实"}[
            self.value
        ]


class LoveStation(msgspec.Struct, frozen=True):
    """A rest and service point; lng/lat are WGS 84."""

    code: str
    name: str
    address: str | None
    division: str
    lng: float
    lat: float
    services: tuple[str, ...]
    opening_hours: str
    capacity: int | None
    verified_on: date | None


@dataclass(frozen=True)
class LoveStations:
    """Love stations ordered by code, with the columns a nearest index is built on."""

    codes: list[str]
    lng: NDArray[np.float64]
    lat: NDArray[np.float64]
    rows: list[LoveStation]


@dataclass(frozen=True)
class Nearby:
    """A love station near a point, its metres on the ellipsoid and its state at the moment asked."""

    station: LoveStation
    metres: float
    state: OpenState


def state_at(station: LoveStation, at: datetime) -> OpenState:
    """Return what can be said of a love station at a moment; closed hours say closed even when unverified."""
    open_now = is_open(station.opening_hours, at)
    if open_now is False:
        return OpenState.CLOSED
    limit = parameter("lovestations.unverified_after").value
    verified = station.verified_on
    if verified is None or (local_date(at) - verified).days > limit:
        return OpenState.UNVERIFIED
    return OpenState.UNKNOWN if open_now is None else OpenState.OPEN
