"""Faults of a set of boundaries are counted and measured here; nothing is repaired and nothing refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from geo.area_arrays import Shapes
from geo.area_checks import code_texts, is_lng_lat
from geo.errors import GeoError
from geo.partition import partition
from geo.points import MAX_LAT

__all__ = ["BoundaryReport", "Gap", "InvalidArea", "Overlap", "check", "partition"]

# Below one square metre it is the grain of the coordinates (1e-5 degree is about a metre), not a fault.
_GRAIN_M2: Final = 1.0
_MAX_LNG: Final = 180.0
_POLYGON, _MULTIPOLYGON = 3, 6


@dataclass(frozen=True, slots=True)
class InvalidArea:
    """An area whose polygon cannot be used, by its row from 0, its code and the reason."""

    row: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """Ground that two areas both claim, in square metres on the ellipsoid."""

    code: str
    other: str
    m2: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Ground enclosed by areas that none claims: square metres, and a point (WGS84) within it."""

    m2: float
    lng: float
    lat: float


@dataclass(frozen=True, slots=True)
class BoundaryReport:
    """What `check` found; rows count from 0, lists come in the order of rows, codes or falling size.

    Attributes
    ----------
    total : int
        Rows looked at.
    uncoded, empty : tuple of int
        Rows without a code; rows without a geometry or with an empty one.
    duplicates : tuple of str
        Codes that stand in several rows.
    invalid : tuple of InvalidArea
    missing, unexpected : tuple of str
        Against the codes expected; both empty where none were given.
    overlaps : tuple of Overlap
    gaps : tuple of Gap
        Holes enclosed by the areas; what lies open to the outside is no gap.
    """

    total: int
    uncoded: tuple[int, ...]
    empty: tuple[int, ...]
    duplicates: tuple[str, ...]
    invalid: tuple[InvalidArea, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    overlaps: tuple[Overlap, ...]
    gaps: tuple[Gap, ...]

    @property
    def usable(self) -> bool:
        """Whether an index can be built: some rows, each with one code of its own and a valid polygon."""
        return self.total > 0 and not (self.uncoded or self.empty or self.duplicates or self.invalid)

    @property
    def complete(self) -> bool:
        """Whether the set is usable, holds every code expected and is free of overlaps and gaps."""
        return self.usable and not (self.missing or self.overlaps or self.gaps)


def check(
    areas: gpd.GeoDataFrame,
    expected: Iterable[str] | None = None,
    *,
    code: str = "code",
    grain_m2: float = _GRAIN_M2,
) -> BoundaryReport:
    """Look a set of boundaries over and measure what is wrong.

    Overlaps and gaps are measured among the valid areas only, as geodesic areas on the WGS84 ellipsoid.

    Parameters
    ----------
    areas : GeoDataFrame
        As `geo.frames.read_areas` gives it: EPSG:4326 or EPSG:4490; geometries may be missing or invalid.
    expected : iterable of str, optional
        The codes that should be there.
    code : str
        Column of codes.
    grain_m2 : float
        Overlaps and gaps smaller than this are left out.

    Raises
    ------
    GeoError
        ``areas_crs`` for another CRS, ``areas_code_column`` for a missing column.
    """
    if not is_lng_lat(areas.crs):
        raise GeoError(
            "areas_crs",
            "坐标参考须为 EPSG:4326 或 EPSG:4490（经纬度）；请用 read_areas 读取并写明坐标系。",
            "The CRS must be EPSG:4326 or EPSG:4490 in degrees; read the file with read_areas and its frame.",
        )
    codes = code_texts(areas, code)
    shapes = shapely.force_2d(np.asarray(areas.geometry.array, dtype=object))
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    reasons = [None if blank else _fault(shape) for shape, blank in zip(shapes, empty, strict=True)]
    sound = np.array([not blank and not why for blank, why in zip(empty, reasons, strict=True)], dtype=bool)
    named, wanted = set(codes) - {""}, None if expected is None else set(expected)
    return BoundaryReport(
        total=len(areas),
        uncoded=tuple(row for row, text in enumerate(codes) if not text),
        empty=tuple(int(row) for row in np.flatnonzero(empty)),
        duplicates=tuple(sorted(text for text in named if codes.count(text) > 1)),
        invalid=tuple(InvalidArea(row, codes[row], why) for row, why in enumerate(reasons) if why),
        missing=() if wanted is None else tuple(sorted(wanted - named)),
        unexpected=() if wanted is None else tuple(sorted(named - wanted)),
        overlaps=_overlaps(shapes[sound], [codes[row] for row in np.flatnonzero(sound)], grain_m2),
        gaps=_gaps(shapes[sound], grain_m2),
    )


def area_m2(shape: shapely.Geometry) -> float:
    """Measure a polygon's area on the WGS84 ellipsoid in square metres; lines and points have none."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    polygons = [part for part in parts if shapely.get_type_id(part) == _POLYGON]
    return float(
        sum(abs(Geod(ellps="WGS84").geometry_area_perimeter(part.normalize())[0]) for part in polygons)
    )


def _fault(shape: shapely.Geometry) -> str | None:
    """Give the reason why a geometry is no usable polygon, without its coordinates; None where it is one."""
    if shapely.get_type_id(shape) not in (_POLYGON, _MULTIPOLYGON):
        return f"Not a polygon: {shape.geom_type}"
    vertices: NDArray[np.float64] = shapely.get_coordinates(shape)
    if not np.isfinite(vertices).all():
        return "Vertex not finite"
    if (np.abs(vertices) > (_MAX_LNG, MAX_LAT)).any():
        return "Vertex outside longitude ±180 or latitude ±90"
    if shapely.is_valid(shape):
        return None
    return str(shapely.is_valid_reason(shape)).split("[")[0].strip()


def _overlaps(shapes: Shapes, codes: list[str], grain_m2: float) -> tuple[Overlap, ...]:
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    common = shapely.intersection(shapes[first], shapes[second])
    found = []
    for one, two, shape in zip(first, second, common, strict=True):
        m2 = area_m2(shape) if shapely.area(shape) > 0 else 0.0
        if m2 >= grain_m2:
            low, high = sorted((codes[one], codes[two]))
            found.append(Overlap(low, high, m2))
    return tuple(sorted(found, key=lambda overlap: (-overlap.m2, overlap.code, overlap.other)))


def _gaps(shapes: Shapes, grain_m2: float) -> tuple[Gap, ...]:
    union = shapely.get_parts(shapely.union_all(shapes))
    found = []
    for polygon in union:
        for ring in polygon.interiors:
            hole = shapely.Polygon(ring)
            m2 = area_m2(hole)
            if m2 >= grain_m2:
                within = hole.point_on_surface()
                found.append(Gap(m2, within.x, within.y))
    return tuple(sorted(found, key=lambda gap: (-gap.m2, gap.lng, gap.lat)))
