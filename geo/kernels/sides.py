"""On which side of a polygon's border a point lies: certain, or left to shapely."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import F2, I1, INT, L1, L2, NONE, inner, kernel

__all__ = ["INSIDE", "OUTSIDE", "UNSURE", "cast", "fill_slabs", "measure", "side", "slab_of"]

OUTSIDE: Final = 0
INSIDE: Final = 1
UNSURE: Final = 2

# Shewchuk's bound for the orientation of three points: beyond it the sign of the determinant is the true one.
_ERROR: Final = 3.3306690738754716e-16
# Edges a slab starts with, about; narrower slabs hold each edge more often.
_EDGES: Final = 4
_MAX_SCALE: Final = 1e15


@inner
def slab_of(heads: Any, row: int, py: float) -> int:
    """Give the number of the slab that a latitude lies in, -1 south of the polygon.

    `heads` are south, slabs a degree, the first slab and the number of slabs of each polygon.
    """
    low = heads[row, 0]
    if py < low:
        return -1
    return int(heads[row, 2]) + min(int(heads[row, 3]) - 1, int((py - low) * heads[row, 1]))


@inner
def cast(xy: Any, slab_edge: Any, first: int, last: int, px: float, py: float) -> int:
    """Cast a ray to the east over the edges of a slab; UNSURE on and very near an edge."""
    inside = False
    for at in range(first, last):
        edge = slab_edge[at]
        ax, ay, bx, by = xy[edge, 0], xy[edge, 1], xy[edge + 1, 0], xy[edge + 1, 1]
        if (ay > py and by > py) or (ay < py and by < py) or (px > ax and px > bx):
            continue
        straddles = (ay > py) != (by > py)
        if px < ax and px < bx:
            inside ^= straddles
            continue
        left, right = (ax - px) * (by - py), (ay - py) * (bx - px)
        turn = left - right
        if abs(turn) <= _ERROR * (abs(left) + abs(right)):
            return UNSURE
        inside ^= straddles and ((turn > 0) == (by > ay))
    return INSIDE if inside else OUTSIDE


@inner
def side(xy: Any, heads: Any, slab_start: Any, slab_edge: Any, row: int, px: float, py: float) -> int:
    """Tell on which side of a polygon's border a point lies."""
    slab = slab_of(heads, row, py)
    if slab < 0:
        return OUTSIDE
    first: Any = np.int64(slab_start[slab])
    last: Any = np.int64(slab_start[slab + 1])
    return cast(xy, slab_edge, first, last, px, py)


@inner
def _bounds(xy: Any, rings: Any, first: int, last: int) -> tuple[float, float, float, float, int]:
    west, south, east, north, vertices = 1e300, 1e300, -1e300, -1e300, 0
    for ring in range(first, last):
        vertices += rings[ring, 1] - rings[ring, 0]
        for vertex in range(rings[ring, 0], rings[ring, 1]):
            x, y = xy[vertex, 0], xy[vertex, 1]
            west, east = min(west, x), max(east, x)
            south, north = min(south, y), max(north, y)
    return west, south, east, north, vertices


@inner
def _slab(y: float, low: float, scale: float, count: int) -> int:
    return min(count - 1, max(0, int((y - low) * scale)))


@inner
def _spread(
    xy: Any, rings: Any, polys: Any, heads: Any, row: int, slab_start: Any, slab_edge: Any, fill: bool
) -> None:
    """Count the edges of each slab, or write them where the slab's start points and move it on."""
    low, scale, first, count = heads[row, 0], heads[row, 1], int(heads[row, 2]), int(heads[row, 3])
    for ring in range(polys[row, 0], polys[row, 1]):
        last = _slab(xy[rings[ring, 0], 1], low, scale, count)
        for vertex in range(rings[ring, 0] + 1, rings[ring, 1]):
            here = _slab(xy[vertex, 1], low, scale, count)
            for slab in range(first + min(here, last), first + max(here, last) + 1):
                if fill:
                    slab_edge[slab_start[slab]] = vertex - 1
                slab_start[slab] += 1
            last = here


@kernel(NONE, F2, L2, L2, F2, F2, L1, INT, INT)
def measure(
    xy: Any, rings: Any, polys: Any, bounds: Any, heads: Any, entries: Any, start: int, end: int
) -> None:
    """Write the bounds of polygons, their heads but for the first slab, and the slabs' numbers of entries."""
    for row in range(start, end):
        west, south, east, north, vertices = _bounds(xy, rings, polys[row, 0], polys[row, 1])
        count = max(1, vertices // _EDGES)
        height = north - south
        scale = min(_MAX_SCALE, count / height) if height > 0 else 0.0
        bounds[row, 0], bounds[row, 1], bounds[row, 2], bounds[row, 3] = west, south, east, north
        heads[row, 0], heads[row, 1], heads[row, 3] = south, scale, count
        total = 0
        for ring in range(polys[row, 0], polys[row, 1]):
            last = _slab(xy[rings[ring, 0], 1], south, scale, count)
            for vertex in range(rings[ring, 0] + 1, rings[ring, 1]):
                here = _slab(xy[vertex, 1], south, scale, count)
                total += abs(here - last) + 1
                last = here
        entries[row] = total


@kernel(NONE, F2, L2, L2, F2, L1, I1, I1, INT, INT)
def fill_slabs(
    xy: Any,
    rings: Any,
    polys: Any,
    heads: Any,
    entry_first: Any,
    slab_start: Any,
    slab_edge: Any,
    start: int,
    end: int,
) -> None:
    """Write, polygon by polygon, which edges each slab holds; an edge is named by its first vertex."""
    for row in range(start, end):
        first, count = int(heads[row, 2]), int(heads[row, 3])
        for slab in range(first, first + count + 1):
            slab_start[slab] = 0
        _spread(xy, rings, polys, heads, row, slab_start, slab_edge, fill=False)
        total = entry_first[row]
        for slab in range(first, first + count + 1):
            held = slab_start[slab]
            slab_start[slab] = total
            total += held
        _spread(xy, rings, polys, heads, row, slab_start, slab_edge, fill=True)
        # Filling moved the start of each slab to its end.
        for slab in range(first + count, first, -1):
            slab_start[slab] = slab_start[slab - 1]
        slab_start[first] = entry_first[row]
