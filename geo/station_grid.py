"""Stations are sorted into cells here for a compiled search; which is nearest is not decided here."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.degrees import metres_a_degree
from geo.points import Floats, Rows
from geo.slices import in_slices

# Stations a cell that is not empty, at most, on a station's average.
_CROWD: Final = 1.5
# And cells a station, about, at most.
_CELLS: Final = 8
_BANDS_A_DEGREE: Final = 100.0
# Farther than the greatest radius of the compiled search.
_MARGIN: Final = 0.2
#: Where the compiled search is right: farther out a degree's length changes too fast, or longitudes meet.
MAX_RADIUS_M: Final = 10_000.0
_MAX_LAT: Final = 70.0
_MAX_LNG: Final = 179.0
# Meshes a place, about, and the least side of one in degrees.
_MESHES: Final = 32
_MIN_MESH: Final = 1e-5


@dataclass(frozen=True, slots=True)
class StationGrid:
    """Places of stations by cell, and the rows at each place.

    Attributes
    ----------
    grid : ndarray of float64 (8,)
        West, south, cells a degree east and north, columns, lines, number of the first band, bands a degree.
    bands : ndarray of float64 (bands, 7)
        A latitude, and metres a degree east and north there, each with two terms of its series.
    cells : ndarray of int32
        Where each cell's places begin.
    places : ndarray of float64 (places, 2)
    first, rows : ndarray of int64
        Where each place's rows begin, and the rows, ascending.
    """

    grid: Floats
    bands: Floats
    cells: NDArray[np.int32]
    places: Floats
    first: Rows
    rows: Rows

    @property
    def arrays(self) -> tuple[Floats, Floats, NDArray[np.int32], Floats, Rows, Rows]:
        """The arrays as kernels take them."""
        return self.grid, self.bands, self.cells, self.places, self.first, self.rows

    def within(self, lng: float, lat: float, radius_m: float) -> Rows:
        """Give the rows of all stations that may lie within a radius of at most `MAX_RADIUS_M`, ascending."""
        east_m, north_m = (float(length[0]) for length in metres_a_degree(np.array([lat])))
        half = 1.02 * radius_m / east_m + 1e-9, 1.02 * radius_m / north_m + 1e-9
        low = _cells(self.grid, np.array([lng - half[0]]), np.array([lat - half[1]]))[0]
        high = _cells(self.grid, np.array([lng + half[0]]), np.array([lat + half[1]]))[0]
        columns = int(self.grid[4])
        left, right = low % columns, high % columns
        lines = np.arange(low // columns, high // columns + 1) * columns
        starts, ends = self.first[self.cells[lines + left]], self.first[self.cells[lines + right + 1]]
        runs = [self.rows[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.sort(np.concatenate(runs))

    def with_station(self, lng: float, lat: float, row: int) -> "StationGrid":
        """Give the grid with one more station, whose row is greater than all others."""
        cell, place = self._find(lng, lat)
        if place >= 0:
            at, first = int(self.first[place + 1]), self.first.copy()
            first[place + 1 :] += 1
            return replace(self, first=first, rows=np.insert(self.rows, at, row))
        place = int(self.cells[cell + 1])
        cells, at = self.cells.copy(), int(self.first[place])
        cells[cell + 1 :] += 1
        first = np.insert(self.first, place, at)
        first[place + 1 :] += 1
        places = np.insert(self.places, place, (lng, lat), axis=0)
        return replace(self, cells=cells, places=places, first=first, rows=np.insert(self.rows, at, row))

    def without_station(self, lng: float, lat: float, row: int) -> "StationGrid":
        """Give the grid without a station that stands there."""
        cell, place = self._find(lng, lat)
        start, end = int(self.first[place]), int(self.first[place + 1])
        rows = np.delete(self.rows, start + int(np.searchsorted(self.rows[start:end], row)))
        first = self.first.copy()
        first[place + 1 :] -= 1
        if end - start > 1:
            return replace(self, first=first, rows=rows)
        cells = self.cells.copy()
        cells[cell + 1 :] -= 1
        places = np.delete(self.places, place, axis=0)
        return replace(self, cells=cells, places=places, first=np.delete(first, place), rows=rows)

    def _find(self, lng: float, lat: float) -> tuple[int, int]:
        """Give a point's cell, and the place that stands exactly there or -1."""
        cell = int(_cells(self.grid, np.array([lng]), np.array([lat]))[0])
        start, end = int(self.cells[cell]), int(self.cells[cell + 1])
        same = np.flatnonzero((self.places[start:end] == (lng, lat)).all(axis=1))
        return cell, start + int(same[0]) if len(same) else -1


def supported(lng: Floats, lat: Floats) -> bool:
    """Tell whether there are stations and the compiled search is right for them."""
    return len(lng) > 0 and np.abs(lat).max() <= _MAX_LAT and np.abs(lng).max() <= _MAX_LNG


def station_grid(lng: Floats, lat: Floats, rows: Rows) -> StationGrid | None:
    """Sort stations into cells; None where the compiled search would not be right, or there are none."""
    if not supported(lng, lat):
        return None
    grid = _frame(lng, lat)
    cell = _cells(grid, lng, lat)
    order = np.lexsort((rows, lat, lng, cell))
    lng, lat, cell = lng[order], lat[order], cell[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (lng[1:] != lng[:-1]) | (lat[1:] != lat[:-1])
    at = np.flatnonzero(new)
    edges = np.arange(int(grid[4]) * int(grid[5]) + 1)
    cells = np.searchsorted(cell[at], edges).astype(np.int32)
    places = np.column_stack([lng[at], lat[at]])
    bands = _bands(grid[6], float(lat.max()) + _MARGIN)
    return StationGrid(grid, bands, cells, places, np.append(at, len(order)), rows[order])


def _frame(lng: Floats, lat: Floats) -> Floats:
    """Choose cells in which stations of towns stand few together, but not many more cells than stations."""
    west, south, wide, high = lng.min(), lat.min(), np.ptp(lng), np.ptp(lat)
    squeeze = np.cos(np.radians(south + high / 2))
    side = max(1e-5, np.sqrt(2 * wide * squeeze * high / len(lng)), max(wide, high) / (4 * len(lng)))
    while True:
        grid = np.array(
            [
                west,
                south,
                squeeze / side,
                1 / side,
                wide * squeeze // side + 1,
                high // side + 1,
                np.floor((south - _MARGIN) * _BANDS_A_DEGREE),
                _BANDS_A_DEGREE,
            ]
        )
        crowd = np.bincount(_cells(grid, lng, lat))
        if (crowd.astype(np.float64) ** 2).sum() <= _CROWD * len(lng) or grid[4] * grid[5] > _CELLS * len(
            lng
        ):
            return grid
        side /= np.sqrt(2)


def _cells(grid: Floats, lng: Floats, lat: Floats) -> Rows:
    column = np.clip((lng - grid[0]) * grid[2], 0, grid[4] - 1).astype(np.int64)
    line = np.clip((lat - grid[1]) * grid[3], 0, grid[5] - 1).astype(np.int64)
    cells: Rows = line * int(grid[4]) + column
    return cells


def _bands(first: float, north: float) -> Floats:
    """Give the middle latitude of each band and the series of a degree's length about it.

    Bands are those of the whole earth, so that a distance is the same whatever other stations there are.
    """
    middle = (np.arange(first, np.ceil(north * _BANDS_A_DEGREE) + 1) + 0.5) / _BANDS_A_DEGREE
    # Series by differences: a step of a hundredth of a degree leaves them right to 1e-9.
    step = 0.02
    east, north_m = zip(
        *(metres_a_degree(np.asarray(middle + shift, dtype=np.float64)) for shift in (-step, 0.0, step)),
        strict=True,
    )
    columns = [middle]
    for low, at, top in (east, north_m):
        columns += [at, (top - low) / (2 * step), (top - 2 * at + low) / (2 * step * step)]
    return np.ascontiguousarray(np.column_stack(columns))


@dataclass(frozen=True, slots=True)
class Net:
    """For every mesh of a fine net, the places that may be the nearest of a point in it."""

    radius_m: float
    net: Floats
    lists: NDArray[np.int32]


def cast_net(stations: StationGrid, radius_m: float) -> Net:
    """List the places that count, mesh by mesh."""
    from geo.kernels import net as kernels  # noqa: PLC0415 - loads the compiler

    low, high = stations.places.min(axis=0), stations.places.max(axis=0)
    squeeze = np.cos(np.radians(max(abs(low[1]), abs(high[1])) + _MARGIN))
    margin = radius_m / 110_000.0 * np.array([1 / squeeze, 1.0])
    west, south = low - margin
    wide, tall = high + margin - (west, south)
    side = max(_MIN_MESH, np.sqrt(wide * squeeze * tall / (_MESHES * len(stations.places) + 64)))
    net = np.array([west, south, squeeze / side, 1 / side, wide * squeeze // side + 1, tall // side + 1])
    meshes = int(net[4] * net[5])
    pools = in_slices(lambda a, b: kernels.list_places(*stations.arrays, net, radius_m, a, b), meshes)
    pool = np.concatenate(pools)
    return Net(radius_m, net, kernels.index_lists(pool, meshes))
