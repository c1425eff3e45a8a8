"""Well-known binary polygons become coordinates and rings without an object each."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import B1, INT, L1, L2, NONE, RB1, RL1, ZERO, inner, kernel

__all__ = ["copy_rings", "count_rings"]

_POLYGON: Final = 3
_MULTIPOLYGON: Final = 6


@inner
def _word(data: Any, at: int) -> int:
    return int(data[at]) | int(data[at + 1]) << 8 | int(data[at + 2]) << 16 | int(data[at + 3]) << 24


@inner
def _walk(data: Any, at: int, end: int, xy: Any, rings: Any, vertices: int, ring: int) -> tuple[int, int]:
    """Go through one polygon's bytes, writing where arrays are given; give the next places, or -1."""
    write, parts, kind = len(rings) > 0, 1, 0
    if end - at >= 9 and data[at] == 1:
        kind = _word(data, at + 1)
    if kind == _MULTIPOLYGON:
        parts = _word(data, at + 5)
        at += 9
    elif kind != _POLYGON:
        return -1, 0
    for _ in range(parts):
        if end - at < 9 or data[at] != 1 or _word(data, at + 1) != _POLYGON:
            return -1, 0
        count = _word(data, at + 5)
        at += 9
        for nth in range(count):
            if end - at < 4:
                return -1, 0
            length = _word(data, at)
            at += 4
            if length < 4 or end - at < 16 * length:
                return -1, 0
            if write:
                rings[ring, 0], rings[ring, 1], rings[ring, 2] = vertices, vertices + length, nth == 0
                for byte in range(16 * length):
                    xy[16 * vertices + byte] = data[at + byte]
            at, vertices, ring = at + 16 * length, vertices + length, ring + 1
    if at != end:
        return -1, 0
    return vertices, ring


@kernel(NONE, RB1, RL1, L2, INT, INT)
def count_rings(data: Any, ends: Any, counts: Any, start: int, end: int) -> None:
    """Count vertices and rings of each polygon; -1 where it is no plain, flat, little-endian one."""
    nowhere, nothing = np.empty(0, np.uint8), np.empty((0, 3), np.int64)
    for row in range(start, end):
        first = ends[row - 1] if row else 0
        counts[row, 0], counts[row, 1] = _walk(data, first, ends[row], nowhere, nothing, ZERO, ZERO)


@kernel(NONE, RB1, RL1, L1, L1, B1, L2, INT, INT)
def copy_rings(
    data: Any, ends: Any, vertex_first: Any, ring_first: Any, xy: Any, rings: Any, start: int, end: int
) -> None:
    """Copy the vertices and rings of each polygon to its place; `xy` byte by byte."""
    for row in range(start, end):
        first = ends[row - 1] if row else 0
        _walk(data, first, ends[row], xy, rings, vertex_first[row], ring_first[row])
