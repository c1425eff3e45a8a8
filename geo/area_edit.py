"""One polygon of a grid is replaced here, and only the cells that it touches or touched are made anew.

Nothing that another thread may be reading is changed but by one store at a time: the new polygon gets an id
of its own at the end of the arrays, and each cell's new block is written before its word is set. Where an
array has no room left, the edit goes to a grid of its own arrays.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.area_arrays import Outlines, spare
from geo.area_grid import Grid, fill_slabs, make_blocks, moved
from geo.points import Floats, Rows


def fits(whole: Grid, box: Floats) -> bool:
    """Tell whether a polygon with these bounds lies within the grid."""
    west, south, wide, high, columns, lines = whole.grid
    return bool(
        box[0] > west
        and box[1] > south
        and (box[2] - west) * wide < columns
        and (box[3] - south) * high < lines
    )


def replace(whole: Grid, old: int, outline: Outlines, ranks: Rows) -> tuple[Grid, int]:
    """Put a sound polygon in the place of the one with the id `old`; give the grid to use and the new id.

    `ranks` are the places of ids in the order of codes, the new one's included.
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
        ranges[nth] = _enter(edited, cell, old, pools[0][pools[0][:, 0] == cell, 1:], ranks)
    words, made = make_blocks(edited, cells, ranges)
    words = moved(words, edited.used["fine"])
    _put(edited, "fine", np.concatenate(made))
    if any(array is not edited.arrays()[name] for name, array in whole.arrays().items()):
        edited.coarse, edited.cell_entries = whole.coarse.copy(), whole.cell_entries.copy()
    # Both ends of a range in one store.
    edited.cell_entries.view(np.int64)[cells, 0] = ranges.view(np.int64)[:, 0]
    edited.coarse[cells] = words
    return edited, new


def _append(whole: Grid, outline: Outlines) -> int:
    """Write the polygon and its slabs behind the others; give its id."""
    from geo.kernels import sides as kernels  # noqa: PLC0415 - loads the compiler

    new, rings, vertices = whole.used["polys"], whole.used["rings"], whole.used["xy"]
    _put(whole, "xy", outline.xy)
    _put(whole, "rings", outline.rings + np.array([vertices, vertices, 0]))
    _put(whole, "polys", outline.polys + rings)
    _put(whole, "bounds", np.empty((1, 4)))
    _put(whole, "heads", np.empty((1, 4)))
    entries = np.empty(new + 1, dtype=np.int64)
    kernels.measure(*whole.outlines, whole.bounds, whole.heads, entries, new, new + 1)
    whole.heads[new, 2] = whole.used["slab_start"]
    start = whole.used["slab_edge"]
    _put(whole, "slab_start", np.zeros(int(whole.heads[new, 3]) + 1, dtype=np.int32))
    _put(whole, "slab_edge", np.zeros(int(entries[new]), dtype=np.int32))
    sides = whole.bounds, *whole.sides[1:]
    fill_slabs(whole.outlines, sides, entries[new:], first=new, last=new + 1, start=start)
    return new


def _enter(whole: Grid, cell: int, old: int, added: NDArray[np.int32], ranks: Rows) -> tuple[int, int]:
    """Write a cell's entries behind the others: without the old polygon's, with the new one's, by code."""
    first, last = whole.cell_entries[cell]
    kept = whole.entries[first:last]
    every = np.concatenate([kept[kept[:, 0] != old], added])
    every = every[np.argsort(ranks[every[:, 0]], kind="stable")]
    at = whole.used["entries"]
    _put(whole, "entries", every)
    return at, at + len(every)


def _put(whole: Grid, name: str, rows: NDArray[Any]) -> None:
    """Write rows behind those that count; where there is no room the array is copied to a longer one."""
    array, at = getattr(whole, name), whole.used[name]
    if at + len(rows) > len(array):
        longer = np.empty((spare(at + len(rows)), *array.shape[1:]), dtype=array.dtype)
        longer[:at] = array[:at]
        setattr(whole, name, longer)
        array = longer
    array[at : at + len(rows)] = rows
    whole.used[name] = at + len(rows)
