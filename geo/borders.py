"""Distances from points to the borders of areas are measured here; which side a point is on is not."""

from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike

from geo.area_checks import Shapes
from geo.errors import GeoError
from geo.points import Floats, Rows, checked_list

_AXIS_M: Final = 6378137.0
_ECCENTRICITY_2: Final = 0.0066943799901413165
_MAX_LIMIT_M: Final = 10_000.0
_CHUNK: Final = 16_384
# Widens the search box so that neither rounding nor the change of a degree's length within it loses a border.
_BOX_SLACK: Final = 1.01
_BOX_SLACK_M: Final = 0.01


class BorderIndex:
    """An index over the border segments of polygons."""

    __slots__ = ("_segments", "_tree")

    def __init__(self, shapes: Shapes) -> None:
        self._segments = _segments(shapes)
        self._tree = shapely.STRtree(shapely.linestrings(self._segments.reshape(-1, 2, 2)))
        # The first query packs the tree; done here, threads that share it only read.
        self._tree.query(shapely.Point(0.0, 0.0))

    def distance_m(self, lng: ArrayLike, lat: ArrayLike, limit_m: float) -> Floats:
        """Measure metres to the nearest border, inf beyond `limit_m`; see `AreaIndex.border_distance_m`."""
        if not 0 <= limit_m <= _MAX_LIMIT_M:
            raise GeoError(
                "limit_range",
                "距离上限须在 0 到 10000 米之间；请改小。",
                "The limit must lie between 0 and 10,000 metres; make it smaller.",
            )
        x, y = checked_list(lng, lat)
        metres = np.full(len(x), np.inf)
        for start in range(0, len(x), _CHUNK):
            part = slice(start, start + _CHUNK)
            metres[part] = self._nearest(x[part], y[part], limit_m)
        metres[metres > limit_m] = np.inf
        return metres

    def _nearest(self, x: Floats, y: Floats, limit_m: float) -> Floats:
        east_m, north_m = metres_a_degree(y)
        reach_m = limit_m * _BOX_SLACK + _BOX_SLACK_M
        half_x, half_y = reach_m / east_m, reach_m / north_m
        boxes = shapely.box(x - half_x, y - half_y, x + half_x, y + half_y)
        points, places = self._tree.query(boxes)
        nearest = np.full(len(x), np.inf)
        np.minimum.at(nearest, points, self._distances(x, y, points, places))
        return nearest

    def _distances(self, x: Floats, y: Floats, points: Rows, places: Rows) -> Floats:
        """Give the metres from points to segments, pair by pair, each in the point's own plane."""
        east_m, north_m = metres_a_degree(y[points])
        start_x, start_y, end_x, end_y = self._segments[places].T
        from_x, from_y = (start_x - x[points]) * east_m, (start_y - y[points]) * north_m
        along_x, along_y = (end_x - start_x) * east_m, (end_y - start_y) * north_m
        length_2 = along_x**2 + along_y**2
        share = np.clip(-(from_x * along_x + from_y * along_y) / length_2, 0.0, 1.0)
        metres: Floats = np.hypot(from_x + share * along_x, from_y + share * along_y)
        return metres


def metres_a_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Give the metres of one degree of longitude and of latitude on the WGS84 ellipsoid at each latitude."""
    phi = np.radians(lat)
    flat = 1.0 - _ECCENTRICITY_2 * np.sin(phi) ** 2
    # A degree of longitude has no length at the pole; one metre keeps the search box finite there.
    east_m = np.maximum(np.radians(_AXIS_M / np.sqrt(flat) * np.cos(phi)), 1.0)
    north_m = np.radians(_AXIS_M * (1.0 - _ECCENTRICITY_2) / (flat * np.sqrt(flat)))
    return east_m, north_m


def _segments(shapes: Shapes) -> Floats:
    """Give each border segment once a ring as (start lng, start lat, end lng, end lat), none of length 0."""
    rings = shapely.get_rings(shapes)
    vertices, ring = shapely.get_coordinates(rings, return_index=True)
    segments = np.hstack([vertices[:-1], vertices[1:]])[ring[:-1] == ring[1:]]
    kept: Floats = segments[(segments[:, :2] != segments[:, 2:]).any(axis=1)]
    return kept
