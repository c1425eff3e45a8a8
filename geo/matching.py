"""Many points are matched with areas and stations at once here, in parts that any executor may work on."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike

from geo.areas import AreaIndex
from geo.nearest import NearestIndex
from geo.points import Floats, Rows, checked_list

__all__ = ["Executor", "Found", "Question", "match_all"]

#: Points a part: large enough to be worth a message, small enough for eight workers to share a city.
PART: Final = 250_000


class Executor(Protocol):
    """What works on parts: as `concurrent.futures.Executor`, the results in the order of the parts."""

    def map(self, fn: Callable[..., Any], /, *iterables: Iterable[Any]) -> Iterator[Any]:
        """Call the function for each part, here or elsewhere."""
        ...


@dataclass(frozen=True)
class Question:
    """What is asked of every point: its area, the metres to a border, its nearest stations."""

    areas: AreaIndex
    stations: NearestIndex
    k: int = 1
    radius_m: float = 1500.0
    #: Borders are measured up to here; 0 measures none.
    border_m: float = 0.0


@dataclass(frozen=True)
class Found:
    """The answers, a row a point.

    Attributes
    ----------
    areas : ndarray of int64 (n,)
    border_m : ndarray of float64 (n,)
        inf where no border is as near as asked.
    stations : ndarray of int64 (n, k)
    metres : ndarray of float64 (n, k)
    """

    areas: Rows
    border_m: Floats
    stations: Rows
    metres: Floats

    def arrays(self) -> tuple[Rows, Floats, Rows, Floats]:
        """Give the arrays in this order."""
        return self.areas, self.border_m, self.stations, self.metres


def match_all(
    lng: ArrayLike,
    lat: ArrayLike,
    question: Question,
    *,
    executor: Executor | None = None,
    part: int = PART,
) -> Found:
    """Match points with areas and stations.

    Parameters
    ----------
    lng, lat : array_like of float64, degrees, WGS84
    question : Question
    executor : Executor, optional
        Where parts are worked on; None for this process and its threads. The answers are the same bytes.
    part : int
        Points a part.

    Raises
    ------
    GeoError
        As `AreaIndex.locate`, `AreaIndex.border_distance_m` and `NearestIndex.query`.
    """
    x, y = checked_list(lng, lat, copy=False)
    if executor is None:
        return _answers(question, x, y)
    bounds = range(0, max(1, len(x)), part)
    # Made once: every part would make it again.
    packed = pickle.dumps(question)
    found = executor.map(
        _answer_part,
        [packed] * len(bounds),
        [x[a : a + part] for a in bounds],
        [y[a : a + part] for a in bounds],
    )
    return _joined(list(found))


def _answers(question: Question, x: Floats, y: Floats) -> Found:
    border_m = np.full(len(x), np.inf)
    if question.border_m > 0:
        border_m = question.areas.border_distance_m(x, y, question.border_m)
    rows, metres = question.stations.query_checked(x, y, question.k, question.radius_m)
    return Found(question.areas.locate_checked(x, y), border_m, rows, metres)


def _joined(found: list[Found]) -> Found:
    areas, border_m, stations, metres = (
        np.concatenate(parts) for parts in zip(*(one.arrays() for one in found), strict=True)
    )
    return Found(areas, border_m, stations, metres)


#: The question a worker was asked last: parts of one match follow each other.
_latest: list[tuple[bytes, Question]] = []


def _answer_part(packed: bytes, x: Floats, y: Floats) -> Found:
    """Answer for one part, in whatever process."""
    if not _latest or _latest[0][0] != packed:
        _latest[:] = [(packed, pickle.loads(packed))]  # noqa: S301 - made by match_all in a trusted process
    return _answers(_latest[0][1], x, y)
