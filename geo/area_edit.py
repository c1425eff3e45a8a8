"""One polygon of a grid is replaced here, and only the cells that it touches or touched are made anew.

Nothing that another thread may be reading is changed but by one store at a time: the new polygon gets an id
of its own at the end of the arrays, and each cell's new block is written before its word is set. Where an
array has no room left, the edit goes to a grid of longer arrays, which earlier edits have filled.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geo.area_arrays import Outlines
from geo.area_grid import Grid, fill_slabs, make_blocks, measure, moved
from geo.points import Floats
from geo.room import kept_up, put


def fits(whole: Grid, box: Floats) -> bool:
    """Tell whether a polygon with these bounds lies within the grid."""
    west, south, wide, high, columns, lines = whole.grid
    return bool(
        box[0] > west
        and box[1] > south
        and (box[2] - west) * wide < columns
        and (box[3] - south) * high < lines
    )


def replace(whole: Grid, old: int, outline: Outlines, code_of: Callable[[int], str]) -> Grid:
    """Put a sound polygon in the place of the one with the id `old`; give the grid to use.

    The new polygon's id is the next one. `code_of` gives the code of an id, the new one's included.
    """
    from geo.kernels import cells as kernels  # noqa: PLC0415 - loads the compiler

    edited = dataclasses.replace(whole, used=dict(whole.used))
    new = _append(edited, outline)
    sides = edited.bounds, *edited.sides[1:]
    pools = [
        kernels.enter(*edited.outlines, *sides, edited.grid, np.array([which]), 0, 1) for which in (new, old)
    ]
    cells = np.unique(np.concatenate([pool[:, 0] for pool in pools])).astype(np.int64)
    ranges = np.empty((len(cells), 2), dtype=np.int32)
    for nth, cell in enumerate(cells.tolist()):
        ranges[nth] = _enter(edited, cell, old, pools[0][pools[0][:, 0] == cell, 1:], code_of)
    words, made = make_blocks(edited, cells, ranges)
    words = moved(words, put(edited, "fine", np.concatenate(made)))
    # Both ends of a range in one store.
    edited.cell_entries.view(np.int64)[cells, 0] = ranges.view(np.int64)[:, 0]
    edited.coarse[cells] = words
    edited.room = kept_up(edited, {"coarse": cells, "cell_entries": cells})
    return edited


def _append(whole: Grid, outline: Outlines) -> int:
    """Write the polygon and its slabs behind the others; give its id."""
    vertices = put(whole, "xy", outline.xy)
    rings = put(whole, "rings", outline.rings + np.array([vertices, vertices, 0]))
    new = put(whole, "polys", outline.polys + rings)
    put(whole, "bounds", np.empty((1, 4)))
    put(whole, "heads", np.empty((1, 4)))
    entries = measure(_alone(whole, new), whole.bounds[new : new + 1], whole.heads[new : new + 1])
    first = put(whole, "slab_start", np.zeros(int(whole.heads[new, 3]) + 1, dtype=np.int32))
    start = put(whole, "slab_edge", np.zeros(int(entries[0]), dtype=np.int32))
    whole.heads[new, 2] = first
    slabs = whole.slab_start, whole.slab_edge
    fill_slabs(_alone(whole, new), whole.heads[new : new + 1], slabs, entries, start)
    return new


def _alone(whole: Grid, polygon: int) -> Outlines:
    """Give one polygon as kernels take many."""
    return whole.outlines._replace(polys=whole.polys[polygon : polygon + 1])


def _enter(
    whole: Grid, cell: int, old: int, added: NDArray[np.int32], code_of: Callable[[int], str]
) -> tuple[int, int]:
    """Write a cell's entries behind the others: without the old polygon's, with the new one's, by code."""
    first, last = whole.cell_entries[cell]
    kept = whole.entries[first:last]
    every = np.concatenate([kept[kept[:, 0] != old], added])
    codes = [code_of(polygon) for polygon in every[:, 0].tolist()]
    at = put(whole, "entries", every[sorted(range(len(every)), key=codes.__getitem__)])
    return at, at + len(every)
