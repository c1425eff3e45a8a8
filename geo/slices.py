"""Work on rows is cut into slices for threads here; the loops themselves give the interpreter's lock away."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final, TypeVar

_T = TypeVar("_T")

# Below this a thread costs more than it saves.
_WORTH_A_THREAD: Final = 8_192
# More slices than threads, so that a slow one is waited for less.
_SLICES_A_THREAD: Final = 4


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
