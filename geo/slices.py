"""Work on rows is cut into slices for threads here; the loops themselves give the interpreter's lock away."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from geo.points import Floats, Rows

_T = TypeVar("_T")
_LookUp = Callable[[Floats, Floats, Rows, int, int], object]

# Below this a thread costs more than it saves.
_WORTH_A_THREAD: Final = 8_192
# More slices than threads, so that a slow one is waited for less.
_SLICES_A_THREAD: Final = 4
# From here on points are looked up in the order of cells, which saves more than it costs.
_WORTH_ORDER: Final = 16_384
# Points put into order together, by one thread: bounds the memory that takes.
_ORDERED: Final = 8_388_608


def threads() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cut(rows: int, slices: int) -> list[tuple[int, int]]:
    """Give the first and last row of slices of about equal length that follow each other."""
    bounds = [rows * nth // slices for nth in range(slices + 1)]
    return list(pairwise(bounds))


def in_slices(
    work: Callable[[int, int], _T], rows: int, *, worth: int = _WORTH_A_THREAD, slices: int | None = None
) -> list[_T]:
    """Call `work` with the first and last row of every slice, in threads where it pays; results in order."""
    if slices is None:
        slices = 1 if rows < 2 * worth or threads() == 1 else min(rows // worth, threads() * _SLICES_A_THREAD)
    parts = cut(rows, slices)
    if slices == 1:
        return [work(*parts[0])]
    with ThreadPoolExecutor(min(threads(), slices)) as pool:
        return list(pool.map(lambda part: work(*part), parts))


def in_order(look_up: _LookUp, grid: Floats, x: Floats, y: Floats) -> None:
    """Look points up in the order of a grid's cells, so that neighbours follow each other, in threads.

    `look_up` gets longitudes and latitudes, places in the answer (none: their own), first and last.
    """
    if len(x) < _WORTH_ORDER:
        look_up(x, y, np.empty(0, dtype=np.int64), 0, len(x))
        return
    from geo.kernels import order as kernels  # noqa: PLC0415 - loads the compiler

    parts = cut(len(x), max(threads(), -(-len(x) // _ORDERED)))

    def one(nth: int, _: int) -> None:
        start, end = parts[nth]
        order, xs, ys = np.empty(end - start, dtype=np.int64), np.empty(end - start), np.empty(end - start)
        kernels.order_points(grid, x[start:end], y[start:end], order, xs, ys, start)
        look_up(xs, ys, order, 0, end - start)

    in_slices(one, len(parts), slices=len(parts))
