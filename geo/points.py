"""Arrays of points are checked here before any computation; what a point means is not known here."""

from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import GeoError

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

MAX_LAT = 90.0


def as_degrees(lng: ArrayLike, lat: ArrayLike, *, copy: bool = True) -> tuple[Floats, Floats]:
    """Give both arrays as new float64 arrays of one shape, finite; latitudes are not looked at.

    Parameters
    ----------
    lng, lat : array_like of float64, degrees
        One shape. None counts as NaN.
    copy : bool
        False where arrays that are float64 and contiguous may be given back themselves.

    Returns
    -------
    tuple of ndarray of float64
        Empty in, empty out.

    Raises
    ------
    GeoError
        ``point_not_number`` where a value is no number, ``point_lengths`` where the shapes differ,
        ``point_not_finite`` with the rows that hold NaN or infinity.
    """
    try:
        given = (np.array(one, dtype=np.float64, order="C", copy=copy or None) for one in (lng, lat))
        x, y = (np.require(one, requirements="A") for one in given)
    except (TypeError, ValueError, OverflowError) as fault:
        raise GeoError(
            "point_not_number",
            "经纬度须为数字；请改正后重试。",
            "Longitudes and latitudes must be numbers; mend them and try again.",
        ) from fault
    if x.shape != y.shape:
        raise GeoError(
            "point_lengths",
            "经度与纬度的个数不同；请一一对应。",
            "Longitudes and latitudes differ in length; give one of each for every point.",
        )
    # NaN and infinity show in a sum, which is quicker than a look at each.
    with np.errstate(all="ignore"):
        sound = bool(np.isfinite(x.sum() + y.sum()))
    refuse_rows(
        np.zeros(0, dtype=bool) if sound else ~(np.isfinite(x) & np.isfinite(y)),
        "point_not_finite",
        "经纬度为空或无穷大；请补全或去掉这些行。",
        "A longitude or latitude is NaN or infinite; fill these rows in or leave them out.",
    )
    return x, y


def checked_points(lng: ArrayLike, lat: ArrayLike, *, copy: bool = True) -> tuple[Floats, Floats]:
    """Give both arrays as new float64 arrays, finite and with latitudes within 90 degrees.

    Longitudes outside ±180 are let through: they mean what they say, and lie in no area.

    Raises
    ------
    GeoError
        As `as_degrees`, and ``point_latitude`` with the rows where |lat| > 90.
    """
    x, y = as_degrees(lng, lat, copy=copy)
    within = not y.size or (y.max() <= MAX_LAT and y.min() >= -MAX_LAT)
    refuse_rows(
        np.zeros(0, dtype=bool) if within else np.abs(y) > MAX_LAT,
        "point_latitude",
        "纬度超出 ±90 度；请检查经度与纬度是否写反。",
        "A latitude lies outside ±90 degrees; see whether longitude and latitude are swapped.",
    )
    return x, y


def checked_list(lng: ArrayLike, lat: ArrayLike, *, copy: bool = True) -> tuple[Floats, Floats]:
    """Give checked points as one-dimensional arrays; a scalar counts as one point.

    Without a copy they may be the arrays given, which must then not be changed before they are used.

    Raises
    ------
    GeoError
        As `checked_points`, and ``point_shape`` for arrays of two or more dimensions.
    """
    x, y = checked_points(lng, lat, copy=copy)
    if x.ndim > 1:
        raise GeoError(
            "point_shape",
            "经纬度须为一维数组；请先展平。",
            "Longitudes and latitudes must be one-dimensional; flatten them first.",
        )
    return np.atleast_1d(x), np.atleast_1d(y)


def refuse_rows(bad: Flags, code: str, zh: str, en: str) -> None:
    """Raise GeoError with the rows flagged, or do nothing where none is."""
    if bad.any():
        _refuse(bad, code, zh, en)


def _refuse(bad: Flags, code: str, zh: str, en: str) -> NoReturn:
    rows = tuple(int(row) for row in np.flatnonzero(bad))
    raise GeoError(code, zh, en, rows)
