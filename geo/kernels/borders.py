"""Metres from points to the nearest border, edge by edge of the cells around them."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import F1, F2, FLOAT, I2, INT, NONE, RF1, inner, kernel

__all__ = ["border_metres"]

_AXIS_M: Final = 6378137.0
_ECCENTRICITY_2: Final = 0.0066943799901413165
# Widens the search box so that neither rounding nor the change of a degree's length within it loses a border.
_BOX_SLACK: Final = 1.01
_BOX_SLACK_M: Final = 0.01


@inner
def _edge_m2(ax: float, ay: float, bx: float, by: float) -> float:
    """Give the square of the distance from the origin to a segment, whose ends are metres."""
    along_x, along_y = bx - ax, by - ay
    length = along_x * along_x + along_y * along_y
    share = 0.0
    if length > 0.0:
        share = min(1.0, max(0.0, -(ax * along_x + ay * along_y) / length))
    near_x, near_y = ax + share * along_x, ay + share * along_y
    return near_x * near_x + near_y * near_y


@kernel(NONE, F2, F1, I2, I2, RF1, RF1, FLOAT, F1, INT, INT)
def border_metres(
    xy: Any,
    grid: Any,
    cell_entries: Any,
    entries: Any,
    lng: Any,
    lat: Any,
    limit_m: float,
    metres: Any,
    start: int,
    end: int,
) -> None:
    """Write the metres from each point to the nearest edge, in its own plane; inf beyond the limit."""
    reach_m = limit_m * _BOX_SLACK + _BOX_SLACK_M
    columns, lines = int(grid[4]), int(grid[5])
    for point in range(start, end):
        x, y = lng[point], lat[point]
        sine = np.sin(y * np.pi / 180.0)
        flat = 1.0 - _ECCENTRICITY_2 * sine * sine
        # A degree of longitude has no length at the pole; one metre keeps the search box finite there.
        east_m = max(1.0, _AXIS_M / np.sqrt(flat) * np.cos(y * np.pi / 180.0) * np.pi / 180.0)
        north_m = _AXIS_M * (1.0 - _ECCENTRICITY_2) / (flat * np.sqrt(flat)) * np.pi / 180.0
        best = limit_m * limit_m
        west, east = (x - reach_m / east_m - grid[0]) * grid[2], (x + reach_m / east_m - grid[0]) * grid[2]
        south, north = (
            (y - reach_m / north_m - grid[1]) * grid[3],
            (y + reach_m / north_m - grid[1]) * grid[3],
        )
        metres[point] = np.inf
        if not (east >= 0.0 and north >= 0.0 and west < grid[4] and south < grid[5]):
            continue
        for line in range(int(max(0.0, south)), int(min(lines - 1.0, north)) + 1):
            for column in range(int(max(0.0, west)), int(min(columns - 1.0, east)) + 1):
                cell = line * columns + column
                for entry in range(cell_entries[cell, 0], cell_entries[cell, 1]):
                    first = entries[entry, 1]
                    for edge in range(first, first + entries[entry, 2]):
                        square = _edge_m2(
                            (xy[edge, 0] - x) * east_m,
                            (xy[edge, 1] - y) * north_m,
                            (xy[edge + 1, 0] - x) * east_m,
                            (xy[edge + 1, 1] - y) * north_m,
                        )
                        if square <= best:
                            best = square
                            metres[point] = np.sqrt(square)
