"""Points are looked up in the grid; those on or very near a border are named for shapely to decide."""

from typing import Any, Final

from geo.kernels.jit import B1, F1, F2, I1, INT, L1, NONE, RB1, RF1, RL1, inner, kernel
from geo.kernels.sides import INSIDE, OUTSIDE, side

__all__ = ["NOWHERE", "UNDECIDED", "count_holding", "fill_holding", "locate"]

NOWHERE: Final = -1
UNDECIDED: Final = -2


@inner
def _leaf(grid: Any, coarse: Any, fine: Any, leaves: Any, x: float, y: float) -> tuple[int, int]:
    """Give a point's leaf and, where that is a list, the list's place; see `geo.kernels.blocks`."""
    tx, ty = (x - grid[0]) * grid[2], (y - grid[1]) * grid[3]
    if not (tx >= 0.0 and ty >= 0.0 and tx < grid[4] and ty < grid[5]):
        return NOWHERE, 0
    column, line = int(tx), int(ty)
    word = coarse[line * int(grid[4]) + column]
    if word >= NOWHERE:
        return word, 0
    # A block: its place in `fine`, and the binary logarithm of its size.
    at, power = (-2 - word) >> 3, (-2 - word) & 7
    size = 1 << power
    leaf = fine[at - 1 - leaves[4 * at + (int((ty - line) * size) << power) + int((tx - column) * size)]]
    return leaf, at + 1 + leaf


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
    undecided, ordered = 0, len(order) > 0
    for nth in range(start, end):
        x, y = lng[nth], lat[nth]
        row, at = _leaf(grid, coarse, fine, leaves, x, y)
        if row <= UNDECIDED:
            row = NOWHERE
            for place in range(at + 1, at + 1 + fine[at]):
                entry = fine[place]
                found = INSIDE
                if not entry & 1:
                    found = side(xy, heads, slab_start, slab_edge, entry >> 1, x, y)
                if found != OUTSIDE:
                    row = entry >> 1 if found == INSIDE else UNDECIDED
                    break
            undecided += row == UNDECIDED
        rows[order[nth] if ordered else nth] = row
    return undecided


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
                entry = fine[at + 1 + nth]
                rows[to + nth] = entry >> 1
                if entry & 1:
                    sides[to + nth] = INSIDE
                else:
                    sides[to + nth] = side(xy, heads, slab_start, slab_edge, entry >> 1, x, y)
