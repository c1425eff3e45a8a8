"""The one nearest station of very many points, from the lists of a fine net; near ties are left to pyproj."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import F1, F2, FLOAT, I1, INT, L1, L2, RF1, RL1, kernel
from geo.kernels.nearest import NOWHERE, TIE_M, UNDECIDED, metres_of, square

__all__ = ["nearest_one"]

# Of squares: what may be a tie, before two roots tell.
_MAYBE: Final = 3.0


@kernel(INT, F1, F2, F2, L1, L1, F1, I1, RF1, RF1, RL1, FLOAT, L2, F2, INT, INT)
def nearest_one(
    grid: Any,
    bands: Any,
    places: Any,
    first: Any,
    rows: Any,
    net: Any,
    lists: Any,
    lng: Any,
    lat: Any,
    order: Any,
    radius_m: float,
    out_rows: Any,
    out_metres: Any,
    start: int,
    end: int,
) -> int:
    """Write the nearest station of each point; the answers are those of `nearest` for one and no mask."""
    undecided, ordered = 0, len(order) > 0
    bound = (radius_m + 2.0 * TIE_M) ** 2
    west, south, columns, lines, width = net[0], net[1], net[4], net[5], int(net[4])
    for nth in range(start, end):
        x, y = lng[nth], lat[nth]
        column, line = (x - west) * net[2], (y - south) * net[3]
        row, metres = NOWHERE, np.inf
        if column >= 0.0 and line >= 0.0 and column < columns and line < lines:
            at = int(line) * width + int(column)
            band = int(y * grid[7] - grid[6])
            best, second, place = bound, bound, -1
            for listed in range(lists[at], lists[at + 1]):
                here = lists[listed]
                away = square(x, y, places[here, 0], places[here, 1], bands, band)
                second = min(second, max(best, away))
                place = here if away < best else place
                best = min(best, away)
            if place >= 0:
                chord = np.sqrt(best)
                metres = metres_of(best, chord)
                near = second - best <= _MAYBE * TIE_M * (chord + TIE_M) and second < bound
                if abs(metres - radius_m) <= TIE_M or (near and np.sqrt(second) - chord <= TIE_M):
                    row = UNDECIDED
                    undecided += 1
                elif metres <= radius_m:
                    row = rows[first[place]]
                else:
                    metres = np.inf
        point = order[nth] if ordered else nth
        out_rows[point, 0], out_metres[point, 0] = row, metres
    return undecided
