"""Shapes on the slices between those on which they were drawn.

Two of a kind are blended in their parameters; masks, and two of different kinds, in their signed distances, after G. T.
Herman, J. Zheng and C. A. Bucholtz, Shape-based interpolation, IEEE Computer Graphics and Applications 12 (1992), with
both moved to the centre that lies between theirs first, so that a structure that wanders keeps its size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.frames import normal_angle
from engine.regions.paths import is_flat, thin_ring
from engine.regions.rasters import Bits, Ring
from engine.regions.shape import Shape
from engine.regions.shapes import Ellipse, Freehand, Line, Mask, Point, Polygon, RotatedBox

_RING_POINTS = 128
_THIN_PX = 0.05


def interpolated(keys: Mapping[int, Shape]) -> dict[int, Shape]:
    """The shapes of all slices that lie between those of `keys`, without these themselves.

    keys : by slice index, in any order. Each slice is blended from its two neighbours among the keys.
    """
    found: dict[int, Shape] = {}
    for first, last in itertools.pairwise(sorted(keys)):
        for index in range(first + 1, last):
            found[index] = between(keys[first], keys[last], (index - first) / (last - first))
    return found


def between(first: Shape, second: Shape, part: float) -> Shape:
    """The shape at `part` (0..1) of the way from one to another.

    Of the kind of both where they are of one kind, a freehand outline for a polygon and a freehand one, and else a
    mask. Angles turn the short way, corners go to the nearest ones.
    """
    if not 0 <= part <= 1:
        raise RegionError(f"{part:g} is not between two slices")
    if isinstance(first, Polygon) and isinstance(second, Polygon):
        return _rings(first, second, part)
    if isinstance(first, Line) and isinstance(second, Line):
        return _lines(first, second, part)
    for kind, blend in _BLENDS.items():
        if type(first) is kind and type(second) is kind:
            return blend(first, second, part)
    return _masks(first, second, part)


def _mix(first: float, second: float, part: float) -> float:
    return first + (second - first) * part


def _angle(first: float, second: float, part: float) -> float:
    """Half a turn brings a box and an ellipse onto themselves."""
    turn = (second - first + 90) % 180 - 90
    return normal_angle(first + turn * part)


def _boxes(a: Box, b: Box, part: float) -> Shape:
    return Box(*(_mix(*pair, part) for pair in zip(a.as_tuple(), b.as_tuple(), strict=True)))


def _rotated(a: RotatedBox, b: RotatedBox, part: float) -> Shape:
    numbers = zip((a.cx, a.cy, a.width, a.height), (b.cx, b.cy, b.width, b.height), strict=True)
    cx, cy, width, height = (_mix(*pair, part) for pair in numbers)
    return RotatedBox(cx, cy, width, height, _angle(a.angle_deg, b.angle_deg, part))


def _ellipses(a: Ellipse, b: Ellipse, part: float) -> Shape:
    numbers = zip((a.cx, a.cy, a.rx, a.ry), (b.cx, b.cy, b.rx, b.ry), strict=True)
    cx, cy, rx, ry = (_mix(*pair, part) for pair in numbers)
    return Ellipse(cx, cy, rx, ry, _angle(a.angle_deg, b.angle_deg, part))


def _dots(a: Point, b: Point, part: float) -> Shape:
    return Point(_mix(a.x, b.x, part), _mix(a.y, b.y, part))


_BLENDS: dict[type[Shape], Callable[[Any, Any, float], Shape]] = {
    Box: _boxes,
    RotatedBox: _rotated,
    Ellipse: _ellipses,
    Point: _dots,
}


def _lines(first: Line, second: Line, part: float) -> Shape:
    a, b = first.outline()[0], second.outline()[0]
    count = max(len(a), len(b))
    a, b = (path if len(path) == count else _resampled(path, count, closed=False) for path in (a, b))
    if ((a - b) ** 2).sum() > ((a - b[::-1]) ** 2).sum():
        b = b[::-1]
    return Line(_pairs(a + (b - a) * part))


def _rings(first: Polygon, second: Polygon, part: float) -> Shape:
    a, b = first.outline()[0], second.outline()[0]
    kind = Polygon if first.kind == second.kind == Polygon.kind else Freehand
    same = len(a) == len(b)
    if not same:
        count = max(_RING_POINTS, len(a), len(b))
        a, b = _resampled(a, count, closed=True), _resampled(b, count, closed=True)
    ring = a + (_matched(a, b) - a) * part
    if is_flat(ring):
        return _masks(first, second, part)
    return kind.from_ring(ring if same else thin_ring(ring, _THIN_PX))


def _matched(ring: Ring, other: Ring) -> Ring:
    """`other` begun at the corner, and run in the direction, that brings its corners nearest to those of `ring`."""
    if _signed_area(ring) * _signed_area(other) < 0:
        other = other[::-1]
    a, b = (r - r.mean(axis=0) for r in (ring, other))
    # The best turn has the largest product, and the products of all turns are one circular correlation.
    spectrum = np.fft.rfft(a, axis=0).conj() * np.fft.rfft(b, axis=0)
    fit = np.fft.irfft(spectrum.sum(axis=1), len(ring))
    return np.roll(other, -int(np.argmax(fit)), axis=0)


def _signed_area(ring: Ring) -> float:
    x, y = (ring - ring[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _resampled(path: Ring, count: int, *, closed: bool) -> Ring:
    """(count, 2) points at equal distances along a path."""
    whole = np.concatenate((path, path[:1])) if closed else path
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(whole, axis=0).T))))
    places = np.linspace(0, along[-1], count, endpoint=not closed)
    return np.stack([np.interp(places, along, whole[:, axis]) for axis in range(2)], axis=1)


def _pairs(path: Ring) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in path)


class _Pixels(NamedTuple):
    """A shape's pixels: set ones in `bits` from (left, top), and their middle."""

    left: int
    top: int
    bits: Bits
    centre: NDArray[np.float64]


def _masks(first: Shape, second: Shape, part: float) -> Mask:
    a, b = _pixels_of(first), _pixels_of(second)
    centre = a.centre + (b.centre - a.centre) * part
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for p in (a, b):
        corner = np.array([p.left, p.top]) + centre - p.centre
        low = np.minimum(low, corner)
        high = np.maximum(high, corner + p.bits.shape[::-1])
    left, top = (int(v) - 1 for v in np.floor(low))
    width, height = (int(v) + 1 for v in np.ceil(high - (left, top)))
    blended = np.zeros((height, width))
    for p, weight in ((a, 1 - part), (b, part)):
        blended += weight * _shifted_distance(p, centre - p.centre, left, top, width, height)
    inside = blended < 0
    if not inside.any():
        # Two thin shapes may leave no pixel between them: the one nearest to being inside stands for it.
        inside = blended == blended.min()
    return Mask.from_array(inside, left, top)


def _pixels_of(shape: Shape) -> _Pixels:
    box = shape.bounds
    left, top = math.floor(box.x1), math.floor(box.y1)
    bits = shape.covered(left, top, math.ceil(box.x2) - left + 1, math.ceil(box.y2) - top + 1)
    if not bits.any():
        bits[round((box.y1 + box.y2) / 2) - top, round((box.x1 + box.x2) / 2) - left] = True
    rows, columns = np.nonzero(bits)
    return _Pixels(left, top, bits, np.array([columns.mean() + left, rows.mean() + top]))


def _shifted_distance(
    pixels: _Pixels, shift: NDArray[np.float64], left: int, top: int, width: int, height: int
) -> NDArray[np.float64]:
    """(height, width): distance from the outline, negative inside, of a shape shifted by part of a pixel."""
    # As far out as the window, so that the shifted picture never asks beyond it.
    corner = np.array([pixels.left, pixels.top]) + shift - (left, top)
    before = np.ceil(np.maximum(corner, 0)).astype(int) + 1
    after = np.ceil(np.maximum((width, height) - corner - pixels.bits.shape[::-1], 0)).astype(int) + 1
    padded = np.pad(pixels.bits, ((before[1], after[1]), (before[0], after[0])))
    outside, inside = (np.maximum(_away(bits), 0) for bits in (padded, ~padded))
    # A set pixel lies 1 from the unset one beside it, and its edge halfway.
    image = SimpleITK.GetImageFromArray(outside - inside)
    image.SetOrigin((pixels.left + float(shift[0]) - before[0], pixels.top + float(shift[1]) - before[1]))
    grid = SimpleITK.Image(width, height, SimpleITK.sitkFloat32)
    grid.SetOrigin((float(left), float(top)))
    moved = SimpleITK.Resample(image, grid, SimpleITK.Transform(), SimpleITK.sitkLinear)
    distances: NDArray[np.float64] = SimpleITK.GetArrayFromImage(moved).astype(np.float64)
    return distances


def _away(bits: Bits) -> NDArray[np.float32]:
    image = SimpleITK.GetImageFromArray(bits.astype(np.uint8))
    away = SimpleITK.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False)
    distances: NDArray[np.float32] = SimpleITK.GetArrayFromImage(away)
    return distances
