"""The nearest stations are found here by metres on the ellipsoid; opening hours are not known here."""

from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod
from scipy.spatial import cKDTree

from geo.errors import GeoError
from geo.points import Flags, Floats, Rows, checked_list

_AXIS_M: Final = 6378137.0
_ECCENTRICITY_2: Final = 0.0066943799901413165
# No normal section of the WGS84 ellipsoid is flatter than this, so no geodesic is shorter than the arc
# of this radius over the same chord.
_FLATTEST_M: Final = 6_400_000.0
# Rounding of ECEF coordinates and of the geodesic, generously.
_NOISE_M: Final = 1e-6
_CHUNK: Final = 50_000


class NearestIndex:
    """An index over stations that answers which of them are nearest to a point.

    Distances are geodesics on the WGS84 ellipsoid (pyproj's `Geod.inv`); a tree over straight chords only
    proposes. Stations at equal distance, also at one place, come in the order of their rows. One index may
    be used by several threads.
    """

    __slots__ = ("_at", "_counts", "_lat", "_lng", "_rows", "_starts", "_tree")

    def __init__(self, lng: Floats, lat: Floats) -> None:
        self._lng, self._lat = lng, lat
        places, place_of = np.unique(np.column_stack([lng, lat]), axis=0, return_inverse=True)
        self._at = places
        # The rows at place p, ascending, are _rows[_starts[p] : _starts[p] + _counts[p]].
        self._rows = np.argsort(place_of.reshape(-1), kind="stable")
        self._counts = np.bincount(place_of.reshape(-1), minlength=len(places))
        self._starts = np.cumsum(self._counts) - self._counts
        self._tree = cKDTree(_ecef(places[:, 0], places[:, 1]))

    @classmethod
    def build(cls, lng: ArrayLike, lat: ArrayLike) -> Self:
        """Build an index over stations.

        Parameters
        ----------
        lng, lat : array_like of float64, degrees, WGS84
            One entry a station; several may stand at one place; there may be none.

        Raises
        ------
        GeoError
            With the rows that are NaN, infinite or beyond 90 degrees of latitude.
        """
        return cls(*checked_list(lng, lat))

    def __len__(self) -> int:
        return len(self._lng)

    def query(
        self,
        lng: ArrayLike,
        lat: ArrayLike,
        k: int = 1,
        radius_m: float = 1500.0,
        mask: NDArray[np.bool_] | None = None,
    ) -> tuple[Rows, Floats]:
        """Find the k nearest stations of each point within a radius.

        Parameters
        ----------
        lng, lat : array_like of float64, degrees, WGS84
        k : int
            At least 1; may exceed the number of stations.
        radius_m : float
            Metres on the ellipsoid, inclusive; infinity for no limit.
        mask : ndarray of bool, one a station, optional
            True where a station may be answered. Rows still count all stations.

        Returns
        -------
        tuple of (ndarray of int64 (n, k), ndarray of float64 (n, k))
            Rows of stations and their metres, nearest first, ties by the smallest row; -1 and inf where
            there is none.

        Raises
        ------
        GeoError
            With the rows of bad points; ``k_range`` for k < 1; ``radius_range`` for a radius that is
            negative or NaN; ``mask_shape`` for a mask that is not one bool a station.
        """
        x, y = checked_list(lng, lat)
        _check_query(k, radius_m)
        if mask is not None:
            return self._query_masked(x, y, k, radius_m, np.asarray(mask))
        rows = np.full((len(x), k), -1, dtype=np.int64)
        metres = np.full((len(x), k), np.inf)
        for start in range(0, len(x) if len(self) else 0, _CHUNK):
            part = slice(start, start + _CHUNK)
            rows[part], metres[part] = self._query_part(x[part], y[part], k, radius_m)
        return rows, metres

    def _query_masked(
        self, x: Floats, y: Floats, k: int, radius_m: float, allow: Flags
    ) -> tuple[Rows, Floats]:
        """Ask an index of the allowed stations alone; their order, and so the order of ties, is kept."""
        if allow.dtype != np.bool_ or allow.shape != (len(self),):
            raise GeoError(
                "mask_shape",
                "掩码须为与驿站一一对应的布尔数组。",
                "The mask must hold one bool for every station.",
            )
        allowed = np.flatnonzero(allow)
        rows, metres = type(self)(self._lng[allowed], self._lat[allowed]).query(x, y, k, radius_m)
        return np.append(allowed, -1)[rows], metres

    def _query_part(self, x: Floats, y: Floats, k: int, radius_m: float) -> tuple[Rows, Floats]:
        """Widen the number of proposed places until no place left out can be nearer than the k-th found."""
        rows = np.full((len(x), k), -1, dtype=np.int64)
        metres = np.full((len(x), k), np.inf)
        # A chord is never longer than its geodesic, so this bound loses nothing within the radius.
        bound_m = radius_m + _NOISE_M
        open_points = np.arange(len(x))
        points, count = _ecef(x, y), k + 1
        while len(open_points):
            count = min(count, len(self._at))
            asked = points[open_points]
            # A list of ranks, so that one place also comes as a row of one.
            chords, places = self._tree.query(asked, k=range(1, count + 1), distance_upper_bound=bound_m)
            found = self._ranked(x[open_points], y[open_points], places, k, radius_m)
            rows[open_points], metres[open_points] = found
            # All are seen, or the radius cut the rest off, or what is left out starts beyond the k-th.
            last_m = chords[:, -1]
            settled = ~np.isfinite(last_m) | (_shortest_m(last_m) > np.minimum(found[1][:, -1], radius_m))
            open_points = open_points[~settled] if count < len(self._at) else open_points[:0]
            count *= 2
        return rows, metres

    def _ranked(self, x: Floats, y: Floats, places: Rows, k: int, radius_m: float) -> tuple[Rows, Floats]:
        """Order the stations at the proposed places of each point by geodesic, then row; keep k."""
        seen = places < len(self._at)
        point, _ = np.nonzero(seen)
        at = self._at[places[seen]]
        geodesic = np.full(places.shape, np.inf)
        _, _, geodesic[seen] = Geod(ellps="WGS84").inv(x[point], y[point], at[:, 0], at[:, 1])
        geodesic[geodesic > radius_m] = np.inf
        rows = self._rows_at(np.where(np.isfinite(geodesic), places, -1), k)
        metres = np.repeat(geodesic, rows.shape[1] // places.shape[1], axis=1)
        metres[rows < 0] = np.inf
        order = np.lexsort((rows, metres), axis=1)[:, :k]
        rows, metres = np.take_along_axis(rows, order, 1), np.take_along_axis(metres, order, 1)
        lacking = ((0, 0), (0, k - rows.shape[1]))
        return np.pad(rows, lacking, constant_values=-1), np.pad(metres, lacking, constant_values=np.inf)

    def _rows_at(self, places: Rows, k: int) -> Rows:
        """Give up to k rows at each place side by side, the smallest first, -1 where there is none."""
        nth = np.arange(min(k, self._counts.max()))
        there = (places[..., None] >= 0) & (nth < self._counts[places][..., None])
        entry = np.where(there, self._starts[places][..., None] + nth, 0)
        return np.where(there, self._rows[entry], -1).reshape(len(places), -1)


def _check_query(k: int, radius_m: float) -> None:
    if k < 1:
        raise GeoError("k_range", "k 至少为 1。", "k must be at least 1.")
    if not radius_m >= 0:
        raise GeoError(
            "radius_range",
            "半径须为不小于 0 的米数。",
            "The radius must be a number of metres, 0 or more.",
        )


def _shortest_m(chord_m: Floats) -> Floats:
    """Give the least length a geodesic over this chord can have."""
    half = np.clip(chord_m / (2.0 * _FLATTEST_M), 0.0, 1.0)
    shortest: Floats = 2.0 * _FLATTEST_M * np.arcsin(half) - _NOISE_M
    return shortest


def _ecef(lng: Floats, lat: Floats) -> Floats:
    """Give points on the WGS84 ellipsoid as (n, 3) metres from the earth's centre."""
    theta, phi = np.radians(lng), np.radians(lat)
    normal = _AXIS_M / np.sqrt(1.0 - _ECCENTRICITY_2 * np.sin(phi) ** 2)
    level = normal * np.cos(phi)
    up = normal * (1.0 - _ECCENTRICITY_2) * np.sin(phi)
    return np.column_stack([level * np.cos(theta), level * np.sin(theta), up])
