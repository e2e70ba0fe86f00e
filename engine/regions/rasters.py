"""Between outlines and pixels: filling rings, and tracing the edges of a bitmap.

Pixel centres lie at integers, so pixel (x, y) covers x - 0.5 .. x + 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]
Bits = NDArray[np.bool_]


def fill_rings(rings: Sequence[Ring], left: int, top: int, width: int, height: int) -> Bits:
    """(height, width) bool: the pixels from (left, top) whose centre lies inside closed rings, by the even-odd rule.

    rings : each (N, 2) x, y. A centre exactly on an outline counts as inside on the left and upper side and as
    outside on the right and lower one, so that shapes side by side share no pixel.
    """
    # A crossing toggles every pixel from itself to the right: toggles first, then one running sum along each row.
    toggles = np.zeros((height, width + 1), np.int32)
    rows = np.arange(top, top + height)
    for ring in rings:
        following = np.roll(ring, -1, axis=0)
        upper = np.where((ring[:, 1] <= following[:, 1])[:, None], ring, following)
        lower = np.where((ring[:, 1] <= following[:, 1])[:, None], following, ring)
        first = np.clip(np.searchsorted(rows, upper[:, 1], side="left"), 0, height)
        last = np.clip(np.searchsorted(rows, lower[:, 1], side="left"), 0, height)
        counts = last - first
        edge = np.repeat(np.arange(len(ring)), counts)
        if not edge.size:
            continue
        row = np.arange(edge.size) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
        x = crossings(upper[edge], lower[edge], rows[row])
        column = np.clip(np.ceil(x) - left, 0, width).astype(np.intp)
        np.add.at(toggles, (row, column), 1)
    return (np.cumsum(toggles[:, :width], axis=1) & 1).astype(bool)


def crossings(upper: Ring, lower: Ring, y: Any) -> NDArray[np.float64]:
    """(N,) x at which edges from `upper` to `lower`, both (N, 2), pass the height `y`, one or (N,)."""
    part = (y - upper[:, 1]) / (lower[:, 1] - upper[:, 1])
    x: NDArray[np.float64] = upper[:, 0] + part * (lower[:, 0] - upper[:, 0])
    return x


def chords(ring: Ring, y: float) -> NDArray[np.float64]:
    """(2 N,) increasing x where the outline of a closed ring passes the height `y`: it is inside from even to odd."""
    following = np.roll(ring, -1, axis=0)
    passing = (ring[:, 1] <= y) != (following[:, 1] <= y)
    start, end = ring[passing], following[passing]
    falling = (start[:, 1] <= end[:, 1])[:, None]
    return np.sort(crossings(np.where(falling, start, end), np.where(falling, end, start), y))


def trace_edges(bits: Bits, columns: NDArray[np.float64], rows: NDArray[np.float64]) -> tuple[Ring, ...]:
    """The outlines of the set cells of a bitmap as closed rings along the cells' edges, holes as rings of their own.

    bits : (H, W). columns : (W + 1,) x of the cells' edges, rows : (H + 1,) their y. Cells that touch at a corner
    only are kept apart. Filling the rings by the even-odd rule gives the bitmap back.
    """
    padded = np.pad(bits, 1)
    nw, ne, sw, se = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    saddle = (nw == se) & (ne == sw) & (nw != ne)
    # An outline turns where one or three of the four cells round a lattice point are set, twice where two are that
    # lie across from each other. Along each lattice line, turns then belong together in pairs.
    turns = (nw ^ ne ^ sw ^ se).astype(np.int8) + 2 * saddle
    y, x = np.nonzero(turns)
    count = turns[y, x]
    y, x = np.repeat(y, count), np.repeat(x, count)
    twin = np.concatenate(([False], (y[1:] == y[:-1]) & (x[1:] == x[:-1])))
    across = np.arange(x.size) ^ 1
    # The first of two turns at one place is the end of an edge from the left; whether it goes on upwards or
    # downwards depends on which of the two cells is set.
    downwards = np.where(nw[y, x], twin, ~twin)
    single = turns[y, x] == 1
    order = np.lexsort((np.where(single, False, downwards), y, x))
    along = np.empty(x.size, np.intp)
    along[order] = order[np.arange(x.size) ^ 1]
    return _follow(x, y, across, along, columns, rows)


def _follow(
    x: NDArray[np.intp],
    y: NDArray[np.intp],
    across: NDArray[np.intp],
    along: NDArray[np.intp],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
) -> tuple[Ring, ...]:
    """Rings through turns that are joined in pairs, by turns `across` and `along` (down) the picture."""
    right, down = across.tolist(), along.tolist()
    seen = bytearray(len(right))
    rings = []
    for start in range(len(right)):
        if seen[start]:
            continue
        ring = []
        at = start
        while not seen[at]:
            ring.append(at)
            seen[at] = 1
            at = right[at]
            ring.append(at)
            seen[at] = 1
            at = down[at]
        rings.append(np.stack((columns[x[ring]], rows[y[ring]]), axis=1))
    return tuple(rings)


def distance_to_path(path: Ring, closed: bool, x: float, y: float) -> tuple[float, int]:
    """Distance of (x, y) from an (N, 2) path in pixels, and the number of its nearest segment."""
    start = path if closed else path[:-1]
    if not len(start):
        return float(np.hypot(*(path[0] - (x, y)))), 0
    end = np.roll(path, -1, axis=0) if closed else path[1:]
    step, offset = end - start, np.array((x, y)) - start
    length = (step**2).sum(axis=1)
    part = np.clip((step * offset).sum(axis=1) / np.where(length > 0, length, 1), 0, 1)
    distances = np.hypot(*(offset - part[:, None] * step).T)
    nearest = int(np.argmin(distances))
    return float(distances[nearest]), nearest
