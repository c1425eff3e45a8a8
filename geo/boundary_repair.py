"""Boundaries are mended here where no one can differ about how, and thinned for maps; nothing is decided."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.area_arrays import Shapes
from geo.area_checks import checked_codes
from geo.boundaries import area_m2, check

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["Mend", "Repair", "repair", "simplified"]

_DEGREE_M: Final = 111_000.0
_POLYGONS: Final = (3, 6)


@dataclass(frozen=True, slots=True)
class Mend:
    """What was done to one area: its row from 0, its code, how, and its square metres before and after."""

    row: int
    code: str
    how: str
    before_m2: float
    after_m2: float


@dataclass(frozen=True, slots=True)
class Repair:
    """A mended frame, rows and columns as before, and what was done.

    Attributes
    ----------
    areas : GeoDataFrame
    mends : tuple of Mend
        ``how`` is ``made_valid`` or ``slivers``; rows ascending.
    cleaned : bool
        Whether overlaps and gaps were closed; False where one is too large to close without asking.
    """

    areas: "gpd.GeoDataFrame"
    mends: tuple[Mend, ...]
    cleaned: bool


def repair(
    areas: "gpd.GeoDataFrame", *, code: str = "code", sliver_m: float = 1.0, most_m2: float = 100.0
) -> Repair:
    """Make areas valid, and close slivers between neighbours.

    A crossed ring becomes the ground it encloses. Overlaps go to the neighbour with the longer border and
    gaps narrower than `sliver_m` are filled, but only where every overlap is at most `most_m2`: who owns
    more than that is for the authority to say. `geo.boundaries.check` tells what is left.

    Parameters
    ----------
    areas : GeoDataFrame
        As `geo.boundaries.check` takes it; rows without a polygon are left as they are.
    code : str
        Column of codes.

    Raises
    ------
    GeoError
        As `geo.boundaries.check`; ``areas_code_missing`` or ``areas_code_duplicate`` with rows.
    """
    check(areas.iloc[:0], code=code)
    codes = checked_codes(areas, code)
    given = np.asarray(areas.geometry.array, dtype=object)
    valid = np.array([_polygons_of(shape) for shape in given], dtype=object)
    mends = _mends(given, valid, codes, "made_valid")
    overlaps = check(areas.set_geometry(valid, crs=areas.crs), code=code).overlaps
    cleaned = all(overlap.m2 <= most_m2 for overlap in overlaps)
    if cleaned:
        clean = _without_slivers(valid, sliver_m)
        mends += _mends(valid, clean, codes, "slivers")
        valid = clean
    mends.sort(key=lambda mend: mend.row)
    return Repair(areas.set_geometry(valid, crs=areas.crs), tuple(mends), cleaned)


def simplified(shapes: Shapes, tolerance: float) -> Shapes:
    """Give polygons with fewer vertices; neighbours keep sharing their borders vertex for vertex.

    Parameters
    ----------
    shapes : ndarray of Polygon or MultiPolygon
        Valid. Where they are no coverage (some overlap, or meet without sharing vertices) they come back
        as they are: thinned one by one they would part.
    tolerance : float
        Degrees; triangles of up to half its square may vanish.
    """
    if not shapely.coverage_is_valid(shapes):
        return shapes
    thin: Shapes = shapely.coverage_simplify(shapes, tolerance)
    # An area so small that it would vanish stays whole.
    lost = shapely.is_empty(thin) | ~shapely.is_valid(thin)
    return shapes if lost.any() else thin


def _polygons_of(shape: shapely.Geometry | None) -> shapely.Geometry | None:
    """Give a valid polygon of the same ground; what is no polygon at all stays."""
    if shape is None or shape.is_empty or shapely.get_type_id(shape) not in _POLYGONS or shape.is_valid:
        return shape
    made = shapely.make_valid(shape, method="linework")
    parts = [part for part in shapely.get_parts(made) if shapely.get_type_id(part) in _POLYGONS]
    return shapely.union_all(parts) if parts else shape


def _without_slivers(shapes: Shapes, sliver_m: float) -> Shapes:
    sound = (
        np.isin(shapely.get_type_id(shapes), _POLYGONS) & shapely.is_valid(shapes) & ~shapely.is_empty(shapes)
    )
    width = sliver_m / _DEGREE_M
    if not sound.any() or shapely.coverage_is_valid(shapes[sound], gap_width=width):
        return shapes
    clean = shapes.copy()
    # No snapping: vertices keep their place to the last bit.
    clean[sound] = shapely.coverage_clean(shapes[sound], gap_width=width, snapping_distance=0.0)
    # An area that would vanish in another keeps its ground; check tells of the overlap.
    vanished = shapely.is_empty(clean) & ~shapely.is_empty(shapes)
    clean[vanished] = shapes[vanished]
    return clean


def _mends(before: Shapes, after: Shapes, codes: tuple[str, ...], how: str) -> list[Mend]:
    return [
        Mend(row, codes[row], how, area_m2(old), area_m2(new))
        for row, (old, new) in enumerate(zip(before, after, strict=True))
        if old is not None and not shapely.equals_identical(shapely.normalize(old), shapely.normalize(new))
    ]
