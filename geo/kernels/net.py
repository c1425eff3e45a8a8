"""For each mesh of a fine net, the places that may be the nearest of a point in it."""

from typing import Any

import numpy as np

from geo.kernels.jit import F1, F2, FLOAT, I1, INT, L1, kernel
from geo.kernels.nearest import SHRINK, STRIP, TIE_M, WIDE, places_of, search, square

__all__ = ["index_lists", "list_places"]


@kernel(I1, F1, F2, L1, I1, F2, L1, L1, F1, FLOAT, INT, INT)
def list_places(
    grid: Any,
    bands: Any,
    heads: Any,
    cells: Any,
    places: Any,
    first: Any,
    rows: Any,
    net: Any,
    radius_m: float,
    start: int,
    end: int,
) -> Any:
    """Give, for the meshes start to end of a net, length and places of those that may be the nearest.

    `net` is west, south, meshes a degree east and north, columns, lines. Only places within the radius count.
    """
    best, found, mask = np.empty(2), np.empty(2, np.int64), np.empty(0, np.uint8)
    pool, free = np.empty(1 << 12, np.int32), 0
    columns, lines = int(grid[4]), int(grid[5])
    strips = (columns + (1 << STRIP) - 1) >> STRIP
    for mesh in range(start, end):
        x = net[0] + (mesh % int(net[4]) + 0.5) / net[2]
        y = net[1] + (mesh // int(net[4]) + 0.5) / net[3]
        band = min(max(int(y * grid[7] - grid[6]), 0), len(bands) - 1)
        half_m = (
            0.51 * np.hypot(bands[band, 1] / (net[2] * SHRINK), bands[band, 4] / (net[3] * SHRINK)) + TIE_M
        )
        for at in range(2):
            best[at], found[at] = (radius_m + half_m) ** 2, -1
        search(x, y, grid, bands, band, heads, cells, places, first, rows, mask, best, found)
        # The nearest of the middle bounds the nearest of every point of the mesh.
        reach = min(np.sqrt(best[0]) + 2.0 * half_m, radius_m + half_m) + 2.0 * TIE_M
        wide, high = reach / (SHRINK * bands[band, 1]), reach / (SHRINK * bands[band, 4])
        left = int(min(max((x - wide - grid[0]) * grid[2], 0.0), columns - 1.0))
        right = int(min(max((x + wide - grid[0]) * grid[2], 0.0), columns - 1.0))
        low = int(min(max((y - high - grid[1]) * grid[3], 0.0), lines - 1.0))
        top = int(min(max((y + high - grid[1]) * grid[3], 0.0), lines - 1.0))
        head, free = free, free + 1
        across = (right >> STRIP) - (left >> STRIP) + 1
        for nth in range((top - low + 1) * across):
            strip = (left >> STRIP) + nth % across
            west = strip << STRIP
            begin, stop = places_of(
                heads, cells, (low + nth // across) * strips + strip, left - west, right - west
            )
            for place in range(begin, stop):
                if free + 2 >= len(pool):
                    larger = np.empty(2 * len(pool), np.int32)
                    for at in range(free):
                        larger[at] = pool[at]
                    pool = larger
                if (
                    square(x, y, places[place, 0], places[place, 1], bands, band) <= reach * reach
                    and abs(places[place, 0] - x) <= WIDE
                ):
                    pool[free] = place
                    free += 1
        pool[head] = free - head - 1
        if free + 2 >= len(pool):
            larger = np.empty(2 * len(pool), np.int32)
            for at in range(free):
                larger[at] = pool[at]
            pool = larger
    return pool[:free]


@kernel(I1, I1, INT)
def index_lists(pool: Any, meshes: int) -> Any:
    """Bring lists with their lengths into one array that begins with where each starts, and the last ends."""
    lists = np.empty(len(pool) + 1, np.int32)
    at, to = 0, meshes + 1
    for mesh in range(meshes):
        lists[mesh] = to
        for nth in range(pool[at]):
            lists[to + nth] = pool[at + 1 + nth]
        to, at = to + pool[at], at + pool[at] + 1
    lists[meshes] = to
    return lists
