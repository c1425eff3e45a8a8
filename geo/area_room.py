"""Longer arrays for a grid that is edited: filled a stretch with each edit, so that none copies them all."""

import mmap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geo.area_grid import Grid

__all__ = ["Room", "kept_up", "spare"]

# Written in place, and never longer.
_IN_PLACE: Final = ("grid", "coarse", "cell_entries")
_FLAGS: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
# Share of the scarcest room that is used before anything is copied, and where the copy is complete.
_BEGIN: Final = 0.25
_END: Final = 0.9
# Rows of a longer array: so many times those held, and so many more; what is not used is not there.
_TIMES: Final = 4
_LEAST: Final = 256


def spare(count: int) -> int:
    """Give the length of an array for so many rows and room for edits; pages not used cost nothing."""
    return count + count // 16 + 8


class Room:
    """Arrays longer than a grid's, that fill with what the grid holds as its own room is used up.

    Only the thread that edits knows them: readers keep the grid they took until the next one is whole.
    """

    __slots__ = ("_done", "_longer")

    def __init__(self, whole: "Grid") -> None:
        self._longer = {
            name: _longer(name, array, whole.used[name]) for name, array in whole.arrays().items()
        }
        self._done = dict.fromkeys(self._longer, 0)

    def follow(self, whole: "Grid", cells: NDArray[Any], share: float) -> None:
        """Note what an edit wrote to these cells, and hold the first so much of every array."""
        for name in ("coarse", "cell_entries"):
            self._longer[name][cells] = getattr(whole, name)[cells]
        self._copy(whole, share)

    def _copy(self, whole: "Grid", share: float) -> None:
        """Copy what is not yet copied of the first so much of every array."""
        for name, array in whole.arrays().items():
            done, to = self._done[name], min(whole.used[name], int(np.ceil(share * len(array))))
            if to > done:
                self._longer[name][done:to] = array[done:to]
                self._done[name] = to

    def move(self, whole: "Grid", name: str, length: int) -> None:
        """Let a grid that nobody reads yet use the longer arrays, of which one must hold so many rows."""
        self._copy(whole, 1.0)
        if len(self._longer[name]) < length:
            short = self._longer[name]
            self._longer[name] = _longer(name, short, length)
            self._longer[name][: whole.used[name]] = short[: whole.used[name]]
        for each, array in self._longer.items():
            setattr(whole, each, array)
        whole.begun, whole.room = dict(whole.used), None


def kept_up(whole: "Grid", cells: NDArray[Any]) -> Room | None:
    """Give the room of a grid after an edit that wrote to these cells; None while none is needed."""
    used = _used(whole)
    if used < _BEGIN:
        return None
    room = whole.room or Room(whole)
    room.follow(whole, cells, min(1.0, (used - _BEGIN) / (_END - _BEGIN)))
    return room


def _used(whole: "Grid") -> float:
    """Give the share that edits have used of the scarcest room that the grid's arrays were made with."""
    return max(
        (whole.used[name] - whole.begun[name]) / max(1, len(array) - whole.begun[name])
        for name, array in whole.arrays().items()
        if name not in _IN_PLACE
    )


def _longer(name: str, array: NDArray[Any], rows: int) -> NDArray[Any]:
    """Make an array for so many rows and as many more as edits should find room for."""
    length = len(array) if name in _IN_PLACE else max(_TIMES * rows, len(array)) + _LEAST
    shape = (length, *array.shape[1:])
    # Small pages that are not reserved: NumPy's are of 2 MB, and one may take 5 ms when first met.
    memory = mmap.mmap(-1, int(np.prod(shape)) * array.itemsize, flags=_FLAGS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, array.dtype).reshape(shape)
