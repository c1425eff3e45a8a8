"""Points are found in polygons here, exactly; what the polygons stand for is not known here."""

from pathlib import Path
from typing import Final, Self

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.area_checks import Shapes, checked_areas
from geo.area_files import area_digest, load_areas, save_areas
from geo.borders import BorderIndex
from geo.points import Floats, Rows, checked_list

# Points looked at together: bounds memory to some tens of MB however many are given.
_CHUNK: Final = 65_536
# From here on the call prepares polygons of its own: shared prepared geometries crash between threads,
# and copying them does not pay for a handful of points.
_WORTH_PREPARING: Final = 2_000


class AreaIndex:
    """An index over areas that answers which of them a point lies in.

    A point on an area's border or vertex lies in it (shapely's ``intersects``). Where several areas hold a
    point, as on shared borders, `locate` gives the one with the smallest code in text order. One index may
    be used by several threads.
    """

    __slots__ = ("_borders", "_codes", "_digest", "_order", "_shapes", "_tree")

    def __init__(self, shapes: Shapes, codes: tuple[str, ...]) -> None:
        self._codes = codes
        self._digest = area_digest(shapes, codes)
        # Sorted by code, so that the first of several areas is the one that wins.
        self._order: Rows = np.array(sorted(range(len(codes)), key=codes.__getitem__), dtype=np.int64)
        self._shapes = shapes[self._order]
        self._tree = shapely.STRtree(self._shapes)
        # The first query packs the tree; done here, threads that share it only read.
        self._tree.query(shapely.Point(0.0, 0.0))
        self._borders: BorderIndex | None = None

    @classmethod
    def build(cls, areas: gpd.GeoDataFrame, code: str = "code") -> Self:
        """Build an index over a frame of areas.

        Parameters
        ----------
        areas : GeoDataFrame
            Valid polygons or multipolygons, EPSG:4326 or EPSG:4490; they may overlap.
        code : str
            Column of unique codes: text, or whole numbers, which become text.

        Raises
        ------
        GeoError
            With the rows and the cure, as listed in `geo.area_checks.checked_areas`.
        """
        return cls(*checked_areas(areas, code))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load an index that `save` wrote.

        Raises
        ------
        GeoError
            ``index_unreadable`` where the file is missing, cut, changed or of another kind.
        """
        return cls(*load_areas(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write the index to exactly this path, whole or not at all; the same areas give the same bytes."""
        shapes = np.empty_like(self._shapes)
        shapes[self._order] = self._shapes
        save_areas(Path(path), shapes, self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def codes(self) -> NDArray[np.str_]:
        """The codes as text in the order of the frame given: ``codes[row]``; mind that -1 means none."""
        return np.array(self._codes, dtype=np.str_)

    @property
    def content_hash(self) -> str:
        """The SHA-256 of polygons and codes, as hexadecimal digits: one name for one content."""
        return self._digest

    def locate(self, lng: ArrayLike, lat: ArrayLike) -> Rows:
        """Find the area of each point.

        Parameters
        ----------
        lng, lat : array_like of float64, degrees, WGS84

        Returns
        -------
        ndarray of int64, one a point
            Row of the area in the frame given; on borders and in overlaps that of the smallest code;
            -1 where no area holds the point. Empty in, empty out.

        Raises
        ------
        GeoError
            With the rows that are NaN, infinite or beyond 90 degrees of latitude.
        """
        x, y = checked_list(lng, lat)
        points, places = self._holding(x, y)
        first = np.full(len(x), len(self), dtype=np.int64)
        np.minimum.at(first, points, places)
        return np.append(self._order, -1)[first]

    def covering(self, lng: ArrayLike, lat: ArrayLike) -> tuple[Rows, Rows]:
        """Find every area of each point, for areas that may overlap.

        Returns
        -------
        tuple of (ndarray of int64, ndarray of int64)
            Pairs (point row, area row), ordered by point row, then by code; points in no area are absent.

        Raises
        ------
        GeoError
            As `locate`.
        """
        points, places = self._holding(*checked_list(lng, lat))
        order = np.lexsort((places, points))
        return points[order], self._order[places[order]]

    def border_distance_m(self, lng: ArrayLike, lat: ArrayLike, limit_m: float) -> Floats:
        """Measure the metres from each point to the nearest border of any area, inside or outside it.

        Borders between areas, outer borders and those of holes count alike. Each point is measured in a
        plane of its own that touches the WGS84 ellipsoid there: right within 0.1 % up to some kilometres.

        Returns
        -------
        ndarray of float64, one a point
            inf where no border lies within `limit_m`; a border at exactly `limit_m` counts as within.

        Raises
        ------
        GeoError
            As `locate`, and ``limit_range`` unless 0 <= limit_m <= 10,000.
        """
        if self._borders is None:
            # Two threads may both build it; both get the same and one is kept.
            self._borders = BorderIndex(self._shapes)
        return self._borders.distance_m(lng, lat, limit_m)

    def _holding(self, x: Floats, y: Floats) -> tuple[Rows, Rows]:
        """Give pairs of point row and place in the sorted areas, for every area that holds the point."""
        shapes = self._shapes
        if len(x) >= _WORTH_PREPARING:
            shapes = shapely.from_wkb(shapely.to_wkb(shapes))
            shapely.prepare(shapes)
        points, places = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for start in range(0, len(x), _CHUNK):
            part_x, part_y = x[start : start + _CHUNK], y[start : start + _CHUNK]
            near, place = self._tree.query(shapely.points(part_x, part_y))
            held = shapely.intersects_xy(shapes[place], part_x[near], part_y[near])
            points.append(near[held].astype(np.int64) + start)
            places.append(place[held].astype(np.int64))
        return np.concatenate(points), np.concatenate(places)
