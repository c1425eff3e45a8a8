"""After a change, the points that it can concern are named and matched again; the others keep theirs."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.areas import Edit
from geo.kept_points import KeptPoints
from geo.matching import Found, Question, match_all
from geo.points import Rows

__all__ = ["by_edit", "by_place", "by_reference", "rematch"]

# A border's distance is measured in each point's own plane, so a little more than the metres asked.
_SLACK = 1.02
_DEGREE_M = 110_500.0


def by_edit(points: KeptPoints, edit: Edit, border_m: float = 0.0) -> Rows:
    """Name the points that an edited area can concern: in its old box or its new one, or so near to one.

    Parameters
    ----------
    points : KeptPoints
    edit : Edit
        As `AreaIndex.edit` gives it.
    border_m : float
        The distance up to which borders are measured.

    Returns
    -------
    ndarray of int64
        Rows of points, ascending.
    """
    north = _SLACK * border_m / _DEGREE_M
    lat = np.abs(edit.boxes[:, [1, 3]]).max(axis=1) + north
    east = north / np.cos(np.radians(np.minimum(lat, 89.0)))
    grown = edit.boxes + np.column_stack([-east, [-north] * len(east), east, [north] * len(east)])
    return points.in_boxes(grown)


def by_place(points: KeptPoints, lng: ArrayLike, lat: ArrayLike, radius_m: float) -> Rows:
    """Name the points that a station opened, closed or moved can concern: near where it stands or stood.

    Parameters
    ----------
    points : KeptPoints
    lng, lat : array_like of float64
        The place, or for a move both places.
    radius_m : float
        The radius within which stations count, up to 100 km.
    """
    places = zip(np.atleast_1d(lng).tolist(), np.atleast_1d(lat).tolist(), strict=True)
    found = [points.near(x, y, radius_m) for x, y in places]
    return np.unique(np.concatenate(found))


def by_reference(references: NDArray[np.str_] | Rows, wanted: str | int) -> Rows:
    """Name the points that hang on a thing by its reference, such as the riders of a station that moved."""
    return np.flatnonzero(references == wanted)


def rematch(points: KeptPoints, rows: Rows, question: Question, found: Found) -> Rows:
    """Answer anew for some rows, in place; the answers for all others stay.

    If `rows` hold all points that a change concerns, `found` is then what `match_all` of all points gives.

    Returns
    -------
    ndarray of int64
        The rows whose area or stations changed, or metres, ascending.
    """
    if not len(rows):
        return rows
    anew = match_all(*points.at(rows), question)
    changed = np.zeros(len(rows), dtype=bool)
    for old, new in zip(found.arrays(), anew.arrays(), strict=True):
        differs = old[rows] != new
        changed |= differs.reshape(len(rows), -1).any(axis=1)
        old[rows] = new
    return rows[changed]
