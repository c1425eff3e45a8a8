"""The nearest stations by a tree over straight chords and pyproj: any radius, anywhere on the earth."""

from copy import copy
from typing import Final

import numpy as np
from pyproj import Geod
from scipy.spatial import cKDTree

from geo.points import Flags, Floats, Rows

_AXIS_M: Final = 6378137.0
_ECCENTRICITY_2: Final = 0.0066943799901413165
# No normal section of the WGS84 ellipsoid is flatter than this, so no geodesic is shorter than the arc
# of this radius over the same chord.
_FLATTEST_M: Final = 6_400_000.0
# Rounding of ECEF coordinates and of the geodesic, generously.
_NOISE_M: Final = 1e-6
_CHUNK: Final = 50_000


class FarSearch:
    """A tree that proposes stations; geodesics decide."""

    __slots__ = ("_at", "_counts", "_place_of", "_rows", "_starts", "_tree")

    def __init__(self, lng: Floats, lat: Floats) -> None:
        places, place_of = np.unique(np.column_stack([lng, lat]), axis=0, return_inverse=True)
        self._at = places
        self._place_of = place_of.reshape(-1)
        self._tree = cKDTree(_ecef(places[:, 0], places[:, 1]))
        self._allow(np.ones(len(lng), dtype=bool))

    def _allow(self, allowed: Flags) -> None:
        rows = np.flatnonzero(allowed)
        place_of = self._place_of[rows]
        # The rows at place p, ascending, are _rows[_starts[p] : _starts[p] + _counts[p]].
        self._rows = np.append(rows[np.argsort(place_of, kind="stable")], -1)
        self._counts = np.bincount(place_of, minlength=len(self._at))
        self._starts = np.cumsum(self._counts) - self._counts

    def allowing(self, allowed: Flags) -> "FarSearch":
        """Give the same search over some of the rows alone; the tree is shared."""
        search = copy(self)
        search._allow(allowed)  # noqa: SLF001 - one of this class
        return search

    def query(self, x: Floats, y: Floats, k: int, radius_m: float) -> tuple[Rows, Floats]:
        """Find the k nearest; as `geo.nearest.NearestIndex.query`."""
        rows = np.full((len(x), k), -1, dtype=np.int64)
        metres = np.full((len(x), k), np.inf)
        for start in range(0, len(x) if len(self._at) else 0, _CHUNK):
            part = slice(start, start + _CHUNK)
            rows[part], metres[part] = self._query_part(x[part], y[part], k, radius_m)
        return rows, metres

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
        nth = np.arange(max(1, min(k, self._counts.max())))
        there = (places[..., None] >= 0) & (nth < self._counts[places][..., None])
        entry = np.where(there, self._starts[places][..., None] + nth, 0)
        return np.where(there, self._rows[entry], -1).reshape(len(places), -1)


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
