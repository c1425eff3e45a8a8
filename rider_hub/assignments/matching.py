"""The match itself: from riders, organizations and love stations to one assignment a rider; pure."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geo.matching import Executor
from geo.nearest import NearestIndex
from rider_hub.assignments.model import Assignment, Change, ChangeKind, NearStation
from rider_hub.assignments.places import Place, Places
from rider_hub.lovestations.model import LoveStations
from rider_hub.organizations.model import Network, Organization
from rider_hub.parameters import parameter
from rider_hub.riders.store import RiderSnapshot

__all__ = ["PART", "Current", "difference", "match_all"]

#: Riders a part.
PART = 20_000
#: How many times k love stations are looked at for each place.
_CANDIDATES = 8


@dataclass(frozen=True)
class Current:
    """The assignment a rider has now, and its version."""

    assignment: Assignment | None
    version: int


def match_all(
    county: str,
    riders: Sequence[RiderSnapshot],
    *,
    places: Places,
    network: Network,
    love_stations: LoveStations,
    current: Mapping[str, Current],
    executor: Executor | None = None,
    part: int = PART,
) -> list[Assignment]:
    """Return the assignment of every rider, in the riders' order (articles 10, 12, 27-29).

    An executor works on parts of so many riders, here or on other machines (docs/scaling.md); the answer is
    the same.
    """
    if executor is None:
        return _matched(
            county,
            riders,
            places=places,
            network=network,
            love_stations=love_stations,
            current=current,
        )
    shares = [riders[start : start + part] for start in range(0, len(riders), part)]
    had = [{r.rider_id: current[r.rider_id] for r in share if r.rider_id in current} for share in shares]
    packed = pickle.dumps((county, places, network, love_stations))
    parts = executor.map(_match_part, [packed] * len(shares), shares, had)
    return [assignment for share in parts for assignment in share]


def _match_part(
    packed: bytes, riders: Sequence[RiderSnapshot], current: Mapping[str, Current]
) -> list[Assignment]:
    """Match one part of the riders, in whatever process."""
    county, places, network, love_stations = pickle.loads(packed)  # noqa: S301 - made by match_all above
    return _matched(
        county, riders, places=places, network=network, love_stations=love_stations, current=current
    )


def _matched(
    county: str,
    riders: Sequence[RiderSnapshot],
    *,
    places: Places,
    network: Network,
    love_stations: LoveStations,
    current: Mapping[str, Current],
) -> list[Assignment]:
    found = places.of(riders)
    near = _love_stations(found, love_stations, [_previous(current, rider.rider_id) for rider in riders])
    return [
        _assignment(county, rider.rider_id, place, network, stations)
        for rider, place, stations in zip(riders, found, near, strict=True)
    ]


def difference(found: Sequence[Assignment], current: Mapping[str, Current]) -> list[Change]:
    """Return what applying `found` would change, by rider id; riders no longer found are lost."""
    changes = [_change(assignment, current.get(assignment.rider_id)) for assignment in found]
    seen = {assignment.rider_id for assignment in found}
    changes += [
        Change(rider_id, ChangeKind.LOST, now.assignment, None, now.version)
        for rider_id, now in current.items()
        if now.assignment is not None and rider_id not in seen
    ]
    return sorted(changes, key=lambda change: change.rider_id)


def _change(after: Assignment, now: Current | None) -> Change:
    before = now.assignment if now else None
    if before is not None and before.says_the_same(after):
        kind = ChangeKind.UNCHANGED
    elif after.unresolved is not None and (before is None or before.unresolved != after.unresolved):
        kind = ChangeKind.UNRESOLVED
    else:
        kind = ChangeKind.NEW if before is None else ChangeKind.MOVED
    return Change(after.rider_id, kind, before, after, now.version if now else 0)


def _assignment(
    county: str, rider_id: str, place: Place, network: Network, love_stations: tuple[NearStation, ...]
) -> Assignment:
    reasons = {"place": place.reason}
    branch = network.covering.get(("station", place.station)) if place.station else None
    if branch is not None:
        reasons["station_branch"] = _branch_reason(branch)
    responsible, why = _responsible(place, county, network)
    if responsible is not None:
        reasons["community_branch"] = why
    instructor = None
    if branch is None and place.street is not None:
        instructor = network.instructors.get(place.street)
    if instructor is not None:
        reasons["instructor"] = "instructor_of_street"
    reasons["love_stations"] = place.near if love_stations else "none_in_radius"
    return Assignment(
        rider_id=rider_id,
        division=place.community or place.street or county,
        community=place.community,
        street=place.street,
        station=place.station,
        station_branch=branch.code if branch else None,
        community_branch=responsible.code if responsible else None,
        instructor=instructor.code if instructor else None,
        love_stations=love_stations,
        reasons=reasons,
        unresolved=place.unresolved or (None if responsible else "no_organization"),
    )


def _branch_reason(branch: Organization) -> str:
    if branch.kind == "joint_branch":
        return "joint_branch"
    return "own_branch" if branch.host_kind == "station" else "covering_organization"


def _responsible(place: Place, county: str, network: Network) -> tuple[Organization | None, str]:
    """Climb the fallback ladder of article 10: community, street, the county's industry organization."""
    if place.community is not None:
        organization = network.covering.get(("community", place.community))
        if organization is not None:
            return organization, "community_organization"
    if place.street is not None:
        organization = network.covering.get(("street", place.street))
        if organization is not None:
            return organization, "fallback_street" if place.community else "fallback_street_only"
    return network.industry or network.covering.get(("county", county)), "fallback_county"


def _previous(current: Mapping[str, Current], rider_id: str) -> tuple[NearStation, ...]:
    now = current.get(rider_id)
    return now.assignment.love_stations if now and now.assignment else ()


def _love_stations(
    places: Sequence[Place], stations: LoveStations, previous: Sequence[tuple[NearStation, ...]]
) -> list[tuple[NearStation, ...]]:
    """Return the nearest love stations of each place, stored regardless of the hour (article 29)."""
    k = int(parameter("matching.love_station_count").value)
    radius_m = parameter("matching.love_station_radius").value
    churn_m = parameter("matching.love_station_churn").value
    result: list[tuple[NearStation, ...]] = [()] * len(places)
    if not stations.codes:
        return result
    at = sorted({(p.lng, p.lat) for p in places if p.lng is not None and p.lat is not None})
    if not at:
        return result
    points = np.array(at, dtype=np.float64)
    index = NearestIndex.build(stations.lng, stations.lat)
    # More than will be stored, so that those a rider had can be compared with the nearest.
    wanted = min(len(stations.codes), k * _CANDIDATES)
    rows, metres = index.query(
        np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1]), k=wanted, radius_m=radius_m
    )
    within = {
        point: [
            NearStation(stations.codes[row], round(float(m), 1))
            for row, m in zip(rows[i], metres[i], strict=True)
            if row >= 0
        ]
        for i, point in enumerate(at)
    }
    for i, place in enumerate(places):
        if place.lng is not None and place.lat is not None:
            result[i] = _keep_or_change(within[place.lng, place.lat], previous[i], k, churn_m)
    return result


def _keep_or_change(
    found: Sequence[NearStation], had: Sequence[NearStation], k: int, churn_m: float
) -> tuple[NearStation, ...]:
    """Keep the stations a rider had unless one is gone or another is nearer by more than `churn_m`."""
    nearest = tuple(found[:k])
    codes = {station.code for station in had}
    # In the order found: rounded metres would leave the order of near ties open.
    kept = [station for station in found if station.code in codes]
    if len(kept) != len(nearest) or len(kept) != len(had):
        return nearest
    if any(old.metres - new.metres > churn_m for old, new in zip(kept, nearest, strict=True)):
        return nearest
    return tuple(kept)
