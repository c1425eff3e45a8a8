"""Synthetic areas and the awkward points on and about them; only tests use them."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

DATA = Path(__file__).parent / "data"
Points = tuple[NDArray[np.float64], NDArray[np.float64]]


def frame(shapes: list[shapely.Geometry | None], codes: list[object] | None = None) -> gpd.GeoDataFrame:
    """Make a frame of areas in EPSG:4326, coded A000, A001, … unless told."""
    names = [f"A{row:03d}" for row in range(len(shapes))] if codes is None else codes
    return gpd.GeoDataFrame({"code": names}, geometry=gpd.GeoSeries(shapes, crs=4326), crs=4326)


def tessellation(seed: int, columns: int, rows: int) -> gpd.GeoDataFrame:
    """Make areas that share jagged borders vertex for vertex, their codes in no order."""
    random = np.random.default_rng(seed)
    west, south, step = 116.3, 39.8, 0.01
    knots = np.stack(np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0), indexing="ij"), axis=-1)
    # Some frames on round figures, as grids and rounded exports have them.
    knots += random.uniform(-0.3, 0.3, knots.shape).round(random.integers(1, 9))
    jags = {axis: random.uniform(-0.08, 0.08, (columns + 1, rows + 1, 2)) for axis in (0, 1)}
    shapes = []
    for i in range(columns):
        for j in range(rows):
            corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            ring: list[NDArray[np.float64]] = []
            for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1], strict=True):
                low = (min(a, c), min(b, d))
                ring += [knots[a, b], (knots[a, b] + knots[c, d]) / 2 + jags[0 if b == d else 1][low]]
            shapes.append(shapely.Polygon(np.array(ring) * step + (west, south)))
    codes = [f"{code:04d}" for code in random.permutation(len(shapes))]
    return frame(shapes, codes)


def awkward_points(areas: gpd.GeoDataFrame, seed: int, count: int = 300) -> Points:
    """Give vertices, points on and one bit off edges, corners of boxes, and points in and around."""
    random = np.random.default_rng(seed)
    vertices = shapely.get_coordinates(areas.geometry.array)
    starts = random.integers(0, len(vertices) - 1, count)
    share = random.choice([0.5, 0.25, random.random()], count)[:, None]
    edges = vertices[starts] + share * (vertices[starts + 1] - vertices[starts])
    west, south, east, north = areas.total_bounds
    spread = random.uniform((west - 0.01, south - 0.01), (east + 0.01, north + 0.01), (count, 2))
    corners = np.array([(x, y) for x in (west, east) for y in (south, north)])
    boxes = shapely.bounds(np.asarray(areas.geometry.array)).reshape(-1, 2)
    nudged = np.nextafter(edges, edges + random.choice([-1.0, 1.0], edges.shape))
    every = np.vstack([vertices, edges, nudged, spread, spread.round(3), corners, boxes])
    return every[:, 0].copy(), every[:, 1].copy()


def located_by_shapely(
    areas: gpd.GeoDataFrame, lng: NDArray[np.float64], lat: NDArray[np.float64]
) -> list[int]:
    """Answer what `locate` should, one area after the other by shapely alone."""
    answer = np.full(len(lng), -1)
    points = shapely.points(lng, lat)
    for row in sorted(range(len(areas)), key=lambda row: str(areas["code"].iloc[row]), reverse=True):
        answer[shapely.intersects(areas.geometry.iloc[row], points)] = row
    return [int(row) for row in answer]
