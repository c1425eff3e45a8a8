"""Points are asked of a grid here, the undecided ones of shapely; codes and rows of frames are not known."""

from typing import Final

import numpy as np
import shapely

from geo.area_arrays import shapes_of
from geo.area_grid import Grid
from geo.points import Flags, Floats, Rows
from geo.slices import in_order, in_slices

# Looked at together by shapely, and from how many points of one polygon on preparing it pays.
_PAIRS: Final = 65_536
_WORTH_PREPARING: Final = 64
_UNSURE: Final = 2
_UNDECIDED: Final = -2


def first_holding(whole: Grid, x: Floats, y: Floats) -> Rows:
    """Give the id of the first polygon, in the order of codes, that holds each point, or -1."""
    ids = np.empty(len(x), dtype=np.int64)
    _look_up(whole, x, y, ids)
    undecided = np.flatnonzero(ids == _UNDECIDED)
    if len(undecided):
        points, found = holding(whole, x[undecided], y[undecided])
        ids[undecided] = -1
        # Backwards, so that the first of each point is written last.
        ids[undecided[points[::-1]]] = found[::-1]
    return ids


def holding(whole: Grid, x: Floats, y: Floats) -> tuple[Rows, Rows]:
    """Give pairs of point and polygon id, for every polygon that holds it, by point and then by code."""
    from geo.kernels import locate as kernels  # noqa: PLC0415 - loads the compiler

    counts = np.empty(len(x), dtype=np.int64)
    in_slices(lambda a, b: kernels.count_holding(*whole.cells, x, y, counts, a, b), len(x))
    ends = np.cumsum(counts)
    first, total = ends - counts, int(counts.sum())
    ids, sides = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.uint8)
    in_slices(
        lambda a, b: kernels.fill_holding(*whole.sides, *whole.cells, x, y, first, ids, sides, a, b), len(x)
    )
    points = np.repeat(np.arange(len(x)), counts)
    held, unsure = sides == 1, np.flatnonzero(sides == _UNSURE)
    for start in range(0, len(unsure), _PAIRS):
        pairs = unsure[start : start + _PAIRS]
        held[pairs] = _intersects(whole, ids[pairs], x[points[pairs]], y[points[pairs]])
    return points[held], ids[held]


def _look_up(whole: Grid, x: Floats, y: Floats, ids: Rows) -> None:
    from geo.kernels import locate as kernels  # noqa: PLC0415 - loads the compiler

    def look_up(xs: Floats, ys: Floats, order: Rows, start: int, end: int) -> None:
        kernels.locate(*whole.sides, *whole.cells, xs, ys, order, ids, start, end)

    in_order(look_up, whole.grid, x, y)


def _intersects(whole: Grid, ids: Rows, x: Floats, y: Floats) -> Flags:
    """Let shapely decide, on polygons of this call's own: prepared ones must not be shared by threads."""
    wanted, at = np.unique(ids, return_inverse=True)
    shapes = shapes_of(whole.outlines, wanted)
    shapely.prepare(shapes[np.bincount(at) >= _WORTH_PREPARING])
    held: Flags = shapely.intersects_xy(shapes[at], x, y)
    return held
