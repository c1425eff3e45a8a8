"""The grid over polygons is laid here: slabs, coarse cells, fine cells; see docs/decisions/0009."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geo.area_arrays import Outlines, roomy
from geo.points import Floats, Rows
from geo.room import Room, spare
from geo.slices import cut, in_slices, threads

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]
Sides = tuple[Floats, Floats, Ints, Ints]

# Vertices a coarse cell, about; fine cells an edge, about.
_VERTICES: Final = 48
DENSITY: Final = 2.0
_MIN_CELL: Final = 1e-6
# Coarse cells that the boxes of the polygons may meet in all: so many a polygon and a vertex.
_MET_A_POLYGON: Final = 64
_MET_A_VERTEX: Final = 4
_WORTH: Final = 512
# Cells around all polygons, so that an outer border may move a little.
_MARGIN: Final = 2.0
_ARRAYS: Final = (
    *("xy", "rings", "polys", "bounds", "heads", "slab_start", "slab_edge"),
    *("grid", "coarse", "cell_entries", "entries", "fine"),
)


@dataclass(slots=True)
class Grid:
    """What a look-up needs, as plain arrays; `geo.kernels` says how they hang together.

    Polygons are counted by id: the rows of the frame, and one more for each edit. Of each array the first
    `used` rows count, of which the first `begun` came with it; what follows is room for edits.
    """

    xy: Floats
    rings: Rows
    polys: Rows
    bounds: Floats
    heads: Floats
    slab_start: Ints
    slab_edge: Ints
    grid: Floats
    coarse: Rows
    cell_entries: Ints
    entries: Ints
    fine: Ints
    used: dict[str, int] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    room: Room | None = None

    @property
    def fixed(self) -> tuple[str, ...]:
        """The arrays that edits write in place."""
        return "grid", "coarse", "cell_entries"

    @property
    def outlines(self) -> Outlines:
        """The polygons themselves."""
        return Outlines(self.xy, self.rings, self.polys)

    @property
    def sides(self) -> tuple[Floats, Floats, Ints, Ints]:
        """The arrays that tell a point's side, as kernels take them."""
        return self.xy, self.heads, self.slab_start, self.slab_edge

    @property
    def cells(self) -> tuple[Floats, Rows, Ints, Bytes]:
        """The arrays of the cells, as kernels take them: `fine` also byte by byte."""
        return self.grid, self.coarse, self.fine, self.fine.view(np.uint8)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all arrays by name."""
        return {name: getattr(self, name) for name in _ARRAYS}


def lay_grid(outlines: Outlines, count: int, order: Rows) -> Grid:
    """Build the grid over the first `count` polygons, all sound; `order` are their rows by rising code."""
    from geo.kernels import cells  # noqa: PLC0415 - loads the compiler

    outlines = roomy(outlines, count)
    sides = _slabs(outlines, count)
    grid = _frame(sides[0][:count], int(outlines.rings[outlines.polys[count - 1, 1] - 1, 1]))
    parts = cut(count, threads() if count > _WORTH else 1)
    pools = in_slices(
        lambda a, _: cells.enter(*outlines, *sides, grid, order, *parts[a]), len(parts), slices=len(parts)
    )
    cell_entries, entries = _sorted_entries(pools, int(grid[4]) * int(grid[5]))
    del pools
    whole = Grid(
        xy=outlines.xy,
        rings=outlines.rings,
        polys=outlines.polys,
        bounds=sides[0],
        heads=sides[1],
        slab_start=sides[2],
        slab_edge=sides[3],
        grid=grid,
        coarse=np.empty(0, dtype=np.int64),
        cell_entries=cell_entries,
        entries=entries,
        fine=np.empty(0, dtype=np.int32),
    )
    _lay_blocks(whole)
    _note_used(whole, count)
    return whole


def make_blocks(whole: Grid, cells: Rows, ranges: Ints) -> tuple[Rows, list[Ints]]:
    """Give what each of some cells is, as words that count from the first of the pools, and the pools.

    `ranges` are the first and last of the entries of each of these cells.
    """
    from geo.kernels import blocks  # noqa: PLC0415 - loads the compiler

    words = np.empty(len(cells), dtype=np.int64)
    arrays = *whole.sides, whole.grid, ranges, whole.entries

    def build(a: int, b: int) -> tuple[int, int, Ints]:
        return a, b, blocks.build_blocks(*arrays, cells, words, DENSITY, a, b)

    offset, pools = 0, []
    for a, b, pool in in_slices(build, len(cells), worth=_WORTH):
        words[a:b] = moved(words[a:b], offset)
        offset += len(pool)
        pools.append(pool)
    return words, pools


def moved(words: Rows, offset: int) -> Rows:
    """Give the words of cells whose blocks stand farther on by `offset`."""
    moved_words: Rows = np.where(words < -1, words - (offset << 3), words)
    return moved_words


def measure(outlines: Outlines, bounds: Floats, heads: Floats) -> Rows:
    """Write bounds and heads of polygons, but for their first slabs; give how many edges their slabs list."""
    from geo.kernels import sides as kernels  # noqa: PLC0415 - loads the compiler

    entries = np.empty(len(outlines.polys), dtype=np.int64)
    in_slices(
        lambda a, b: kernels.measure(*outlines, bounds, heads, entries, a, b), len(entries), worth=_WORTH
    )
    return entries


def fill_slabs(
    outlines: Outlines, heads: Floats, slabs: tuple[Ints, Ints], entries: Rows, start: int
) -> None:
    """Write the slabs of polygons, which list so many edges each, the first of them from `start` on."""
    from geo.kernels import sides as kernels  # noqa: PLC0415 - loads the compiler

    first = start + np.cumsum(entries) - entries
    in_slices(
        lambda a, b: kernels.fill_slabs(*outlines, heads, first, *slabs, a, b), len(entries), worth=_WORTH
    )


def _slabs(outlines: Outlines, count: int) -> Sides:
    bounds, heads = np.empty((len(outlines.polys), 4)), np.empty((len(outlines.polys), 4))
    held = outlines._replace(polys=outlines.polys[:count])
    entries = measure(held, bounds, heads)
    # One place more a polygon: where its last slab ends.
    places = heads[:count, 3] + 1
    heads[:count, 2] = np.cumsum(places) - places
    slab_start = np.empty(spare(int(places.sum())), dtype=np.int32)
    slab_edge = np.empty(spare(int(entries.sum())), dtype=np.int32)
    fill_slabs(held, heads, (slab_start, slab_edge), entries, 0)
    return bounds, heads, slab_start, slab_edge


def _frame(bounds: Floats, vertices: int) -> Floats:
    """Choose the coarse cells: west, south, cells a degree east and north, columns, lines."""
    west, south = bounds[:, 0].min(), bounds[:, 1].min()
    east, north = bounds[:, 2].max(), bounds[:, 3].max()
    squeeze = max(0.1, np.cos(np.radians(min(89.0, abs(south + north) / 2))))
    wanted = vertices / _VERTICES
    high = max(_MIN_CELL, np.sqrt((east - west) * (north - south) * squeeze / wanted))
    wide = max(_MIN_CELL, high / squeeze)
    sides = bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]
    most = _MET_A_POLYGON * len(bounds) + _MET_A_VERTEX * vertices
    while (((east - west) / wide + 1) * ((north - south) / high + 1) > 2 * wanted + 64) or (
        ((sides[0] / wide + 2) * (sides[1] / high + 2)).sum() > most
    ):
        wide, high = wide * np.sqrt(2), high * np.sqrt(2)
    west, south = west - _MARGIN * wide, south - _MARGIN * high
    columns, lines = (east - west) // wide + 1 + _MARGIN, (north - south) // high + 1 + _MARGIN
    return np.array([west, south, 1.0 / wide, 1.0 / high, columns, lines])


def _sorted_entries(pools: list[Ints], cells: int) -> tuple[Ints, Ints]:
    """Give each cell's range of entries, and the entries: polygon, first edge, number of edges."""
    from geo.kernels import cells as kernels  # noqa: PLC0415 - loads the compiler

    counts = np.zeros(cells, dtype=np.int64)
    for pool in pools:
        counts += np.bincount(pool[:, 0], minlength=cells)
    ends = np.cumsum(counts)
    cell_entries = np.column_stack([ends - counts, ends]).astype(np.int32)
    cursor, entries = cell_entries[:, 0].copy(), np.empty((spare(int(ends[-1])), 3), dtype=np.int32)
    for pool in pools:
        kernels.sort_entries(pool, cursor, entries)
    return cell_entries, entries


def _lay_blocks(whole: Grid) -> None:
    """Cut the cells that borders run through, and write what every cell is."""
    whole.coarse, pools = make_blocks(whole, np.arange(len(whole.cell_entries)), whole.cell_entries)
    whole.fine, at = np.empty(spare(sum(map(len, pools))), dtype=np.int32), 0
    while pools:
        pool = pools.pop(0)
        whole.fine[at : at + len(pool)] = pool
        at += len(pool)
    whole.used["fine"] = at


def _note_used(whole: Grid, count: int) -> None:
    """Note how much of each array counts."""
    rings = int(whole.polys[count - 1, 1])
    slabs = int(whole.heads[count - 1, 2] + whole.heads[count - 1, 3]) + 1
    whole.used.update(
        xy=int(whole.rings[rings - 1, 1]),
        rings=rings,
        polys=count,
        bounds=count,
        heads=count,
        slab_start=slabs,
        slab_edge=int(whole.slab_start[slabs - 1]),
        grid=len(whole.grid),
        coarse=len(whole.coarse),
        cell_entries=len(whole.cell_entries),
        entries=int(whole.cell_entries[-1, 1]),
    )
    whole.begun = dict(whole.used)
