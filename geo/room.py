"""Room in arrays that are edited: longer ones fill a stretch with each edit, so that none copies them all."""

import mmap
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Room", "Roomy", "kept_up", "put", "spare", "with_room"]

_FLAGS: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
# Share of the scarcest room that is used before anything is copied, and where the copy is complete.
_BEGIN: Final = 0.25
_END: Final = 0.9
# Rows of a longer array: so many times those held, and so many more; what is not used is not there.
_TIMES: Final = 4
_LEAST: Final = 256


class Roomy(Protocol):
    """Arrays by name: of each the first `used` rows count, of which the first `begun` came with it.

    What follows is room for edits. The arrays of `fixed` names are written in place, and never longer.
    """

    used: dict[str, int]
    begun: dict[str, int]
    room: "Room | None"

    @property
    def fixed(self) -> tuple[str, ...]:
        """The names of arrays that are never longer."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all arrays by name."""
        ...


def spare(count: int) -> int:
    """Give the length of an array for so many rows and room for edits; pages not used cost nothing."""
    return count + count // 16 + 8


def with_room(array: NDArray[Any], count: int) -> NDArray[Any]:
    """Give an array of so many rows that count with room for edits, the same where it has it."""
    if len(array) >= spare(count):
        return array
    longer = np.zeros((spare(count), *array.shape[1:]), dtype=array.dtype)
    longer[:count] = array[:count]
    return longer


def put(whole: Roomy, name: str, rows: NDArray[Any]) -> int:
    """Write rows behind those that count, where there is no room after moving to longer arrays; say where.

    Nobody else may read `whole` itself yet; its arrays they may.
    """
    at = whole.used[name]
    if at + len(rows) > len(getattr(whole, name)):
        (whole.room or Room(whole)).move(whole, name, at + len(rows))
    getattr(whole, name)[at : at + len(rows)] = rows
    whole.used[name] = at + len(rows)
    return at


class Room:
    """Arrays longer than those of a thing, that fill with what it holds as its own room is used up.

    Only the thread that edits knows them: readers keep the arrays they took until the next ones are whole.
    """

    __slots__ = ("_done", "_longer")

    def __init__(self, whole: Roomy) -> None:
        self._longer = {
            name: _longer(array, whole.used[name], fixed=name in whole.fixed)
            for name, array in whole.arrays().items()
        }
        self._done = dict.fromkeys(self._longer, 0)

    def follow(self, whole: Roomy, written: Mapping[str, Any], share: float) -> None:
        """Note what an edit wrote in place, and hold the first so much of every array."""
        for name, rows in written.items():
            self._longer[name][rows] = getattr(whole, name)[rows]
        self._copy(whole, share)

    def _copy(self, whole: Roomy, share: float) -> None:
        """Copy what is not yet copied of the first so much of every array."""
        for name, array in whole.arrays().items():
            done, to = self._done[name], min(whole.used[name], int(np.ceil(share * len(array))))
            if to > done:
                self._longer[name][done:to] = array[done:to]
                self._done[name] = to

    def move(self, whole: Roomy, name: str, length: int) -> None:
        """Let a grid that nobody reads yet use the longer arrays, of which one must hold so many rows."""
        self._copy(whole, 1.0)
        if len(self._longer[name]) < length:
            short = self._longer[name]
            self._longer[name] = _longer(short, length, fixed=name in whole.fixed)
            self._longer[name][: whole.used[name]] = short[: whole.used[name]]
        for each, array in self._longer.items():
            setattr(whole, each, array)
        whole.begun, whole.room = dict(whole.used), None


def kept_up(whole: Roomy, written: Mapping[str, Any]) -> Room | None:
    """Give the room after an edit that wrote to these rows in place, by array; None while none is needed."""
    used = _used(whole)
    if used < _BEGIN:
        return None
    room = whole.room or Room(whole)
    room.follow(whole, written, min(1.0, (used - _BEGIN) / (_END - _BEGIN)))
    return room


def _used(whole: Roomy) -> float:
    """Give the share that edits have used of the scarcest room that the grid's arrays were made with."""
    return max(
        (whole.used[name] - whole.begun[name]) / max(1, len(array) - whole.begun[name])
        for name, array in whole.arrays().items()
        if name not in whole.fixed
    )


def _longer(array: NDArray[Any], rows: int, *, fixed: bool) -> NDArray[Any]:
    """Make an array for so many rows and as many more as edits should find room for."""
    length = len(array) if fixed else max(_TIMES * rows, len(array)) + _LEAST
    shape = (length, *array.shape[1:])
    # Small pages that are not reserved: NumPy's are of 2 MB, and one may take 5 ms when first met.
    memory = mmap.mmap(-1, int(np.prod(shape)) * array.itemsize, flags=_FLAGS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, array.dtype).reshape(shape)
