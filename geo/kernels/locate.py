"""Points are looked up in the grid; those on or very near a border are named for shapely to decide."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import B1, F1, F2, I1, INT, L1, NONE, RB1, RF1, RL1, ZERO, inner, kernel
from geo.kernels.sides import INSIDE, OUTSIDE, cast, side, slab_of

__all__ = ["NOWHERE", "UNDECIDED", "count_holding", "fill_holding", "locate"]

NOWHERE: Final = -1
UNDECIDED: Final = -2
#: Points looked up together.
_BATCH: Final = 512


@inner
def _leaf(grid: Any, coarse: Any, fine: Any, leaves: Any, x: float, y: float) -> tuple[int, int]:
    """Give a point's leaf and, where that is a list, the list's place; see `geo.kernels.blocks`.

    Nothing is skipped: what a branch would save is less than wrong guesses of the processor cost.
    """
    tx, ty = (x - grid[0]) * grid[2], (y - grid[1]) * grid[3]
    within = tx >= 0.0 and ty >= 0.0 and tx < grid[4] and ty < grid[5]
    tx, ty = tx if within else 0.0, ty if within else 0.0
    column, line = int(tx), int(ty)
    word = coarse[line * int(grid[4]) + column]
    word = word if within else NOWHERE
    # A block: its place in `fine`, and the binary logarithm of its size. What is none reads the first word.
    block = word < NOWHERE
    at, power = (-2 - word) >> 3 if block else 0, (-2 - word) & 7 if block else 0
    size = 1 << power
    kind = leaves[4 * at + (int((ty - line) * size) << power) + int((tx - column) * size)]
    leaf = fine[at - 1 - kind if block else 0]
    return leaf if block else word, at + 1 + leaf


@inner
def _touch(
    xy: Any, heads: Any, slab_start: Any, slab_edge: Any, lat: Any, points: Any, slabs: Any, count: int
) -> float:
    """Find the edges that the first two polygons of each point's list ask for, one look at memory at a time.

    What a point waits for is asked for many points at once; slabs become the first and last of the edges.
    """
    for nth in range(count):
        for way in range(2):
            slabs[nth, way, 0] = slab_of(heads, slabs[nth, way, 0] >> 1, lat[points[nth]])
    for nth in range(count):
        for way in range(2):
            slab = slabs[nth, way, 0]
            slabs[nth, way, 0] = slab_start[slab] if slab >= 0 else 0
            slabs[nth, way, 1] = slab_start[slab + 1] if slab >= 0 else 0
    touched = 0.0
    for nth in range(count):
        for way in range(2):
            first, last = slabs[nth, way, 0], slabs[nth, way, 1]
            if first < last:
                touched += xy[slab_edge[first], 0] + xy[slab_edge[last - 1], 0]
    return touched


@inner
def _first_of(
    xy: Any, heads: Any, slab_start: Any, slab_edge: Any, fine: Any, at: int, slabs: Any, x: float, y: float
) -> int:
    """Give the first polygon of the list at `at` that holds a point, NOWHERE or UNDECIDED."""
    for nth in range(fine[at]):
        entry: int = fine[at + 1 + nth]
        if entry & 1:
            return entry >> 1
        if nth < 2:
            found = cast(xy, slab_edge, slabs[nth, 0], slabs[nth, 1], x, y)
        else:
            found = side(xy, heads, slab_start, slab_edge, entry >> 1, x, y)
        if found != OUTSIDE:
            return entry >> 1 if found == INSIDE else UNDECIDED
    return NOWHERE


@kernel(INT, F2, F2, I1, I1, F1, L1, I1, RB1, RF1, RF1, RL1, L1, INT, INT)
def locate(
    xy: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    coarse: Any,
    fine: Any,
    leaves: Any,
    lng: Any,
    lat: Any,
    order: Any,
    rows: Any,
    start: int,
    end: int,
) -> int:
    """Write the first polygon, in the order of codes, that holds each point; give the number UNDECIDED.

    The answer for point n goes to rows[order[n]], or to rows[n] where `order` is empty.
    """
    undecided, ordered, touched = 0, len(order) > 0, 0.0
    points, lists = np.empty(_BATCH, np.int64), np.empty(_BATCH, np.int64)
    slabs = np.empty((_BATCH, 2, 2), np.int64)
    for base in range(start, end, _BATCH):
        count = ZERO
        for nth in range(base, min(end, base + _BATCH)):
            row, at = _leaf(grid, coarse, fine, leaves, lng[nth], lat[nth])
            rows[order[nth] if ordered else nth] = row
            points[count], lists[count] = nth, at
            count += row <= UNDECIDED
        for nth in range(count):
            at = lists[nth]
            slabs[nth, 0, 0], slabs[nth, 1, 0] = fine[at + 1], fine[at + min(2, fine[at])]
        touched += _touch(xy, heads, slab_start, slab_edge, lat, points, slabs, count)
        for nth in range(count):
            point, at = points[nth], lists[nth]
            row = _first_of(xy, heads, slab_start, slab_edge, fine, at, slabs[nth], lng[point], lat[point])
            rows[order[point] if ordered else point] = row
            undecided += row == UNDECIDED
    # Never so; without it the compiler would leave the touching out.
    return undecided + (touched == np.inf)


@kernel(NONE, F1, L1, I1, RB1, RF1, RF1, L1, INT, INT)
def count_holding(
    grid: Any, coarse: Any, fine: Any, leaves: Any, lng: Any, lat: Any, counts: Any, start: int, end: int
) -> None:
    """Count the polygons that may hold each point."""
    for point in range(start, end):
        row, at = _leaf(grid, coarse, fine, leaves, lng[point], lat[point])
        counts[point] = fine[at] if row <= UNDECIDED else row >= 0


@kernel(NONE, F2, F2, I1, I1, F1, L1, I1, RB1, RF1, RF1, L1, L1, B1, INT, INT)
def fill_holding(
    xy: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    coarse: Any,
    fine: Any,
    leaves: Any,
    lng: Any,
    lat: Any,
    first: Any,
    rows: Any,
    sides: Any,
    start: int,
    end: int,
) -> None:
    """Write those polygons from rows[first[point]] on, by code, and on which of their sides the point is."""
    for point in range(start, end):
        x, y, to = lng[point], lat[point], first[point]
        row, at = _leaf(grid, coarse, fine, leaves, x, y)
        if row >= 0:
            rows[to], sides[to] = row, INSIDE
        elif row <= UNDECIDED:
            for nth in range(fine[at]):
                entry: Any = np.int64(fine[at + 1 + nth])
                rows[to + nth] = entry >> 1
                if entry & 1:
                    sides[to + nth] = INSIDE
                else:
                    sides[to + nth] = side(xy, heads, slab_start, slab_edge, entry >> 1, x, y)
