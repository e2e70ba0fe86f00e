"""Cutting rings and lines to an image, and thinning them."""

from __future__ import annotations

import itertools

import numpy as np

from engine.regions.rasters import Ring

_FLAT = 1e-6


def clip_ring(ring: Ring, width: int, height: int) -> Ring:
    """(M, 2): the part of a closed ring inside an image, perhaps empty.

    I. E. Sutherland and G. W. Hodgman, Reentrant polygon clipping, CACM 17 (1974): parts that fall apart stay joined
    by a path along the image's edge, which encloses nothing.
    """
    for axis, edge, sign in ((0, -0.5, 1), (0, width - 0.5, -1), (1, -0.5, 1), (1, height - 0.5, -1)):
        if not len(ring):
            break
        depth = sign * (ring[:, axis] - edge)
        if (depth >= 0).all():
            continue
        kept = []
        for here, after, d0, d1 in zip(ring, np.roll(ring, -1, axis=0), depth, np.roll(depth, -1), strict=True):
            if d0 >= 0:
                kept.append(here)
            if (d0 > 0 > d1) or (d0 < 0 < d1):
                cut = here + (after - here) * (d0 / (d0 - d1))
                cut[axis] = edge
                kept.append(cut)
        ring = np.array(kept).reshape(-1, 2)
    return ring


def clip_line(line: Ring, width: int, height: int) -> Ring:
    """(M, 2): the longest unbroken piece of an open line inside an image, perhaps empty."""
    low, high = np.array([-0.5, -0.5]), np.array([width - 0.5, height - 0.5])
    pieces: list[list[Ring]] = []
    for start, end in itertools.pairwise(line):
        step = end - start
        first, last = 0.0, 1.0
        for axis in range(2):
            if step[axis] == 0:
                if not low[axis] <= start[axis] <= high[axis]:
                    last = -1.0
                continue
            ends = sorted(((low[axis] - start[axis]) / step[axis], (high[axis] - start[axis]) / step[axis]))
            first, last = max(first, ends[0]), min(last, ends[1])
        if first >= last and not (first == last == 0):
            continue
        entry, leave = np.clip(start + first * step, low, high), np.clip(start + last * step, low, high)
        if first > 0 or not pieces or not np.array_equal(pieces[-1][-1], entry):
            pieces.append([entry])
        pieces[-1].append(leave)
    if not pieces:
        return np.empty((0, 2))
    lengths = [float(np.hypot(*np.diff(np.array(piece), axis=0).T).sum()) for piece in pieces]
    return np.array(pieces[int(np.argmax(lengths))])


def is_flat(points: Ring) -> bool:
    """Whether points all lie on one line, within a millionth of a pixel."""
    away = np.hypot(*(points - points[0]).T)
    far = int(np.argmax(away))
    if away[far] < _FLAT:
        return True
    return bool(np.max(_off_line(points, points[0], points[far])) < _FLAT)


def thin_ring(ring: Ring, tolerance: float) -> Ring:
    """(M, 2): the points of a closed ring that keep its outline within `tolerance` pixels, at least three.

    D. H. Douglas and T. K. Peucker, Algorithms for the reduction of the number of points, Cartographica 10 (1973),
    on the parts between three points that lie far apart.
    """
    far = int(np.argmax(np.hypot(*(ring - ring[0]).T)))
    third = int(np.argmax(_off_line(ring, ring[0], ring[far])))
    anchors = sorted({0, far, third})
    kept = np.zeros(len(ring) + 1, bool)
    kept[anchors] = True
    closed = np.concatenate((ring, ring[:1]))
    spans = list(zip(anchors, [*anchors[1:], len(ring)], strict=True))
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        away = _off_segment(closed[start + 1 : end], closed[start], closed[end])
        worst = int(np.argmax(away))
        if away[worst] > tolerance:
            middle = start + 1 + worst
            kept[middle] = True
            spans += [(start, middle), (middle, end)]
    return ring[kept[:-1]]


def _off_line(points: Ring, start: Ring, end: Ring) -> Ring:
    """(N,) distance of points from the endless line through two."""
    step, offset = end - start, points - start
    away: Ring = np.abs(step[0] * offset[:, 1] - step[1] * offset[:, 0]) / np.hypot(*step)
    return away


def _off_segment(points: Ring, start: Ring, end: Ring) -> Ring:
    """(N,) distance of points from the stretch between two."""
    step, offset = end - start, points - start
    length = float(step @ step)
    part = np.clip(offset @ step / length, 0, 1) if length > 0 else np.zeros(len(points))
    away: Ring = np.hypot(*(offset - part[:, None] * step).T)
    return away
