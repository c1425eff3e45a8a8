"""Points are kept by cell here, so that those near a place or in a box are named without a look at all."""

from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike

from geo.degrees import metres_a_degree
from geo.points import Floats, Rows, checked_list

_POINTS_A_CELL: Final = 16
_SLACK: Final = 1.02


class KeptPoints:
    """Points in the order of the cells of a plain grid; their rows are those given.

    One may be used by several threads; it never changes.
    """

    __slots__ = ("_ends", "_grid", "_lat", "_lng", "_order")

    def __init__(self, lng: Floats, lat: Floats) -> None:
        self._lng, self._lat = lng, lat
        self._grid = _frame(lng, lat)
        cell = self._cell(lng, lat)
        self._order = np.argsort(cell, kind="stable")
        self._ends = np.cumsum(np.bincount(cell, minlength=int(self._grid[4] * self._grid[5])))

    @classmethod
    def build(cls, lng: ArrayLike, lat: ArrayLike) -> Self:
        """Keep points.

        Parameters
        ----------
        lng, lat : array_like of float64, degrees, WGS84

        Raises
        ------
        GeoError
            With the rows that are NaN, infinite or beyond 90 degrees of latitude.
        """
        return cls(*checked_list(lng, lat))

    def __len__(self) -> int:
        return len(self._lng)

    def at(self, rows: Rows) -> tuple[Floats, Floats]:
        """Give longitudes and latitudes of some rows."""
        return self._lng[rows], self._lat[rows]

    def in_boxes(self, boxes: Floats) -> Rows:
        """Give the rows of the points in any of some boxes (n, 4): west, south, east, north; ascending."""
        found = [self._in_box(*box) for box in np.asarray(boxes, dtype=np.float64).tolist()]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def near(self, lng: float, lat: float, radius_m: float) -> Rows:
        """Give the rows of all points within a radius of a place, and of some just beyond it; ascending.

        Up to 100 km, away from the poles and the date line.
        """
        reach = np.degrees(radius_m / 6_300_000.0)
        # The shortest degree of longitude within reach.
        east_m = metres_a_degree(np.array([min(89.0, abs(lat) + reach)]))[0][0]
        half = _SLACK * radius_m / east_m + 1e-9
        return np.sort(self._in_box(lng - half, lat - _SLACK * reach, lng + half, lat + _SLACK * reach))

    def _in_box(self, west: float, south: float, east: float, north: float) -> Rows:
        low, high = (self._cell(np.array([x]), np.array([y]))[0] for x, y in ((west, south), (east, north)))
        columns = int(self._grid[4])
        lines = np.arange(low // columns, high // columns + 1) * columns
        first, last = lines + low % columns, lines + high % columns
        starts = np.where(first > 0, self._ends[first - 1], 0)
        runs = [
            self._order[start:end]
            for start, end in zip(starts.tolist(), self._ends[last].tolist(), strict=True)
        ]
        rows = np.concatenate(runs)
        x, y = self.at(rows)
        within: Rows = rows[(x >= west) & (x <= east) & (y >= south) & (y <= north)]
        return within

    def _cell(self, lng: Floats, lat: Floats) -> Rows:
        west, south, wide, high, columns, lines = self._grid
        column = np.clip((lng - west) * wide, 0, columns - 1).astype(np.int64)
        line = np.clip((lat - south) * high, 0, lines - 1).astype(np.int64)
        cell: Rows = line * int(columns) + column
        return cell


def _frame(lng: Floats, lat: Floats) -> Floats:
    if not len(lng):
        return np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    side = max(1, int(np.sqrt(len(lng) / _POINTS_A_CELL)))
    wide, high = max(np.ptp(lng), 1e-9), max(np.ptp(lat), 1e-9)
    return np.array([lng.min(), lat.min(), side / wide, side / high, side, side])
