"""A fine net over stations is cast here: for each mesh, who may be the nearest of a point in it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.points import Floats
from geo.slices import in_slices
from geo.station_grid import StationGrid

# Meshes a place, about, and the least side of one in degrees.
_MESHES: Final = 32
_MIN_MESH: Final = 1e-5
# Degrees beyond the outermost station, about.
_MARGIN: Final = 0.2


@dataclass(frozen=True, slots=True)
class Net:
    """For every mesh of a fine net, the places that may be the nearest of a point in it."""

    radius_m: float
    net: Floats
    lists: NDArray[np.int32]


def cast_net(stations: StationGrid, radius_m: float) -> Net:
    """List the places that count, mesh by mesh."""
    from geo.kernels import net as kernels  # noqa: PLC0415 - loads the compiler

    rows = np.flatnonzero(stations.kept[: len(stations)])
    at = np.column_stack([stations.lng[rows], stations.lat[rows]])
    low, high = at.min(axis=0), at.max(axis=0)
    squeeze = np.cos(np.radians(max(abs(low[1]), abs(high[1])) + _MARGIN))
    margin = radius_m / 110_000.0 * np.array([1 / squeeze, 1.0])
    west, south = low - margin
    wide, tall = high + margin - (west, south)
    side = max(_MIN_MESH, np.sqrt(wide * squeeze * tall / (_MESHES * stations.count_places() + 64)))
    net = np.array([west, south, squeeze / side, 1 / side, wide * squeeze // side + 1, tall // side + 1])
    meshes = int(net[4] * net[5])
    pools = in_slices(lambda a, b: kernels.list_places(*stations.searched, net, radius_m, a, b), meshes)
    pool = np.concatenate(pools)
    return Net(radius_m, net, kernels.index_lists(pool, meshes))
