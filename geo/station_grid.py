"""Stations are sorted into cells here for a compiled search; which is nearest is not decided here.

Cells go from west to east, line by line; thirty-two of a line are a strip, whose cells and places follow each
other. An edit writes its strip anew behind all others, and then where it stands, in one store.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geo.degrees import metres_a_degree
from geo.points import Flags, Floats, Rows
from geo.room import Room, with_room

# Stations a cell that is not empty, at most, on a station's average.
_CROWD: Final = 1.5
# And cells a station, about, at most.
_CELLS: Final = 8
# Degrees of a cell's side: what is nearer than this, or at one place, no cells part.
_MIN_CELL: Final = 1e-7
_BANDS_A_DEGREE: Final = 100
# Bands on either side of the equator: farther than the greatest radius of the compiled search.
_BANDS: Final = 7_020
#: Where the compiled search is right: farther out a degree's length changes too fast, or longitudes meet.
MAX_RADIUS_M: Final = 10_000.0
_MAX_LAT: Final = 70.0
_MAX_LNG: Final = 179.0
#: Cells of a strip; as `geo.kernels.nearest` has it.
STRIP: Final = 32
# An index that so many more stations were added to, or entries written, is better laid anew.
_GROWN: Final = 2
_WRITTEN: Final = 16
_FEW: Final = 4_096
_ARRAYS: Final = ("grid", "lng", "lat", "kept", "heads", "cells", "places", "first", "rows")
_FIXED: Final = ("grid", "heads")


@dataclass(slots=True)
class StationGrid:
    """Stations by row, their places by cell, and the rows at each place.

    Of each array the first `used` rows count, of which the first `begun` came with it; what follows is room
    for edits. What an edit wrote anew stays where it was, for those who read it.

    Attributes
    ----------
    grid : ndarray of float64 (8,)
        West, south, cells a degree east and north, columns, lines, number of the first band, bands a degree.
    lng, lat : ndarray of float64
        By row, as is `kept`: those removed stay, and are in no cell.
    heads : ndarray of int64
        Where each strip's cells begin.
    cells : ndarray of int32
        Where the places of a strip's cells begin, and where those of its last one end.
    places : ndarray of float64 (places, 2)
    first, rows : ndarray of int64
        Where each place's rows begin, and the rows, ascending.
    live, beyond, laid : int
        Stations kept; those of them where the compiled search is not right, which are in no cell; and how
        many were in cells when those were laid.
    """

    grid: Floats
    lng: Floats
    lat: Floats
    kept: Flags
    heads: Rows
    cells: NDArray[np.int32]
    places: Floats
    first: Rows
    rows: Rows
    live: int
    beyond: int
    laid: int
    used: dict[str, int]
    begun: dict[str, int]
    room: Room | None = None

    def __len__(self) -> int:
        """Count the rows, those of stations removed too."""
        return self.used["lng"]

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without room."""
        held = {name: array[: self.used[name]] for name, array in self.arrays().items()}
        return _with_rooms, (held, self.live, self.beyond, self.laid)

    @property
    def fixed(self) -> tuple[str, ...]:
        """The arrays that edits write in place."""
        return _FIXED

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all arrays by name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    @property
    def searched(self) -> tuple[Floats, Floats, Rows, NDArray[np.int32], Floats, Rows, Rows]:
        """The arrays as kernels take them."""
        return self.grid, bands(), self.heads, self.cells, self.places, self.first, self.rows

    @property
    def outgrown(self) -> bool:
        """Whether a grid laid anew would be better."""
        written = self.used["rows"] > _WRITTEN * self.laid + _FEW
        return written or self.live > _GROWN * self.laid + STRIP

    def anew(self) -> "StationGrid":
        """Give the same stations in cells laid for them."""
        count = len(self)
        return station_grid(self.lng[:count], self.lat[:count], self.kept[:count])

    def strip_of(self, lng: float, lat: float) -> tuple[int, int]:
        """Give a point's strip, and its cell's number in it."""
        columns = int(self.grid[4])
        line, column = divmod(int(_cells(self.grid, np.array([lng]), np.array([lat]))[0]), columns)
        return line * _strips(columns) + column // STRIP, column % STRIP

    def within(self, lng: float, lat: float, radius_m: float) -> Rows:
        """Give the rows of all stations that may lie within a radius of at most `MAX_RADIUS_M`, ascending."""
        east_m, north_m = (float(length[0]) for length in metres_a_degree(np.array([lat])))
        half = 1.02 * radius_m / east_m + 1e-9, 1.02 * radius_m / north_m + 1e-9
        low = _cells(self.grid, np.array([lng - half[0]]), np.array([lat - half[1]]))[0]
        high = _cells(self.grid, np.array([lng + half[0]]), np.array([lat + half[1]]))[0]
        columns = int(self.grid[4])
        left, right = low % columns, high % columns
        strips = np.arange(left // STRIP, right // STRIP + 1)
        lines = np.arange(low // columns, high // columns + 1)[:, None] * _strips(columns)
        heads = self.heads[lines + strips]
        starts = self.first[self.cells[heads + np.maximum(left - STRIP * strips, 0)]].ravel()
        ends = self.first[self.cells[heads + np.minimum(right + 1 - STRIP * strips, STRIP)]].ravel()
        runs = [self.rows[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.sort(np.concatenate(runs))

    def count_places(self) -> int:
        """Count the places in all cells."""
        return int((self.cells[self.heads + STRIP] - self.cells[self.heads]).sum())


def supported(lng: Floats, lat: Floats) -> Flags:
    """Tell for which stations the compiled search is right."""
    right: Flags = (np.abs(lat) <= _MAX_LAT) & (np.abs(lng) <= _MAX_LNG)
    return right


def station_grid(lng: Floats, lat: Floats, kept: Flags) -> StationGrid:
    """Sort the stations kept into cells, but for those where the compiled search is not right."""
    rows = np.flatnonzero(kept & supported(lng, lat))
    x, y = lng[rows], lat[rows]
    grid = _frame(x, y)
    cell = _cells(grid, x, y)
    order = np.lexsort((rows, y, x, cell))
    x, y, cell = x[order], y[order], cell[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    at = np.flatnonzero(new)
    columns, lines = int(grid[4]), int(grid[5])
    starts = np.searchsorted(cell[at], np.arange(columns * lines + 1)).astype(np.int32)
    strips = np.arange(_strips(columns))[:, None] * STRIP + np.arange(STRIP + 1)
    cells = starts[np.arange(lines)[:, None, None] * columns + np.minimum(strips, columns)]
    held = {
        "grid": grid,
        "lng": lng,
        "lat": lat,
        "kept": kept,
        "heads": np.arange(lines * len(strips)) * (STRIP + 1),
        "cells": cells.reshape(-1),
        # As many as `first` has: one behind the last.
        "places": np.column_stack([np.append(x[at], 0.0), np.append(y[at], 0.0)]),
        "first": np.append(at, len(order)),
        "rows": rows[order],
    }
    live = int(np.count_nonzero(kept))
    return _with_rooms(held, live, live - len(rows), len(rows))


def _with_rooms(held: dict[str, NDArray[Any]], live: int, beyond: int, laid: int) -> StationGrid:
    used = {name: len(array) for name, array in held.items()}
    arrays: dict[str, Any] = {
        name: array if name in _FIXED else with_room(array, len(array)) for name, array in held.items()
    }
    return StationGrid(**arrays, live=live, beyond=beyond, laid=laid, used=used, begun=dict(used))


def _strips(columns: int) -> int:
    return -(-columns // STRIP)


def _frame(lng: Floats, lat: Floats) -> Floats:
    """Choose cells in which stations of towns stand few together, but not many more cells than stations."""
    if not len(lng):
        return np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, -_BANDS, _BANDS_A_DEGREE])
    west, south, wide, high = lng.min(), lat.min(), np.ptp(lng), np.ptp(lat)
    squeeze = np.cos(np.radians(south + high / 2))
    side = max(1e-5, np.sqrt(2 * wide * squeeze * high / len(lng)), max(wide, high) / (4 * len(lng)))
    while True:
        columns, lines = wide * squeeze // side + 1, high // side + 1
        grid = np.array([west, south, squeeze / side, 1 / side, columns, lines, -_BANDS, _BANDS_A_DEGREE])
        crowd = np.bincount(_cells(grid, lng, lat))
        few = (crowd.astype(np.float64) ** 2).sum() <= _CROWD * len(lng)
        if few or columns * lines > _CELLS * len(lng) or side < _MIN_CELL:
            return grid
        side /= np.sqrt(2)


def _cells(grid: Floats, lng: Floats, lat: Floats) -> Rows:
    column = np.clip((lng - grid[0]) * grid[2], 0, grid[4] - 1).astype(np.int64)
    line = np.clip((lat - grid[1]) * grid[3], 0, grid[5] - 1).astype(np.int64)
    cells: Rows = line * int(grid[4]) + column
    return cells


@cache
def bands() -> Floats:
    """Give, as (bands, 7), the middle latitude of each band and the series of a degree's length about it.

    They are metres a degree east and north there, each with two terms of its series. Bands are the same for
    every index, so that a distance is the same whatever other stations there are.
    """
    middle = (np.arange(-_BANDS, _BANDS) + 0.5) / _BANDS_A_DEGREE
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
