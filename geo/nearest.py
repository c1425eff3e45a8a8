"""The nearest stations are found here by metres on the ellipsoid; opening hours are not known here."""

from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import GeoError
from geo.points import Flags, Floats, Rows, checked_list
from geo.slices import in_order, in_slices
from geo.station_edit import with_station, without_station
from geo.station_grid import MAX_RADIUS_M, StationGrid, bands, station_grid
from geo.station_net import Net, cast_net

if TYPE_CHECKING:
    from geo.nearest_far import FarSearch

_UNDECIDED: Final = -2
_NO_ROWS: Final = np.empty(0, dtype=np.int64)
# Lists beyond a processor's own cache, from which on the order of points pays.
_WORTH_ORDER: Final = 1 << 20


class _State(NamedTuple):
    """What a question needs, taken at once; a change makes a new one."""

    grid: StationGrid
    net: Net | None
    far: list["FarSearch"]

    def far_search(self) -> "FarSearch":
        """Give the tree over all rows, made when it is first needed."""
        from geo.nearest_far import FarSearch  # noqa: PLC0415 - loads scipy, which most processes never need

        if not self.far:
            # Two threads may both make it; both are the same.
            count = len(self.grid)
            self.far.append(FarSearch(self.grid.lng[:count], self.grid.lat[:count]))
        return self.far[0]


class NearestIndex:
    """An index over stations that answers which of them are nearest to a point.

    Distances are geodesics on the WGS84 ellipsoid: within 10 km by a compiled formula that is right to a
    hundredth of a millimetre, beyond that, and where two stations are as near as a tenth of a millimetre, by
    pyproj's `Geod.inv`. Stations at equal distance, also at one place, come in the order of their rows. One
    index may be asked by several threads, also while one of them changes it: they find the stations as they
    were or as they are.

    To add or remove a station costs what the stations about it cost, however many there are. The first
    question beyond 10 km after one was added costs a look at all of them.
    """

    __slots__ = ("_state",)

    def __init__(self, lng: Floats, lat: Floats) -> None:
        self._state = _State(station_grid(lng, lat, np.ones(len(lng), dtype=bool)), None, [])

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
        """Count the rows, those of stations removed too."""
        return len(self._state.grid)

    def add(self, lng: float, lat: float) -> int:
        """Add a station; give its row, the next one.

        Raises
        ------
        GeoError
            As `build`.
        """
        x, y = checked_list(lng, lat)
        row = len(self)
        self._state = _State(with_station(self._state.grid, float(x[0]), float(y[0])), None, [])
        return row

    def remove(self, row: int) -> None:
        """Take a station out; the rows of the others stay, and this one is never answered again.

        Raises
        ------
        GeoError
            ``station_row`` where there is no such row, or it was taken out before.
        """
        old = self._state
        if not (0 <= row < len(old.grid) and old.grid.kept[row]):
            raise GeoError(
                "station_row", "没有这个驿站；请核对行号。", "There is no such station; see its row."
            )
        self._state = _State(without_station(old.grid, row), None, old.far)

    def prepare(self, radius_m: float = 1500.0) -> None:
        """Make ready for very many points: list, for each mesh of a fine net, who may be the nearest.

        Questions for the one nearest within at most this radius, without a mask, are answered sooner; a
        change undoes it. An index that has grown manyfold is laid anew by it, and asked sooner too.
        """
        _check_query(1, radius_m)
        grid, net, far = self._state
        if grid.outgrown:
            grid, net = grid.anew(), None
        if grid.live and not grid.beyond and radius_m <= MAX_RADIUS_M:
            net = cast_net(grid, radius_m)
        self._state = _State(grid, net, far)

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
        return self.query_checked(*checked_list(lng, lat, copy=False), k, radius_m, mask)

    def query_checked(
        self, x: Floats, y: Floats, k: int, radius_m: float, mask: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Floats]:
        """Find the nearest as `query`, where `geo.points.checked_list` gave the points."""
        _check_query(k, radius_m)
        state = self._state
        allowed = _allowed(state, mask)
        # The grid is asked as far as its formula reaches.
        if state.grid.beyond or radius_m > MAX_RADIUS_M:
            far = state.far_search()
            return (far if allowed is None else far.allowing(allowed[: len(state.grid)])).query(
                x, y, k, radius_m
            )
        rows, metres = _query_near(state, x, y, k, float(radius_m), None if mask is None else allowed)
        for point in np.flatnonzero(rows[:, 0] == _UNDECIDED).tolist():
            near = state.grid.within(x[point], y[point], radius_m)
            near = near if allowed is None else near[allowed[near]]
            rows[point], metres[point] = _measured(state, x[point], y[point], near, k, radius_m)
        return rows, metres


def _allowed(state: _State, mask: NDArray[np.bool_] | None) -> Flags | None:
    """Give which rows may be answered, None for all; with room, for rows that are added meanwhile."""
    kept, count = state.grid.kept, len(state.grid)
    if mask is None:
        return None if state.grid.live == count else kept
    allow = np.asarray(mask)
    if allow.dtype != np.bool_ or allow.shape != (count,):
        raise GeoError(
            "mask_shape",
            "掩码须为与驿站一一对应的布尔数组。",
            "The mask must hold one bool for every station.",
        )
    both = np.zeros(len(kept), dtype=bool)
    both[:count] = allow & kept[:count]
    return both


def _query_near(  # noqa: PLR0917 - the question as it was asked
    state: _State, x: Floats, y: Floats, k: int, radius_m: float, allowed: Flags | None
) -> tuple[Rows, Floats]:
    """Ask the compiled search; the first row of a point that hangs on a near tie is -2."""
    grid, net = state.grid, state.net
    rows, metres = np.empty((len(x), k), dtype=np.int64), np.empty((len(x), k))
    if net is not None and allowed is None and k == 1 and net.radius_m >= radius_m:
        _query_net(grid, net, x, y, radius_m, rows, metres)
        return rows, metres
    from geo.kernels import nearest as kernels  # noqa: PLC0415 - loads the compiler

    mask = np.empty(0, np.uint8) if allowed is None else allowed.view(np.uint8)
    in_slices(lambda a, b: kernels.nearest(*grid.searched, mask, x, y, radius_m, rows, metres, a, b), len(x))
    return rows, metres


def _query_net(  # noqa: PLR0917 - the question as it was asked
    grid: StationGrid, net: Net, x: Floats, y: Floats, radius_m: float, rows: Rows, metres: Floats
) -> None:
    """Ask the lists of a net; as `_query_near`."""
    from geo.kernels import nearest_one as kernels  # noqa: PLC0415 - loads the compiler

    arrays = grid.grid, bands(), grid.places, grid.first, grid.rows, net.net, net.lists

    def look_up(xs: Floats, ys: Floats, order: Rows, start: int, end: int) -> None:
        kernels.nearest_one(*arrays, xs, ys, order, radius_m, rows, metres, start, end)

    if len(net.lists) > _WORTH_ORDER:
        in_order(look_up, net.net, x, y)
    else:
        in_slices(lambda a, b: look_up(x, y, _NO_ROWS, a, b), len(x))


def _measured(  # noqa: PLR0917 - the question as it was asked
    state: _State, lng: float, lat: float, near: Rows, k: int, radius_m: float
) -> tuple[Rows, Floats]:
    """Measure some stations by pyproj; nearest first, ties by row."""
    from pyproj import Geod  # noqa: PLC0415 - only near ties need it

    count = len(near)
    _, _, far = Geod(ellps="WGS84").inv(
        np.full(count, lng), np.full(count, lat), state.grid.lng[near], state.grid.lat[near]
    )
    order = np.lexsort((near, far))[:k]
    order = order[np.asarray(far)[order] <= radius_m]
    rows, metres = np.full(k, -1, dtype=np.int64), np.full(k, np.inf)
    rows[: len(order)], metres[: len(order)] = near[order], np.asarray(far)[order]
    return rows, metres


def _check_query(k: int, radius_m: float) -> None:
    if k < 1:
        raise GeoError("k_range", "k 至少为 1。", "k must be at least 1.")
    if not radius_m >= 0:
        raise GeoError(
            "radius_range",
            "半径须为不小于 0 的米数。",
            "The radius must be a number of metres, 0 or more.",
        )
