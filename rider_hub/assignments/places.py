"""Where each rider belongs: community and street of stations, work areas and own choices, with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rider_hub.divisions.areas import AreaSet
from rider_hub.organizations.model import StationPlace
from rider_hub.parameters import parameter
from rider_hub.riders.area_changes import LIKE_TRACK
from rider_hub.riders.store import RegistrationSnapshot, RiderSnapshot

__all__ = ["Place", "Places"]

_COMMUNITY_DIGITS = 12
_STREET_DIGITS = 9


@dataclass(frozen=True)
class Place:
    """A rider's place as far as it is certain; the point (WGS 84) is where love stations are sought from."""

    reason: str
    community: str | None = None
    street: str | None = None
    lng: float | None = None
    lat: float | None = None
    near: str = "near_community"
    station: str | None = None
    unresolved: str | None = None


class Places:
    """Finds places for many riders at once: each station and work-area point is located a single time."""

    def __init__(self, streets: AreaSet, communities: AreaSet, stations: Mapping[str, StationPlace]) -> None:
        self._streets = streets
        self._communities = communities
        self._codes = frozenset(communities.frame["code"])
        self._street_codes = frozenset(streets.frame["code"])
        centres = communities.frame.geometry.representative_point()
        self._centres = dict(
            zip(communities.frame["code"], zip(centres.x, centres.y, strict=True), strict=True)
        )
        self._stations = self._locate_stations(stations)

    def of(self, riders: Sequence[RiderSnapshot]) -> list[Place]:
        """Return the place of each rider, in order."""
        chosen = [_leading(rider.registrations) for rider in riders]
        areas = self._locate_areas([r for r in chosen if r is not None and r.area_lng is not None])
        return [self._place(rider, leading, areas) for rider, leading in zip(riders, chosen, strict=True)]

    def _place(
        self,
        rider: RiderSnapshot,
        leading: RegistrationSnapshot | None,
        areas: Mapping[tuple[float, float], Place],
    ) -> Place:
        station = _station_ref(leading)
        place = self._from_registration(leading, station, areas)
        own = rider.chosen_community
        if own in self._codes and own is not None:
            lng, lat = (place.lng, place.lat) if place.lng is not None else self._centres[own]
            near = place.near if place.lng is not None else "near_community"
            return Place("own_choice", own, own[:_STREET_DIGITS], lng, lat, near, place.station)
        return place

    def _from_registration(
        self,
        leading: RegistrationSnapshot | None,
        station: str | None,
        areas: Mapping[tuple[float, float], Place],
    ) -> Place:
        if station is not None:
            return self._stations.get(station) or Place(
                "waiting_for_station", station=station, unresolved="waiting_for_station"
            )
        if leading is None or leading.hold == LIKE_TRACK:
            why = "no_place" if leading is None else LIKE_TRACK
            return Place(why, unresolved=why)
        if leading.area_community in self._codes and leading.area_community is not None:
            lng, lat = self._centres[leading.area_community]
            return Place(
                "area_community", leading.area_community, leading.area_community[:_STREET_DIGITS], lng, lat
            )
        if leading.area_lng is not None and leading.area_lat is not None:
            return areas[leading.area_lng, leading.area_lat]
        if leading.area_community is not None:
            return Place("outside_areas", unresolved="outside_areas")
        return Place("no_place", unresolved="no_place")

    def _locate_stations(self, stations: Mapping[str, StationPlace]) -> dict[str, Place]:
        tolerance = parameter("matching.border_tolerance").value
        with_point = [
            station for station in stations.values() if station.lng is not None and station.lat is not None
        ]
        lng, lat = _points([(s.lng, s.lat) for s in with_point])
        rows = self._communities.index.locate(lng, lat)
        street_rows = self._streets.index.locate(lng, lat)
        border = self._communities.index.border_distance_m(lng, lat, tolerance)
        street_border = self._streets.index.border_distance_m(lng, lat, tolerance)
        codes = self._communities.frame["code"].to_numpy()
        streets = self._streets.frame["code"].to_numpy()
        found: dict[str, Place] = {}
        for i, station in enumerate(with_point):
            located = str(codes[rows[i]]) if rows[i] >= 0 else None
            sure_street = street_rows[i] >= 0 and not street_border[i] <= tolerance
            street = str(streets[street_rows[i]]) if sure_street else None
            near_border = bool(border[i] <= tolerance)
            found[station.ref] = self._station_place(station, located, street, near_border=near_border)
        for station in stations.values():
            found.setdefault(station.ref, self._stated_place(station))
        return found

    def _station_place(
        self, station: StationPlace, located: str | None, street: str | None, *, near_border: bool
    ) -> Place:
        stated = station.stated_community if station.stated_community in self._codes else None
        at = {"lng": station.lng, "lat": station.lat, "near": "near_station", "station": station.ref}
        # A sketched border is no evidence against what the platform says of its own station.
        if stated is not None and (
            near_border or located is None or self._communities.sketch or stated == located
        ):
            reason = "station_point" if stated == located and not near_border else "station_stated"
            return Place(reason, stated, stated[:_STREET_DIGITS], **at)  # type: ignore[arg-type]
        if located is None and street is None:
            return Place("outside_areas", unresolved="outside_areas", **at)  # type: ignore[arg-type]
        if located is None or near_border:
            return Place("station_street", None, street, unresolved="border_ambiguous", **at)  # type: ignore[arg-type]
        reason = "station_point" if stated is None else "station_point_over_stated"
        return Place(reason, located, located[:_STREET_DIGITS], **at)  # type: ignore[arg-type]

    def _stated_place(self, station: StationPlace) -> Place:
        stated = station.stated_community
        if stated is None or stated not in self._codes:
            street = station.division if station.division in self._street_codes else None
            if street:
                return Place("station_street", None, street, station=station.ref, unresolved="no_place")
            return Place("no_place", station=station.ref, unresolved="no_place")
        lng, lat = self._centres[stated]
        return Place("station_stated", stated, stated[:_STREET_DIGITS], lng, lat, station=station.ref)

    def _locate_areas(
        self, registrations: Sequence[RegistrationSnapshot]
    ) -> dict[tuple[float, float], Place]:
        """Locate rounded work-area points: a street only where it is certain, a community never."""
        tolerance = parameter("matching.rounded_point_tolerance").value
        points = sorted({(r.area_lng, r.area_lat) for r in registrations if r.area_lng is not None})
        lng, lat = _points(points)
        rows = self._streets.index.locate(lng, lat)
        border = self._streets.index.border_distance_m(lng, lat, tolerance)
        codes = self._streets.frame["code"].to_numpy()
        found: dict[tuple[float, float], Place] = {}
        for i, point in enumerate(points):
            at = {"lng": lng[i], "lat": lat[i], "near": "near_area"}
            if rows[i] < 0:
                place = Place("outside_areas", unresolved="outside_areas", **at)
            elif border[i] <= tolerance:
                place = Place("area_point_street", None, None, unresolved="border_ambiguous", **at)
            else:
                place = Place(
                    "area_point_street", None, str(codes[rows[i]]), unresolved="rounded_point", **at
                )
            found[point] = place  # type: ignore[index]
        return found


def _leading(registrations: Sequence[RegistrationSnapshot]) -> RegistrationSnapshot | None:
    """Return the registration that says where a rider belongs: a station before an area, then the latest.

    One whose work area is held says something only where there is no other.
    """
    ordered = sorted(
        registrations,
        key=lambda r: (r.hold != LIKE_TRACK, r.employment == "dedicated", r.effective_at, r.platform),
        reverse=True,
    )
    return ordered[0] if ordered else None


def _station_ref(registration: RegistrationSnapshot | None) -> str | None:
    if registration is None or not registration.station_ref:
        return None
    return f"{registration.platform}/{registration.station_ref}"


def _points(
    points: Sequence[tuple[float | None, float | None]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    array = np.array(points, dtype=np.float64).reshape(-1, 2)
    return np.ascontiguousarray(array[:, 0]), np.ascontiguousarray(array[:, 1])
