"""One polygon is cut into compact parts here, the same every time; what the parts are called is not known."""

from typing import Final, TypeAlias

import numpy as np
import shapely
from scipy.spatial import Voronoi, cKDTree

from geo.degrees import metres_a_degree
from geo.errors import GeoError
from geo.points import Floats, Rows

_SAMPLES_A_PART: Final = 256
_ROUNDS: Final = 24
_TRIES: Final = 8
_POLYGONS: Final = ("Polygon", "MultiPolygon")

Area: TypeAlias = shapely.Polygon | shapely.MultiPolygon


def partition(polygon: Area, n: int, seed: int) -> list[Area]:
    """Cut a polygon into exactly n non-empty parts that cover it without overlap.

    Parts are Voronoi cells of seeded points, relaxed (Lloyd) so that they are compact and of similar size.
    All lines are noded together before parts are put together, so neighbours share their border vertex for
    vertex. The same input gives the same parts.

    Parameters
    ----------
    polygon : Polygon or MultiPolygon
        Valid and not empty, degrees of WGS84.
    n : int
        At least 1.
    seed : int
        Not negative.

    Returns
    -------
    list of Polygon or MultiPolygon
        From north to south. All are polygons, unless an exclave had to join another piece because the
        polygon has more pieces than `n` leaves parts for.

    Raises
    ------
    GeoError
        ``partition_polygon`` for a geometry that is no valid polygon, ``partition_count`` for n < 1,
        ``partition_sliver`` where it is too thin for n parts.
    """
    if polygon is None or polygon.geom_type not in _POLYGONS or polygon.is_empty or not polygon.is_valid:
        raise GeoError(
            "partition_polygon",
            "只能划分有效且不为空的面；请先修复边界。",
            "Only a valid polygon that is not empty can be cut; repair the boundary first.",
        )
    if n < 1:
        raise GeoError("partition_count", "份数至少为 1。", "The number of parts must be at least 1.")
    pieces = shapely.get_parts(shapely.force_2d(polygon))
    pieces = pieces[np.argsort(-shapely.area(pieces), kind="stable")]
    main, exclaves = pieces[:n], pieces[n:]
    shares = _shares(shapely.area(main), n)
    parts: list[Area] = []
    for piece, share in zip(main, shares, strict=True):
        parts.extend(_cut(piece, int(share), [seed, len(parts)]))
    for exclave in exclaves:
        nearest = int(np.argmin(shapely.distance(np.array(parts, dtype=object), exclave)))
        parts[nearest] = shapely.MultiPolygon([*shapely.get_parts(parts[nearest]), exclave])
    return sorted(parts, key=_north_to_south)


def _north_to_south(part: Area) -> tuple[float, float]:
    return -part.centroid.y, part.centroid.x


def _shares(areas: Floats, n: int) -> Rows:
    """Share n parts out over pieces: one each, every further one to the piece whose parts are largest."""
    shares = np.ones(len(areas), dtype=np.int64)
    for _ in range(n - len(areas)):
        shares[np.argmax(areas / shares)] += 1
    return shares


def _cut(piece: shapely.Polygon, n: int, seed: list[int]) -> list[Area]:
    if n == 1:
        return [piece]
    stretch = _stretch(piece)
    for again in range(_TRIES):
        random = np.random.default_rng([*seed, again] if again else seed)
        generators = _relaxed(_sample(piece, n * _SAMPLES_A_PART, random), n, stretch)
        parts = _joined(_faces(piece, generators, stretch), generators, stretch)
        # A line may miss the border by a rounding, and two cells are then one face: not so when drawn anew.
        if len(parts) == n:
            return parts
    raise GeoError(
        "partition_sliver",
        "这个面太细碎，划不出这么多份；请减少份数或先修复边界。",
        "The polygon is too thin to be cut into so many parts: ask for fewer, or repair it.",
    )


def _stretch(piece: shapely.Polygon) -> Floats:
    """Give the factors that turn degrees into equal lengths at the middle of the piece."""
    east_m, north_m = metres_a_degree(np.array([piece.centroid.y]))
    return np.array([east_m[0] / north_m[0], 1.0])


def _sample(piece: shapely.Polygon, count: int, random: np.random.Generator) -> Floats:
    """Draw points evenly from the inside of a piece."""
    west, south, east, north = piece.bounds
    shapely.prepare(piece)
    kept, found = [], 0
    while found < count:
        points = random.uniform((west, south), (east, north), (count, 2))
        inside = points[shapely.contains_xy(piece, points[:, 0], points[:, 1])]
        kept.append(inside)
        found += len(inside)
    return np.concatenate(kept)[:count]


def _relaxed(samples: Floats, n: int, stretch: Floats) -> Floats:
    """Move n of the points towards the middles of their cells; each stays one of the inner points."""
    flat = samples * stretch
    chosen = np.arange(n)
    for _ in range(_ROUNDS):
        owner = cKDTree(flat[chosen]).query(flat)[1]
        sums = np.column_stack([np.bincount(owner, flat[:, axis], n) for axis in (0, 1)])
        middles = sums / np.bincount(owner, minlength=n)[:, None]
        away = np.hypot(*(flat - middles[owner]).T)
        order = np.lexsort((away, owner))
        chosen = order[np.searchsorted(owner[order], np.arange(n))]
    return samples[chosen]


def _faces(piece: shapely.Polygon, generators: Floats, stretch: Floats) -> list[shapely.Polygon]:
    """Cut a piece along the lines between generators into faces whose borders meet vertex for vertex."""
    west, south, east, north = piece.bounds
    middle, reach = (generators * stretch).mean(axis=0), 100.0 * max(east - west, north - south)
    # Four far points close every cell that matters; their own cells lie outside the piece.
    far = middle + reach * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    diagram = Voronoi(np.vstack([generators * stretch, far]))
    ridges = [ridge for ridge in diagram.ridge_vertices if -1 not in ridge]
    lines = shapely.linestrings(diagram.vertices[np.array(ridges)] / stretch)
    noded = shapely.union_all([*lines, piece.boundary])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inner = shapely.get_coordinates(shapely.point_on_surface(faces))
    return list(faces[shapely.contains_xy(piece, inner[:, 0], inner[:, 1])])


def _joined(faces: list[shapely.Polygon], generators: Floats, stretch: Floats) -> list[Area]:
    """Put faces together to one polygon a generator; a cell's cut-off faces join their longest neighbour."""
    inner = shapely.get_coordinates(shapely.point_on_surface(np.array(faces, dtype=object)))
    owners = cKDTree(generators * stretch).query(inner * stretch)[1]
    order = sorted(range(len(faces)), key=lambda face: -faces[face].area)
    parts: dict[int, Area] = {}
    loose = []
    for face in order:
        if owners[face] in parts:
            loose.append(faces[face])
        else:
            parts[int(owners[face])] = faces[face]
    joined = [parts[owner] for owner in sorted(parts)]
    while loose:
        # The first that touches a part along a line; the faces are connected, so there is one.
        face, part = next(
            (face, part) for face in loose if (part := _longest_neighbour(face, joined)) is not None
        )
        loose.remove(face)
        joined[part] = shapely.coverage_union(joined[part], face)
    return joined


def _longest_neighbour(face: shapely.Polygon, parts: list[Area]) -> int | None:
    shared = shapely.length(
        shapely.intersection(face.boundary, shapely.boundary(np.array(parts, dtype=object)))
    )
    return int(np.argmax(shared)) if shared.max() > 0 else None
