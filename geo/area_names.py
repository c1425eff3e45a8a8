"""Which area a polygon is, now that edits have given some areas another; no polygon is known here."""

from typing import Final

import numpy as np

from geo.points import Rows

__all__ = ["Names"]

_FIRST: Final = 64


class Names:
    """Areas and the ids of their polygons: at first the same numbers, and one id more for each edit.

    One thread notes edits while others ask: an id is noted before any of them can meet it.
    """

    __slots__ = ("_count", "_latest", "_rows")

    def __init__(self, count: int) -> None:
        self._count = count
        #: The area of each id from `count` on; longer than what is noted.
        self._rows = np.full(_FIRST, -1, dtype=np.int64)
        self._latest: dict[int, int] = {}

    def id_of(self, row: int) -> int:
        """Give the id of an area's polygon."""
        return self._latest.get(row, row)

    def row_of(self, polygon: int) -> int:
        """Give the area of one id."""
        return polygon if polygon < self._count else int(self._rows[polygon - self._count])

    def note(self, polygon: int, row: int) -> None:
        """Note whose polygon the next id will be."""
        at = polygon - self._count
        if at == len(self._rows):
            rows = np.full(2 * at, -1, dtype=np.int64)
            rows[:at] = self._rows
            self._rows = rows
        self._rows[at] = row

    def settle(self, polygon: int, row: int) -> None:
        """Note that the area now has this polygon."""
        self._latest[row] = polygon

    def rows_of(self, ids: Rows) -> Rows:
        """Give the areas of some ids, of which -1 means none; ids of no edit stay in place."""
        later = np.flatnonzero(ids >= self._count)
        if len(later):
            ids = ids.copy()
            ids[later] = self._rows[ids[later] - self._count]
        return ids

    def ids(self, polygons: int) -> Rows:
        """Give every area's id, when there were so many polygons."""
        ids = np.arange(self._count)
        # An area edited twice has the later one: what is written last stays.
        ids[self._rows[: polygons - self._count]] = np.arange(self._count, polygons)
        return ids
