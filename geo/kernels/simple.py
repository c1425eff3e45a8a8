"""Rings that surely do not touch themselves are told here; all others are left to shapely."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import B1, F2, INT, L2, NONE, inner, kernel

__all__ = ["simple"]

_ERROR: Final = 3.3306690738754716e-16
# Edges that are first looked at together, by their common box.
_BLOCK: Final = 8


@inner
def _turn(xy: Any, a: int, b: int, c: int) -> int:
    """Give the side of the line through a and b on which c lies: 1, -1, or 0 where it is not certain."""
    left = (xy[a, 0] - xy[c, 0]) * (xy[b, 1] - xy[c, 1])
    right = (xy[a, 1] - xy[c, 1]) * (xy[b, 0] - xy[c, 0])
    turn = left - right
    if abs(turn) <= _ERROR * (abs(left) + abs(right)):
        return 0
    return 1 if turn > 0 else -1


@inner
def _apart(xy: Any, e: int, f: int, first: int, last: int) -> bool:
    """Tell whether two edges surely have nothing in common but the vertex of neighbours."""
    if f == e + 1 or (e == first and f == last):
        a, b, c = (e, e + 1, f + 1) if f == e + 1 else (f, f + 1, e + 1)
        if _turn(xy, a, b, c) != 0:
            return True
        ahead = (xy[b, 0] - xy[a, 0]) * (xy[c, 0] - xy[b, 0]) + (xy[b, 1] - xy[a, 1]) * (xy[c, 1] - xy[b, 1])
        return bool(ahead > 0)
    if max(xy[e, 0], xy[e + 1, 0]) < min(xy[f, 0], xy[f + 1, 0]):
        return True
    if min(xy[e, 0], xy[e + 1, 0]) > max(xy[f, 0], xy[f + 1, 0]):
        return True
    if max(xy[e, 1], xy[e + 1, 1]) < min(xy[f, 1], xy[f + 1, 1]):
        return True
    if min(xy[e, 1], xy[e + 1, 1]) > max(xy[f, 1], xy[f + 1, 1]):
        return True
    if _turn(xy, e, e + 1, f) * _turn(xy, e, e + 1, f + 1) > 0:
        return True
    return _turn(xy, f, f + 1, e) * _turn(xy, f, f + 1, e + 1) > 0


@inner
def _boxes(xy: Any, first: int, last: int, boxes: Any) -> int:
    """Write the boxes of blocks of edges first to last; give their number."""
    count = 0
    for edge in range(first, last + 1, _BLOCK):
        west, south, east, north = 1e300, 1e300, -1e300, -1e300
        for vertex in range(edge, min(edge + _BLOCK, last + 1) + 1):
            west, east = min(west, xy[vertex, 0]), max(east, xy[vertex, 0])
            south, north = min(south, xy[vertex, 1]), max(north, xy[vertex, 1])
        boxes[count, 0], boxes[count, 1], boxes[count, 2], boxes[count, 3] = west, south, east, north
        count += 1
    return count


@inner
def _ring_simple(xy: Any, first: int, last: int, boxes: Any) -> bool:
    count = _boxes(xy, first, last, boxes)
    for one in range(count):
        for two in range(one, count):
            if boxes[one, 2] < boxes[two, 0] or boxes[one, 0] > boxes[two, 2]:
                continue
            if boxes[one, 3] < boxes[two, 1] or boxes[one, 1] > boxes[two, 3]:
                continue
            for e in range(first + one * _BLOCK, min(first + (one + 1) * _BLOCK, last + 1)):
                begin = max(e + 1, first + two * _BLOCK)
                for f in range(begin, min(first + (two + 1) * _BLOCK, last + 1)):
                    if not _apart(xy, e, f, first, last):
                        return False
    return True


@kernel(NONE, F2, L2, L2, B1, INT, INT)
def simple(xy: Any, rings: Any, polys: Any, sure: Any, start: int, end: int) -> None:
    """Mark the polygons of one ring that are surely valid."""
    boxes = np.empty((1024, 4))
    for row in range(start, end):
        sure[row] = 0
        if polys[row, 1] - polys[row, 0] != 1:
            continue
        first, last = rings[polys[row, 0], 0], rings[polys[row, 0], 1] - 2
        if last - first < 2:
            continue
        if len(boxes) * _BLOCK < last - first + _BLOCK:
            boxes = np.empty(((last - first) // _BLOCK + 2, 4))
        sure[row] = _ring_simple(xy, first, last, boxes)
