"""The lengths of degrees on the ellipsoid are told here; borders themselves are measured in `geo.kernels`."""

from typing import Final

import numpy as np

from geo.points import Floats

_AXIS_M: Final = 6378137.0
_ECCENTRICITY_2: Final = 0.0066943799901413165


def metres_a_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Give the metres of one degree of longitude and of latitude on the WGS84 ellipsoid at each latitude."""
    phi = np.radians(lat)
    flat = 1.0 - _ECCENTRICITY_2 * np.sin(phi) ** 2
    # A degree of longitude has no length at the pole; one metre keeps the search box finite there.
    east_m = np.maximum(np.radians(_AXIS_M / np.sqrt(flat) * np.cos(phi)), 1.0)
    north_m = np.radians(_AXIS_M * (1.0 - _ECCENTRICITY_2) / (flat * np.sqrt(flat)))
    return east_m, north_m
