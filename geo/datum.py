"""Coordinates move between the frames used in China here; which frame a point is in is not judged here."""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from geo.errors import GeoError
from geo.points import MAX_LAT, Flags, Floats, checked_points

Frame = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
_Forward = Callable[[Floats, Floats], tuple[Floats, Floats]]
FRAMES: Final[tuple[str, ...]] = get_args(Frame)

# Krasovsky 1940, on which the public GCJ-02 formula stands.
_AXIS_M = 6378245.0
_ECCENTRICITY_2 = 0.00669342162296594323
# The rectangle outside which the public formula leaves a point as it is: west, east, south, north.
CHINA_BOX: Final = (72.004, 137.8347, 0.8293, 55.8271)
_ORIGIN = (105.0, 35.0)

_BD_SHIFT = (0.0065, 0.006)
_BD_WAVE = np.pi * 3000.0 / 180.0

# Each step shrinks the error at least 100 times (the offset changes by < 0.01 degree a degree),
# so eight steps end at the last bit whatever the start.
_INVERSE_STEPS = 8


def convert(lng: ArrayLike, lat: ArrayLike, source: str, target: str) -> tuple[Floats, Floats]:
    """Move points from one coordinate frame to another.

    Outside the rectangle 72.004-137.8347 E, 0.8293-55.8271 N the step between wgs84 and gcj02 is the
    identity, as in the public formula (so a point within about 1 km of that rectangle's edge, which lies
    far outside China, need not come back to itself). The step between gcj02 and bd09 is applied
    everywhere. Inverses are found by iteration and undo the forward step to about 1e-13 degree.

    Parameters
    ----------
    lng, lat : array_like of float64, degrees
        Points in frame `source`, one shape.
    source, target : {"wgs84", "cgcs2000", "gcj02", "bd09"}
        cgcs2000 is taken as equal to wgs84 (they differ by centimetres).

    Returns
    -------
    tuple of ndarray of float64, degrees
        New arrays of the shape given, row for row; empty in, empty out. Scalars give scalars.

    Raises
    ------
    GeoError
        ``frame_unknown`` for another frame name; ``point_not_finite`` or ``point_latitude`` with the rows
        that are NaN, infinite or beyond 90 degrees of latitude.
    """
    start, end = _canonical(source), _canonical(target)
    given_x, given_y = checked_points(lng, lat)
    x, y = given_x.reshape(-1), given_y.reshape(-1)
    if start != end:
        if start == "bd09":
            x, y = _invert(x, y, _bd09_of_gcj02)
        elif start == "wgs84":
            x, y = _in_china(x, y, _gcj02_of_wgs84)
        if end == "bd09":
            x, y = _bd09_of_gcj02(x, y)
        elif end == "wgs84":
            x, y = _in_china(x, y, partial(_invert, forward=_gcj02_of_wgs84))
    # Only beside a pole can the offset overshoot it.
    y = np.clip(y, -MAX_LAT, MAX_LAT)
    return x.reshape(given_x.shape)[()], y.reshape(given_y.shape)[()]


def in_china_box(lng: Floats, lat: Floats) -> Flags:
    """Tell which points lie in the rectangle where GCJ-02 differs from WGS84, edges included."""
    west, east, south, north = CHINA_BOX
    inside: Flags = (lng >= west) & (lng <= east) & (lat >= south) & (lat <= north)
    return inside


def _canonical(frame: str) -> str:
    if frame not in FRAMES:
        raise GeoError(
            "frame_unknown",
            f"不认识的坐标系；请写明 {'、'.join(FRAMES)} 之一。",
            f"Unknown coordinate frame; state one of {', '.join(FRAMES)}.",
        )
    return "wgs84" if frame == "cgcs2000" else frame


def _in_china(lng: Floats, lat: Floats, move: _Forward) -> tuple[Floats, Floats]:
    """Move the points in the box in place; elsewhere the formula means nothing, and may not converge."""
    inside = in_china_box(lng, lat)
    lng[inside], lat[inside] = move(lng[inside], lat[inside])
    return lng, lat


def _gcj02_of_wgs84(lng: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Apply the public GCJ-02 offset; for points in or just outside the box."""
    x, y = lng - _ORIGIN[0], lat - _ORIGIN[1]
    root = np.sqrt(np.abs(x))
    # The waves shared by both axes, in metres.
    waves = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north_m = north_m + (20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * 2.0 / 3.0
    north_m = north_m + (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east_m = east_m + (20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * 2.0 / 3.0
    east_m = east_m + (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    phi = np.radians(lat)
    flat = 1.0 - _ECCENTRICITY_2 * np.sin(phi) ** 2
    meridian_m = _AXIS_M * (1.0 - _ECCENTRICITY_2) / (flat * np.sqrt(flat))
    parallel_m = _AXIS_M / np.sqrt(flat) * np.cos(phi)
    return lng + np.degrees(east_m / parallel_m), lat + np.degrees(north_m / meridian_m)


def _bd09_of_gcj02(lng: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Apply the public BD-09 turn and stretch."""
    length = np.hypot(lng, lat) + 0.00002 * np.sin(lat * _BD_WAVE)
    angle = np.arctan2(lat, lng) + 0.000003 * np.cos(lng * _BD_WAVE)
    return length * np.cos(angle) + _BD_SHIFT[0], length * np.sin(angle) + _BD_SHIFT[1]


def _invert(lng: Floats, lat: Floats, forward: _Forward) -> tuple[Floats, Floats]:
    """Find the points that `forward` brings to the given ones."""
    x, y = lng, lat
    for _ in range(_INVERSE_STEPS):
        there_lng, there_lat = forward(x, y)
        x, y = x + (lng - there_lng), y + (lat - there_lat)
    return x, y
