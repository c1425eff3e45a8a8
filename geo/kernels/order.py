"""Points are put into the order of cells, so that neighbours are looked up one after the other."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import F1, INT, L1, NONE, RF1, inner, kernel

__all__ = ["order_points"]

#: Groups of cells told apart: their counts stay in the processor's cache.
_GROUPS: Final = 1 << 15


@inner
def _group(grid: Any, x: float, y: float, cells_a_group: int) -> int:
    """Give the number of a point's group of cells; points outside the grid go to the nearest cell."""
    column = min(max((x - grid[0]) * grid[2], 0.0), grid[4] - 1.0)
    line = min(max((y - grid[1]) * grid[3], 0.0), grid[5] - 1.0)
    return (int(line) * int(grid[4]) + int(column)) // cells_a_group


@kernel(NONE, F1, RF1, RF1, L1, F1, F1, INT)
def order_points(grid: Any, lng: Any, lat: Any, order: Any, xs: Any, ys: Any, start: int) -> None:
    """Write points by cell and then by number, and their numbers, which count from `start`."""
    cells = int(grid[4]) * int(grid[5])
    cells_a_group = (cells + _GROUPS - 1) // _GROUPS
    groups = np.empty(len(lng), np.int32)
    counts = np.zeros(cells // cells_a_group + 2, np.int64)
    for point in range(len(lng)):
        group = _group(grid, lng[point], lat[point], cells_a_group)
        groups[point] = group
        counts[group + 1] += 1
    for group in range(1, len(counts)):
        counts[group] += counts[group - 1]
    for point in range(len(lng)):
        to = counts[groups[point]]
        counts[groups[point]] += 1
        order[to], xs[to], ys[to] = start + point, lng[point], lat[point]
