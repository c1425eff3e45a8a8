"""Makes the scenes of the benchmark: areas with shared jagged borders, clustered riders and love stations."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIZES", "Scene", "Size", "make_scene"]

Floats = NDArray[np.float64]

#: Segments of one side of an area: with four sides, 120 vertices and the closing one.
_SEGMENTS: Final = 30
_KNOT_SHIFT: Final = 0.15
# A side stays within this slope from its corners and this far from its chord, so that no two sides ever meet.
_SLOPE: Final = 0.4
_DEPTH: Final = 0.12
_NORTH_M: Final = 111_000.0
_CLUSTERED: Final = 0.8
_CLUSTER_M: Final = 2_500.0


@dataclass(frozen=True)
class Size:
    """How large a scene is: areas as columns x rows of a mean side in metres, riders and love stations."""

    name: str
    columns: int
    rows: int
    side_m: float
    riders: int
    stations: int
    west: float
    south: float


SIZES: Final = {
    size.name: size
    for size in (
        Size("CITY", 100, 60, 800.0, 200_000, 3_000, 116.0, 39.7),
        Size("PROVINCE", 300, 200, 1_500.0, 2_000_000, 20_000, 113.0, 33.0),
        Size("NATION", 1_000, 650, 3_000.0, 13_000_000, 200_000, 90.0, 22.0),
    )
}


@dataclass(frozen=True)
class Scene:
    """Rings of areas (areas, vertices, 2) in degrees, closed, counted by rows; their codes; points."""

    rings: Floats
    codes: list[str]
    riders: tuple[Floats, Floats]
    stations: tuple[Floats, Floats]


def make_scene(size: Size, seed: int = 20_260_101) -> Scene:
    """Make a scene; the same size and seed give the same bytes."""
    random = np.random.default_rng([seed, size.columns, size.rows])
    north = size.side_m / _NORTH_M
    east = north / np.cos(np.radians(size.south + north * size.rows / 2))
    scale, origin = np.array([east, north]), np.array([size.west, size.south])
    rings = _rings(size, random)
    rings *= scale
    rings += origin
    # Riders sit where the stations are: in towns.
    centres = random.uniform((0.05, 0.05), (0.95, 0.95), (max(4, size.columns * size.rows // 150), 2))
    centres = centres * (size.columns, size.rows)
    spread = _CLUSTER_M / size.side_m
    points = [
        _points(centres, spread, count, size, random) * scale + origin
        for count in (size.riders, size.stations)
    ]
    riders, stations = ((one[:, 0].copy(), one[:, 1].copy()) for one in points)
    codes = [f"{110_000_000_000 + number}" for number in range(size.columns * size.rows)]
    return Scene(rings, codes, riders, stations)


def _points(centres: Floats, spread: float, count: int, size: Size, random: np.random.Generator) -> Floats:
    clustered = int(count * _CLUSTERED)
    near = centres[random.integers(0, len(centres), clustered)] + random.normal(0, spread, (clustered, 2))
    anywhere = random.uniform((0, 0), (size.columns, size.rows), (count - clustered, 2))
    every = np.clip(np.vstack([near, anywhere]), (0.2, 0.2), (size.columns - 0.2, size.rows - 0.2))
    random.shuffle(every)
    return every


def _rings(size: Size, random: np.random.Generator) -> Floats:
    """Give the rings in units of a side; neighbours share every vertex of their common side."""
    columns, rows = size.columns, size.rows
    knots = np.stack(np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0)), axis=-1)
    knots += random.uniform(-_KNOT_SHIFT, _KNOT_SHIFT, knots.shape)
    across = _sides(knots[:, :-1], knots[:, 1:], random)
    upward = _sides(knots[:-1], knots[1:], random)
    rings = np.empty((rows, columns, 4 * _SEGMENTS + 1, 2))
    part = [slice(side * _SEGMENTS, (side + 1) * _SEGMENTS) for side in range(4)]
    rings[:, :, part[0]] = across[:-1, :, :-1]
    rings[:, :, part[1]] = upward[:, 1:, :-1]
    rings[:, :, part[2]] = across[1:, :, :0:-1]
    rings[:, :, part[3]] = upward[:, :-1, :0:-1]
    rings[:, :, -1] = rings[:, :, 0]
    return rings.reshape(rows * columns, -1, 2)


def _sides(start: Floats, end: Floats, random: np.random.Generator) -> Floats:
    """Give jagged lines from each start to its end, (…, segments + 1, 2), the ends exact."""
    share = np.linspace(0.0, 1.0, _SEGMENTS + 1)
    bound = np.minimum(_SLOPE * np.minimum(share, 1.0 - share), _DEPTH)
    walk = np.cumsum(random.normal(0.0, 0.03, (*start.shape[:-1], _SEGMENTS + 1)), axis=-1)
    away = np.clip(walk - share * walk[..., -1:], -bound, bound)[..., None]
    along = (end - start)[..., None, :]
    line = start[..., None, :] + share[:, None] * along + away * along[..., ::-1] * (-1.0, 1.0)
    line[..., 0, :], line[..., -1, :] = start, end
    return line
