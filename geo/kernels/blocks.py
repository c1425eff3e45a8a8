"""A coarse cell that borders run through is cut into fine cells, each with the polygons it may lie in."""

from typing import Any, Final

import numpy as np

from geo.kernels.cells import SLACK, columns_of
from geo.kernels.jit import F1, F2, FLOAT, I1, I2, INT, L1, ONE, ZERO, inner, kernel
from geo.kernels.sides import INSIDE, UNSURE, side

__all__ = ["block", "build_blocks"]

_OUT: Final = 0
_IN: Final = 1
_BORDER: Final = 2
_MAX_POWER: Final = 6
#: Different lists that one byte tells apart.
_MAX_KINDS: Final = 256


@inner
def _mark(xy: Any, first: int, count: int, grid: Any, column: int, line: int, size: int, marks: Any) -> None:
    """Mark the fine cells that a run of edges touches."""
    for edge in range(first, first + count):
        ax = ((xy[edge, 0] - grid[0]) * grid[2] - column) * size
        ay = ((xy[edge, 1] - grid[1]) * grid[3] - line) * size
        bx = ((xy[edge + 1, 0] - grid[0]) * grid[2] - column) * size
        by = ((xy[edge + 1, 1] - grid[1]) * grid[3] - line) * size
        bottom = max(0, int(np.floor(min(ay, by) - SLACK)))
        top = min(size - 1, int(np.floor(max(ay, by) + SLACK)))
        for j in range(bottom, top + 1):
            low, high = columns_of(ax, ay, bx, by, j, size - 1)
            for i in range(low, high + 1):
                marks[j * size + i] = _BORDER


@inner
def _flood(
    xy: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    row: int,
    column: int,
    line: int,
    size: int,
    marks: Any,
) -> None:
    """Tell inside from outside for fine cells without an edge: as a neighbour, or by the middle."""
    for j in range(size):
        for i in range(size):
            at = j * size + i
            if marks[at] == _BORDER:
                continue
            if i > 0 and marks[at - 1] != _BORDER:
                marks[at] = marks[at - 1]
            elif j > 0 and marks[at - size] != _BORDER:
                marks[at] = marks[at - size]
            else:
                x = grid[0] + (column + (i + 0.5) / size) / grid[2]
                y = grid[1] + (line + (j + 0.5) / size) / grid[3]
                found = side(xy, heads, slab_start, slab_edge, row, x, y)
                marks[at] = _BORDER if found == UNSURE else (_IN if found == INSIDE else _OUT)


@inner
def _grown(array: Any, size: int) -> Any:
    larger = np.empty(2 * size, np.int32)
    # Loops, for an assignment of slices makes compiling take seconds longer.
    for at in range(len(array)):
        larger[at] = array[at]
    return larger


@inner
def _more_nodes(nodes: Any, size: int) -> Any:
    larger = np.empty((2 * size, 4), np.int32)
    for at in range(len(nodes)):
        for part in range(4):
            larger[at, part] = nodes[at, part]
    return larger


@inner
def _extend(nodes: Any, used: int, row: int, state: Any, marks: Any, cells: int) -> int:
    """Add a polygon to the lists of the fine cells it concerns; cells with one list keep sharing one.

    A list is a node: columns are its parent, its last entry, and its continuation by this polygon.
    """
    for node in range(used):
        nodes[node, 2], nodes[node, 3] = -1, -1
    before = used
    for at in range(cells):
        if marks[at] == _OUT:
            continue
        node, inside = state[at], marks[at] == _IN
        way = 2 if inside else 3
        if nodes[node, way] < 0:
            nodes[used, 0], nodes[used, 1] = node, 2 * row + inside
            nodes[node, way] = used
            used += 1
        state[at] = nodes[node, way]
    return used - before


@inner
def _write_list(nodes: Any, node: int, pool: Any, at: int) -> int:
    """Write length and entries of a list, in the order they were added; give the next free place."""
    length, up = 0, node
    while up > 0:
        length += 1
        up = nodes[up, 0]
    pool[at] = length
    up = node
    for back in range(length):
        pool[at + length - back] = nodes[up, 1]
        up = nodes[up, 0]
    return at + length + 1


@inner
def _kinds(nodes: Any, used: int, state: Any, cells: int) -> tuple[int, int]:
    """Count the lists that leaves have, numbering them in nodes[:, 2], and the room they need."""
    for node in range(used):
        nodes[node, 2] = -1
    kinds, room = 0, 0
    for leaf in range(cells):
        node = state[leaf]
        if nodes[node, 2] < 0:
            nodes[node, 2] = kinds
            kinds += 1
            up = node
            room += 1
            while up > 0:
                room += 1
                up = nodes[up, 0]
    return kinds, room


@inner
def _write(
    nodes: Any, used: int, state: Any, cells: int, kinds: int, pool: Any, free: int
) -> tuple[int, int]:
    """Write lists, palette and leaves; give the place of the leaves and the next free one."""
    at = free
    for node in range(used):
        if nodes[node, 2] >= 0 and not (node == 0 or (nodes[node, 0] == 0 and nodes[node, 1] & 1)):
            nodes[node, 3] = at
            at = _write_list(nodes, node, pool, at)
    at += kinds
    for node in range(used):
        kind = nodes[node, 2]
        if kind < 0:
            continue
        if node == 0:
            pool[at - 1 - kind] = -1
        elif nodes[node, 0] == 0 and nodes[node, 1] & 1:
            pool[at - 1 - kind] = nodes[node, 1] >> 1
        else:
            pool[at - 1 - kind] = nodes[node, 3] - at - 1
    words = (cells + 3) // 4
    for word in range(words):
        packed = 0
        for byte in range(min(4, cells - 4 * word)):
            packed |= nodes[state[4 * word + byte], 2] << (8 * byte)
        pool[at + word] = packed if packed < 1 << 31 else packed - (1 << 32)
    return at, at + words


@inner
def _lists(
    xy: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    cell: int,
    entries: Any,
    first: int,
    last: int,
    size: int,
    marks: Any,
    state: Any,
    nodes: Any,
) -> tuple[Any, int]:
    """Find the list of every fine cell of a block: state[leaf] becomes its node."""
    column, line, cells = cell % int(grid[4]), cell // int(grid[4]), size * size
    for leaf in range(cells):
        state[leaf] = 0
    used, entry = ONE, first
    while entry < last:
        row: Any = np.int64(entries[entry, 0])
        covers = entries[entry, 2] == 0
        for leaf in range(cells):
            marks[leaf] = _IN if covers else _OUT
        while entry < last and entries[entry, 0] == row:
            _mark(xy, entries[entry, 1], entries[entry, 2], grid, column, line, size, marks)
            entry += 1
        if not covers:
            _flood(xy, heads, slab_start, slab_edge, grid, row, column, line, size, marks)
        if used + cells > len(nodes):
            nodes = _more_nodes(nodes, used + cells)
        used += _extend(nodes, used, row, state, marks, cells)
    return nodes, used


@inner
def block(
    xy: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    cell: int,
    entries: Any,
    first: int,
    last: int,
    density: float,
    pool: Any,
    free: int,
    scratch: Any,
) -> tuple[int, Any, int, Any]:
    """Write the block of a cell's entries into a pool; give its word, the pool, its free place, the scratch.

    Before its leaves stand a palette, backwards, and before that the lists. A leaf is one byte, its place in
    the palette; there stands a row, -1 for no polygon, or how far before the leaves the list begins (less 1).
    """
    marks, state, nodes = scratch
    power = _power(entries, first, last, density)
    while True:
        size = 1 << power
        nodes, used = _lists(
            xy, heads, slab_start, slab_edge, grid, cell, entries, first, last, size, marks, state, nodes
        )
        kinds, room = _kinds(nodes, used, state, size * size)
        if kinds <= _MAX_KINDS or power == 0:
            break
        power -= 1
    if free + room + kinds + size * size > len(pool):
        pool = _grown(pool, free + room + kinds + size * size)
    at, free = _write(nodes, used, state, size * size, kinds, pool, free)
    return -2 - (at << 3 | power), pool, free, (marks, state, nodes)


@inner
def _power(entries: Any, first: int, last: int, density: float) -> int:
    """Give the binary logarithm of a block's size: about `density` fine cells an edge, at most 64 x 64."""
    edges, power = 0, 0
    for entry in range(first, last):
        edges += entries[entry, 2]
    while power < _MAX_POWER and (1 << (2 * power)) < density * edges:
        power += 1
    return power


@kernel(I1, F2, F2, I1, I1, F1, I2, I2, L1, L1, FLOAT, INT, INT)
def build_blocks(
    xy: Any,
    heads: Any,
    slab_start: Any,
    slab_edge: Any,
    grid: Any,
    ranges: Any,
    entries: Any,
    cells: Any,
    words: Any,
    density: float,
    start: int,
    end: int,
) -> Any:
    """Write what cells[start:end] are into `words`: a row, -1, or a block of the pool that is given back.

    `ranges` are the first and last of the entries of each of these cells.
    """
    pool, free = np.empty(1 << 16, np.int32), ZERO
    scratch = (np.empty(4096, np.uint8), np.empty(4096, np.int32), np.empty((4096, 4), np.int32))
    for nth in range(start, end):
        cell = cells[nth]
        first, last = ranges[nth, 0], ranges[nth, 1]
        words[nth] = -1
        if last == first + 1 and entries[first, 2] == 0:
            words[nth] = entries[first, 0]
        elif last > first:
            words[nth], pool, free, scratch = block(
                xy,
                heads,
                slab_start,
                slab_edge,
                grid,
                cell,
                entries,
                first,
                last,
                density,
                pool,
                free,
                scratch,
            )
    return pool[:free]
