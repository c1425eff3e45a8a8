"""The nearest stations of points, in metres on the ellipsoid; near ties are named for pyproj to decide."""

from typing import Any, Final

import numpy as np

from geo.kernels.jit import B1, F1, F2, FLOAT, I1, INT, L1, L2, RF1, inner, kernel

__all__ = [
    "NOWHERE",
    "SHRINK",
    "STRIP",
    "TIE_M",
    "UNDECIDED",
    "WIDE",
    "metres_of",
    "nearest",
    "places_of",
    "search",
    "square",
]

NOWHERE: Final = -1
UNDECIDED: Final = -2

_RADIAN: Final = np.pi / 180.0
_EARTH_M: Final = 6_371_000.0
#: Distances that differ by less are not told apart here; the formula is right to a tenth of it.
TIE_M: Final = 1e-4
#: The least share of a degree's length that it keeps within the greatest radius.
SHRINK: Final = 0.98
#: Degrees of longitude beyond which the formula is no distance any more, and nothing is near.
WIDE: Final = 90.0
#: Cells of a strip: two to this power; see `geo.station_grid`.
STRIP: Final = 5


@inner
def square(x: float, y: float, at_x: float, at_y: float, bands: Any, band: int) -> float:
    """Give the square of the chord between two points, metres, by the middle latitude's radii of curvature.

    A band is a latitude, and metres a degree of longitude and of latitude there, each with derivatives.
    """
    east, north = at_x - x, at_y - y
    away = 0.5 * (at_y + y) - bands[band, 0]
    wide, high = east * _RADIAN, north * _RADIAN
    east_m = east * (bands[band, 1] + away * (bands[band, 2] + away * bands[band, 3]))
    north_m = north * (bands[band, 4] + away * (bands[band, 5] + away * bands[band, 6]))
    wide, high = wide * wide, high * high
    square: float = east_m * east_m * (1.0 - wide / 12.0) + north_m * north_m * (
        1.0 - high / 12.0 - wide / 4.0
    )
    return square


@inner
def metres_of(square: float, chord: float) -> float:
    """Give the length of the arc over a chord."""
    return chord * (1.0 + square / (24.0 * _EARTH_M * _EARTH_M))


@inner
def places_of(heads: Any, cells: Any, strip: int, left: int, right: int) -> tuple[int, int]:
    """Give the first place of a strip's cells from left to right, counted from its own, and the next one."""
    head = heads[strip]
    return cells[head + max(left, 0)], cells[head + min(right + 1, 1 << STRIP)]


@inner
def _allowed(place: int, first: Any, rows: Any, mask: Any) -> bool:
    for at in range(first[place], first[place + 1]):
        if mask[rows[at]]:
            return True
    return False


@inner
def _scan(
    x: float,
    y: float,
    strips: int,
    bands: Any,
    band: int,
    heads: Any,
    cells: Any,
    places: Any,
    first: Any,
    rows: Any,
    mask: Any,
    line: int,
    left: int,
    right: int,
    best: Any,
    found: Any,
) -> None:
    """Take a line's places into the best found: squares of distances, sorted, one more than asked for."""
    last = len(best) - 1
    strip, final = line * strips + (left >> STRIP), line * strips + (right >> STRIP)
    cell, stop = left & ((1 << STRIP) - 1), (right & ((1 << STRIP) - 1)) + 1
    while strip <= final:
        # Read once: an edit may write another number there meanwhile, and what it says is whole.
        head = heads[strip]
        start, end = cells[head + cell], cells[head + (stop if strip == final else 1 << STRIP)]
        strip, cell = strip + 1, 0
        for place in range(start, end):
            away = square(x, y, places[place, 0], places[place, 1], bands, band)
            if (
                away >= best[last]
                or abs(places[place, 0] - x) > WIDE
                or (len(mask) > 0 and not _allowed(place, first, rows, mask))
            ):
                continue
            at = last
            while at > 0 and best[at - 1] > away:
                best[at], found[at] = best[at - 1], found[at - 1]
                at -= 1
            best[at], found[at] = away, place


@inner
def _within(cell: float, cells: float) -> int:
    return int(min(max(cell, 0.0), cells - 1.0))


@inner
def search(
    x: float,
    y: float,
    grid: Any,
    bands: Any,
    band: int,
    heads: Any,
    cells: Any,
    places: Any,
    first: Any,
    rows: Any,
    mask: Any,
    best: Any,
    found: Any,
) -> None:
    """Look at the nine cells around a point, then at all that the worst of the best leaves possible.

    A station that was added beyond the grid stands in its outermost cells, so these always count.
    """
    columns, lines = int(grid[4]), int(grid[5])
    strips = (columns + (1 << STRIP) - 1) >> STRIP
    tx, ty = (x - grid[0]) * grid[2], (y - grid[1]) * grid[3]
    column, line = _within(tx, grid[4]), _within(ty, grid[5])
    west, east = max(0, column - 1), min(columns - 1, column + 1)
    south, north = max(0, line - 1), min(lines - 1, line + 1)
    for here in range(south, north + 1):
        _scan(
            x, y, strips, bands, band, heads, cells, places, first, rows, mask, here, west, east, best, found
        )
    reach = np.sqrt(best[len(best) - 2]) + TIE_M
    # Divided apart from the root, so that neither waits for the other.
    wide, high = reach * (grid[2] / (SHRINK * bands[band, 1])), reach * (grid[3] / (SHRINK * bands[band, 4]))
    left, right = _within(tx - wide, grid[4]), _within(tx + wide, grid[4])
    low, top = _within(ty - high, grid[5]), _within(ty + high, grid[5])
    if left >= west and right <= east and low >= south and top <= north:
        return
    for here in range(low, top + 1):
        # One run of cells beyond the nine, or one on each side of them.
        inside = south <= here <= north
        start, end = left, west - 1 if inside else right
        for _ in range(2 if inside else 1):
            if start <= end:
                _scan(
                    x,
                    y,
                    strips,
                    bands,
                    band,
                    heads,
                    cells,
                    places,
                    first,
                    rows,
                    mask,
                    here,
                    start,
                    end,
                    best,
                    found,
                )
            start, end = east + 1, right


@inner
def _settle(
    best: Any,
    found: Any,
    radius_m: float,
    first: Any,
    rows: Any,
    mask: Any,
    out_rows: Any,
    out_metres: Any,
    point: int,
) -> bool:
    """Write rows and metres; False where ties or the radius hang on less than the formula knows."""
    k, written = len(best) - 1, 0
    for nth in range(k):
        if found[nth] < 0:
            break
        chord = np.sqrt(best[nth])
        metres = metres_of(best[nth], chord)
        if abs(metres - radius_m) <= TIE_M or (
            found[nth + 1] >= 0 and np.sqrt(best[nth + 1]) - chord <= TIE_M
        ):
            return False
        if metres > radius_m:
            break
        for at in range(first[found[nth]], first[found[nth] + 1]):
            if written < k and (len(mask) == 0 or mask[rows[at]]):
                out_rows[point, written], out_metres[point, written] = rows[at], metres
                written += 1
    for nth in range(written, k):
        out_rows[point, nth], out_metres[point, nth] = NOWHERE, np.inf
    return True


@kernel(INT, F1, F2, L1, I1, F2, L1, L1, B1, RF1, RF1, FLOAT, L2, F2, INT, INT)
def nearest(
    grid: Any,
    bands: Any,
    heads: Any,
    cells: Any,
    places: Any,
    first: Any,
    rows: Any,
    mask: Any,
    lng: Any,
    lat: Any,
    radius_m: float,
    out_rows: Any,
    out_metres: Any,
    start: int,
    end: int,
) -> int:
    """Write the nearest stations of each point; give the number of points whose first row is UNDECIDED.

    `grid` ends with the number of the first band and bands a degree.
    """
    k, undecided = out_rows.shape[1], 0
    best, found = np.empty(k + 1), np.empty(k + 1, np.int64)
    bound = (radius_m + 2.0 * TIE_M) ** 2
    for point in range(start, end):
        x, y = lng[point], lat[point]
        for at in range(k + 1):
            best[at], found[at] = bound, -1
        band = y * grid[7] - grid[6]
        if 0.0 <= band < len(bands):
            search(x, y, grid, bands, int(band), heads, cells, places, first, rows, mask, best, found)
        if not _settle(best, found, radius_m, first, rows, mask, out_rows, out_metres, point):
            out_rows[point, 0] = UNDECIDED
            undecided += 1
    return undecided
