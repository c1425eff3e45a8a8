"""A small town for matching: two streets of two square communities each, WGS 84."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import geopandas as gpd
import numpy as np
from shapely.geometry import box

from geo.areas import AreaIndex
from geo.matching import Executor
from rider_hub.assignments.matching import Current, match_all
from rider_hub.assignments.model import Assignment
from rider_hub.assignments.places import Places
from rider_hub.divisions.areas import AreaSet
from rider_hub.lovestations.model import LoveStations
from rider_hub.organizations.model import Instructor, Network, Organization, StationPlace
from rider_hub.riders.model import RegistrationSnapshot, RiderSnapshot

COUNTY = "110101"
STREETS = {"110101001": (116.40, 39.90, 116.42, 39.91), "110101002": (116.40, 39.91, 116.42, 39.92)}
COMMUNITIES = {
    "110101001001": (116.40, 39.90, 116.41, 39.91),
    "110101001002": (116.41, 39.90, 116.42, 39.91),
    "110101002001": (116.40, 39.91, 116.41, 39.92),
    "110101002002": (116.41, 39.91, 116.42, 39.92),
}
NOW = datetime(2026, 11, 2, 1, tzinfo=UTC)


def area_set(boxes: dict[str, tuple[float, float, float, float]], *, sketch: bool = False) -> AreaSet:
    """Return an edition of square areas."""
    frame = gpd.GeoDataFrame(
        {"code": list(boxes), "name": list(boxes)},
        geometry=[box(*b) for b in boxes.values()],
        crs="EPSG:4326",
    )
    return AreaSet("e", "试验边界", sketch, date(2026, 1, 1), frame, AreaIndex.build(frame))


def organization(code: str, kind: str = "branch", host_kind: str = "community") -> Organization:
    """Return an organization of the town."""
    return Organization(code, code, kind, host_kind, None, COUNTY)


def station(ref: str, lng: float | None, lat: float | None, stated: str | None = None) -> StationPlace:
    """Return a delivery station; without a point only what is stated is known."""
    return StationPlace(ref, ref, ref.split("/", maxsplit=1)[0], stated, COUNTY, lng, lat)


def dedicated(station_ref: str, *, platform: str = "jia", at: datetime = NOW) -> RegistrationSnapshot:
    """Return a registration bound to a station."""
    return RegistrationSnapshot(platform, "dedicated", station_ref, None, None, None, at, None)


def crowdsourced(
    *, community: str | None = None, point: tuple[float, float] | None = None, at: datetime = NOW
) -> RegistrationSnapshot:
    """Return a registration with a work area."""
    lng, lat = point or (None, None)
    return RegistrationSnapshot("jia", "crowdsourced", None, community, lng, lat, at, None)


def rider(
    *registrations: RegistrationSnapshot, rider_id: str = "r1", chosen: str | None = None
) -> RiderSnapshot:
    """Return a rider with registrations."""
    return RiderSnapshot(rider_id, chosen, registrations)


def near(*places: tuple[str, float, float]) -> LoveStations:
    """Return love stations (code, lng, lat)."""
    codes = [code for code, _, _ in places]
    lng = np.array([x for _, x, _ in places], dtype=np.float64)
    lat = np.array([y for _, _, y in places], dtype=np.float64)
    return LoveStations(codes, lng, lat, [])


NETWORK = Network(
    covering={
        ("station", "jia/A"): organization("A-ZB", "branch", "station"),
        ("station", "jia/J"): organization("J-LH", "joint_branch", "station"),
        ("community", "110101001001"): organization("C11"),
        ("community", "110101002002"): organization("C22"),
        ("street", "110101001"): organization("S1", "committee", "street"),
    },
    industry=organization("HY", "industry_organization", "association"),
    instructors={"110101001": Instructor("I1", "指导员", "110101001")},
)


def match(
    riders: Sequence[RiderSnapshot],
    stations: Sequence[StationPlace] = (),
    *,
    network: Network = NETWORK,
    love: LoveStations | None = None,
    current: dict[str, Current] | None = None,
    sketch: bool = False,
    executor: Executor | None = None,
    part: int = 20_000,
) -> list[Assignment]:
    """Match riders of the town."""
    network = replace(network, stations={each.ref: each for each in stations})
    places = Places(area_set(STREETS), area_set(COMMUNITIES, sketch=sketch), network.stations)
    return match_all(
        COUNTY,
        riders,
        places=places,
        network=network,
        love_stations=love or near(),
        current=current or {},
        executor=executor,
        part=part,
    )
