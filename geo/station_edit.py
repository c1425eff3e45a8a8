"""A station is added to a grid or taken out here; only the strip of cells where it stands is written anew.

Nothing that another thread may be reading is changed but by one store at a time: the strip's cells, places
and rows are written behind all others, and then where the strip stands.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.points import Floats, Rows
from geo.room import kept_up, put
from geo.station_grid import STRIP, StationGrid, supported

# So few that laying them anew costs about what an edit does.
_FEW = 2_048


class _Strip(NamedTuple):
    """Cells of a line, their places and rows, counted from its own first ones."""

    starts: NDArray[np.int32]
    places: Floats
    first: Rows
    rows: Rows

    def find(self, cell: int, lng: float, lat: float) -> int:
        """Give the place that stands exactly there, else -1."""
        start, end = self.starts[cell : cell + 2].tolist()
        same = np.flatnonzero((self.places[start:end] == (lng, lat)).all(axis=1))
        return start + int(same[0]) if len(same) else -1

    def adding(self, cell: int, lng: float, lat: float, row: int) -> "_Strip":
        """Give the strip with one more station, whose row is greater than all others."""
        starts, places, first, place = self.starts.copy(), self.places, self.first, self.find(cell, lng, lat)
        if place < 0:
            place = int(starts[cell + 1])
            starts[cell + 1 :] += 1
            places, first = (
                np.insert(places, place, (lng, lat), axis=0),
                np.insert(first, place, first[place]),
            )
        rows = np.insert(self.rows, first[place + 1], row)
        later = np.arange(len(first)) > place
        return _Strip(starts, places, first + later, rows)

    def without(self, cell: int, lng: float, lat: float, row: int) -> "_Strip":
        """Give the strip without a station that stands there."""
        starts, places, place = self.starts.copy(), self.places, self.find(cell, lng, lat)
        start, end = self.first[place : place + 2].tolist()
        rows = np.delete(self.rows, start + np.searchsorted(self.rows[start:end], row))
        first = self.first - (np.arange(len(self.first)) > place)
        if end - start == 1:
            starts[cell + 1 :] -= 1
            places, first = np.delete(places, place, axis=0), np.delete(first, place)
        return _Strip(starts, places, first, rows)


def with_station(old: StationGrid, lng: float, lat: float) -> StationGrid:
    """Give the grid with one more station, whose row is the next."""
    grid = dataclasses.replace(old, used=dict(old.used), live=old.live + 1)
    row = put(grid, "lng", np.array([lng]))
    put(grid, "lat", np.array([lat]))
    put(grid, "kept", np.array([True]))
    written = {}
    if supported(np.array([lng]), np.array([lat]))[0]:
        strip, cell = grid.strip_of(lng, lat)
        _write(grid, strip, _read(grid, strip).adding(cell, lng, lat, row))
        written["heads"] = strip
    else:
        grid.beyond += 1
    return _settled(grid, written)


def without_station(old: StationGrid, row: int) -> StationGrid:
    """Give the grid without the station of a row that is kept."""
    grid = dataclasses.replace(old, used=dict(old.used), live=old.live - 1)
    lng, lat, written = float(grid.lng[row]), float(grid.lat[row]), {"kept": row}
    if supported(grid.lng[row : row + 1], grid.lat[row : row + 1])[0]:
        strip, cell = grid.strip_of(lng, lat)
        _write(grid, strip, _read(grid, strip).without(cell, lng, lat, row))
        written["heads"] = strip
    else:
        grid.beyond -= 1
    grid.kept[row] = False
    return _settled(grid, written)


def _settled(grid: StationGrid, written: dict[str, int]) -> StationGrid:
    """Keep room for the next edits; few stations that were fewer are laid anew instead."""
    if grid.outgrown and len(grid) <= _FEW:
        return grid.anew()
    grid.room = kept_up(grid, written)
    return grid


def _read(grid: StationGrid, strip: int) -> _Strip:
    head = int(grid.heads[strip])
    starts = grid.cells[head : head + STRIP + 1]
    start, end = int(starts[0]), int(starts[-1])
    first = grid.first[start : end + 1]
    return _Strip(
        starts - starts[0], grid.places[start:end], first - first[0], grid.rows[first[0] : first[-1]]
    )


def _write(grid: StationGrid, strip: int, held: _Strip) -> None:
    """Write a strip behind all others, then where it stands."""
    rows = put(grid, "rows", held.rows)
    # One more, as `first` has.
    place = put(grid, "places", np.vstack([held.places, (0.0, 0.0)]))
    put(grid, "first", held.first + rows)
    grid.heads[strip] = put(grid, "cells", held.starts + np.int32(place))
