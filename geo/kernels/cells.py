"""Which coarse cells a polygon touches with which of its edges, and which it covers whole."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import F1, F2, I1, I2, INT, L1, L2, NONE, ONE, ZERO, inner, kernel
from geo.kernels.sides import INSIDE, side

__all__ = ["SLACK", "columns_of", "enter", "sort_entries"]

#: Share of a cell by which marks reach over: far above rounding, far below anything that costs time.
SLACK: Final = 1e-3
_OUTSIDE: Final = 0
_WITHIN: Final = 1
_TOUCHED: Final = 2


@inner
def columns_of(ax: float, ay: float, bx: float, by: float, line: int, last: int) -> tuple[int, int]:
    """Give the first and last column that a segment touches in one line of cells, within 0 to `last`."""
    low, high = min(ax, bx), max(ax, bx)
    rise = by - ay
    if abs(rise) > SLACK:
        slope = (bx - ax) / rise
        one = ax + (max(line - SLACK, min(ay, by)) - ay) * slope
        two = ax + (min(line + 1 + SLACK, max(ay, by)) - ay) * slope
        low, high = max(low, min(one, two)), min(high, max(one, two))
    return max(0, int(np.floor(low - SLACK))), min(last, int(np.floor(high + SLACK)))


@inner
def _push(pool: Any, used: int, cell: int, row: int, first: int, count: int) -> tuple[Any, int]:
    """Add an entry to a pool that grows."""
    if used == len(pool):
        larger = np.empty((2 * used, 4), np.int32)
        for at in range(used):
            for part in range(4):
                larger[at, part] = pool[at, part]
        pool = larger
    pool[used, 0], pool[used, 1], pool[used, 2], pool[used, 3] = cell, row, first, count
    return pool, used + 1


@inner
def _ring(
    xy: Any, begin: int, end: int, grid: Any, box: Any, touched: Any, row: int, pool: Any, used: int
) -> tuple[Any, int]:
    """Walk a ring: edges that stay in a cell form a run, an edge that leaves it belongs to all it touches."""
    width, columns, lines = box[2] - box[0] + 1, int(grid[4]), int(grid[5])
    ax, ay = (xy[begin, 0] - grid[0]) * grid[2], (xy[begin, 1] - grid[1]) * grid[3]
    here_x, here_y, first = int(ax), int(ay), begin
    for vertex in range(begin + 1, end):
        bx, by = (xy[vertex, 0] - grid[0]) * grid[2], (xy[vertex, 1] - grid[1]) * grid[3]
        next_x, next_y = int(bx), int(by)
        if next_x != here_x or next_y != here_y:
            touched[(here_y - box[1]) * width + here_x - box[0]] = _TOUCHED
            pool, used = _push(pool, used, here_y * columns + here_x, row, first, vertex - first)
            bottom, top = int(np.floor(min(ay, by) - SLACK)), int(np.floor(max(ay, by) + SLACK))
            for line in range(max(0, bottom), min(lines - 1, top) + 1):
                low, high = columns_of(ax, ay, bx, by, line, columns - 1)
                for column in range(low, high + 1):
                    if (line == here_y and column == here_x) or (line == next_y and column == next_x):
                        continue
                    touched[(line - box[1]) * width + column - box[0]] = _TOUCHED
                    pool, used = _push(pool, used, line * columns + column, row, vertex - 1, ONE)
            here_x, here_y, first = next_x, next_y, vertex - 1
        ax, ay = bx, by
    touched[(here_y - box[1]) * width + here_x - box[0]] = _TOUCHED
    return _push(pool, used, here_y * columns + here_x, row, first, end - 1 - first)


@inner
def _covered(
    xy: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    box: Any,
    touched: Any,
    row: int,
    pool: Any,
    used: int,
) -> tuple[Any, int]:
    """Enter the cells that lie whole in a polygon: told by a neighbour, or by the middle."""
    width = box[2] - box[0] + 1
    for at in range(width * (box[3] - box[1] + 1)):
        if touched[at] == _TOUCHED:
            continue
        column, line = at % width, at // width
        if column > 0 and touched[at - 1] != _TOUCHED:
            touched[at] = touched[at - 1]
        elif line > 0 and touched[at - width] != _TOUCHED:
            touched[at] = touched[at - width]
        else:
            x = grid[0] + (box[0] + column + 0.5) / grid[2]
            y = grid[1] + (box[1] + line + 0.5) / grid[3]
            touched[at] = _WITHIN if side(xy, heads, slab_start, slab_edge, row, x, y) == INSIDE else _OUTSIDE
        if touched[at] == _WITHIN:
            cell = (box[1] + line) * int(grid[4]) + box[0] + column
            pool, used = _push(pool, used, cell, row, ZERO, ZERO)
    return pool, used


@inner
def _box(bounds: Any, row: int, grid: Any) -> tuple[int, int, int, int]:
    """Give the first and last column and line a polygon may touch, one more on each side for the slack."""
    return (
        max(0, int((bounds[row, 0] - grid[0]) * grid[2]) - 1),
        max(0, int((bounds[row, 1] - grid[1]) * grid[3]) - 1),
        min(int(grid[4]) - 1, int((bounds[row, 2] - grid[0]) * grid[2]) + 1),
        min(int(grid[5]) - 1, int((bounds[row, 3] - grid[1]) * grid[3]) + 1),
    )


@kernel(I2, F2, L2, L2, F2, F2, I1, I1, F1, L1, INT, INT)
def enter(
    xy: Any,
    rings: Any,
    polys: Any,
    bounds: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    order: Any,
    start: int,
    end: int,
) -> Any:
    """Give the entries of the polygons order[start:end]: cell, row, first edge, number of edges.

    An entry of no edges covers its cell whole. A polygon's entries stand together.
    """
    touched, pool, used = np.empty(1024, np.uint8), np.empty((1024, 4), np.int32), ZERO
    for place in range(start, end):
        row = order[place]
        box = _box(bounds, row, grid)
        cells = (box[2] - box[0] + 1) * (box[3] - box[1] + 1)
        if len(touched) < cells:
            touched = np.empty(2 * cells, np.uint8)
        for at in range(cells):
            touched[at] = _OUTSIDE
        for ring in range(polys[row, 0], polys[row, 1]):
            pool, used = _ring(xy, rings[ring, 0], rings[ring, 1], grid, box, touched, row, pool, used)
        pool, used = _covered(xy, heads, slab_start, slab_edge, grid, box, touched, row, pool, used)
    return pool[:used]


@kernel(NONE, I2, I1, I2)
def sort_entries(pool: Any, cursor: Any, entries: Any) -> None:
    """Move entries to where their cell's cursor points, keeping their order."""
    for at in range(len(pool)):
        to = cursor[pool[at, 0]]
        cursor[pool[at, 0]] += 1
        entries[to, 0], entries[to, 1], entries[to, 2] = pool[at, 1], pool[at, 2], pool[at, 3]
