"""Polygons become plain arrays of coordinates and rings here, and polygons again; nothing is looked up."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import GeoError
from geo.points import Floats, Rows
from geo.room import spare, with_room
from geo.slices import cut, in_slices

Shapes = NDArray[np.object_]

_MAX_VERTICES: Final = 2**30
# Polygons whose coordinates are copied together.
_CHUNK: Final = 65_536
_WORTH: Final = 2_048


class Outlines(NamedTuple):
    """Polygons as arrays, in their order; arrays may be longer than what they hold.

    Attributes
    ----------
    xy : ndarray of float64 (vertices, 2)
    rings : ndarray of int64 (rings, 3)
        First vertex, the one after the last, and 1 where the ring is the outer one of a part.
    polys : ndarray of int64 (polygons, 2)
        First ring and the one after the last.
    """

    xy: Floats
    rings: Rows
    polys: Rows


def outlines_of(shapes: Shapes) -> Outlines:
    """Give polygons and multipolygons as arrays."""
    counts = shapely.get_num_coordinates(shapes)
    total = int(counts.sum())
    _check_size(total)
    xy, at = np.empty((spare(total), 2)), 0
    for start, end in cut(len(shapes), len(shapes) // _CHUNK + 1):
        part = shapely.get_coordinates(shapes[start:end])
        xy[at : at + len(part)] = part
        at += len(part)
    parts, part_of = shapely.get_parts(shapes, return_index=True)
    ring_count = shapely.get_num_interior_rings(parts) + 1
    if len(parts) == len(shapes) and (ring_count == 1).all():
        lengths = counts
    else:
        lengths = shapely.get_num_coordinates(shapely.get_rings(parts))
    rings = np.zeros((spare(len(lengths)), 3), dtype=np.int64)
    ends = np.cumsum(lengths)
    rings[: len(lengths), 0], rings[: len(lengths), 1] = ends - lengths, ends
    rings[np.cumsum(ring_count) - ring_count, 2] = 1
    per_shape = np.bincount(part_of, ring_count, len(shapes)).astype(np.int64)
    return Outlines(xy, rings, _spans(per_shape))


def outlines_of_wkb(wkb: Sequence[bytes]) -> Outlines | None:
    """Give polygons as arrays straight from well-known binary; None unless all are plain and flat.

    Slices are asked for one after the other and not kept.
    """
    made: list[Outlines] = []
    for start, end in cut(len(wkb), len(wkb) // _CHUNK + 1):
        part = wkb[start:end]
        one = _outlines_of_some(part) if all(isinstance(shape, bytes) for shape in part) else None
        if one is None:
            return None
        made.append(one)
        if len(part) < len(wkb):
            made[-1] = used(one, len(part))
    return made[0] if len(made) == 1 else _in_one(made)


def _outlines_of_some(wkb: Sequence[bytes]) -> Outlines | None:
    from geo.kernels import wkb as kernels  # noqa: PLC0415 - loads the compiler

    data = np.frombuffer(b"".join(wkb), np.uint8)
    ends = np.cumsum(np.fromiter(map(len, wkb), np.int64, len(wkb)))
    counts = np.empty((len(wkb), 2), dtype=np.int64)
    in_slices(lambda a, b: kernels.count_rings(data, ends, counts, a, b), len(wkb), worth=_WORTH)
    if (counts[:, 0] <= 0).any():
        return None
    vertices, rings = np.cumsum(counts, axis=0).T
    _check_size(int(vertices[-1]))
    xy = np.empty((spare(int(vertices[-1])), 2))
    made = np.zeros((spare(int(rings[-1])), 3), dtype=np.int64)
    flat, first, ring_first = xy.reshape(-1).view(np.uint8), vertices - counts[:, 0], rings - counts[:, 1]
    in_slices(
        lambda a, b: kernels.copy_rings(data, ends, first, ring_first, flat, made, a, b),
        len(wkb),
        worth=_WORTH,
    )
    return Outlines(xy, made, _spans(counts[:, 1]))


def _in_one(parts: list[Outlines]) -> Outlines:
    """Put outlines one after the other, with room; the list is emptied as they go, to hold none twice."""
    vertices, rings, polys = (sum(map(len, arrays)) for arrays in zip(*parts, strict=True))
    _check_size(vertices)
    whole = Outlines(
        np.empty((spare(vertices), 2)),
        np.zeros((spare(rings), 3), dtype=np.int64),
        np.zeros((spare(polys), 2), dtype=np.int64),
    )
    vertices = rings = polys = 0
    while parts:
        part = parts.pop(0)
        whole.xy[vertices : vertices + len(part.xy)] = part.xy
        whole.rings[rings : rings + len(part.rings)] = part.rings + np.array([vertices, vertices, 0])
        whole.polys[polys : polys + len(part.polys)] = part.polys + rings
        vertices, rings, polys = vertices + len(part.xy), rings + len(part.rings), polys + len(part.polys)
    return whole


def used(outlines: Outlines, count: int) -> Outlines:
    """Give the arrays cut to what the first `count` polygons hold, where those were never edited."""
    rings = int(outlines.polys[count - 1, 1])
    vertices = int(outlines.rings[rings - 1, 1])
    return Outlines(outlines.xy[:vertices], outlines.rings[:rings], outlines.polys[:count])


def roomy(outlines: Outlines, count: int) -> Outlines:
    """Give the arrays of the first `count` polygons with room for edits, the same where they have it."""
    held = used(outlines, count)
    return Outlines(*(with_room(array, len(part)) for array, part in zip(outlines, held, strict=True)))


def gathered(outlines: Outlines, rows: Rows) -> Outlines:
    """Give the outlines of some rows alone, in that order."""
    ring, counts = _runs(outlines.polys[rows, 0], outlines.polys[rows, 1])
    vertex, lengths = _runs(outlines.rings[ring, 0], outlines.rings[ring, 1])
    ends = np.cumsum(lengths)
    rings = np.column_stack([ends - lengths, ends, outlines.rings[ring, 2]])
    return Outlines(outlines.xy[vertex], rings, _spans(counts, room=0))


def replaced(outlines: Outlines, row: int, other: Outlines) -> Outlines:
    """Give the outlines with another polygon at one row."""
    moved = np.array([len(outlines.xy), len(outlines.xy), 0])
    rings = np.vstack([outlines.rings, other.rings + moved])
    polys = np.vstack([outlines.polys, other.polys + len(outlines.rings)])
    rows = np.arange(len(outlines.polys))
    rows[row] = len(outlines.polys)
    return gathered(Outlines(np.vstack([outlines.xy, other.xy]), rings, polys), rows)


def shapes_of(outlines: Outlines, rows: Rows) -> Shapes:
    """Give the polygons of some rows, each as a multipolygon."""
    xy, rings, polys = gathered(outlines, rows)
    part_first = np.flatnonzero(rings[:, 2])
    poly_first = np.searchsorted(part_first, np.append(polys[:, 0], len(rings)))
    offsets = np.append(rings[:, 0], len(xy)), np.append(part_first, len(rings)), poly_first
    made = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, xy, offsets)
    return np.asarray(made, dtype=object)


def _runs(first: Rows, last: Rows) -> tuple[Rows, Rows]:
    """Give the numbers from each first up to its last, one run after the other, and the lengths."""
    counts = last - first
    ends = np.cumsum(counts)
    return np.repeat(first - (ends - counts), counts) + np.arange(counts.sum()), counts


def _spans(counts: Rows, room: int | None = None) -> Rows:
    """Give where each of some runs begins and ends, with room for more."""
    length = spare(len(counts)) if room is None else len(counts) + room
    spans = np.zeros((length, 2), dtype=np.int64)
    ends = np.cumsum(counts)
    spans[: len(counts), 0], spans[: len(counts), 1] = ends - counts, ends
    return spans


def _check_size(vertices: int) -> None:
    if vertices > _MAX_VERTICES:
        raise GeoError(
            "areas_too_many",
            "边界顶点超过 10 亿个；请分省建立索引。",
            "The boundaries have more than 2^30 vertices; build one index a province.",
        )
