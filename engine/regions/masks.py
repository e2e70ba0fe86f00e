"""What a person does to a mask: paint, threshold, fill, smooth, grow, tidy up islands, combine.

Every verb gives a new mask and raises `RegionError` when nothing is left. image : (height, width) of the slice, whose
edge cuts what grows. spacing : (row, column) distances as `slice_spacing` gives them, so that discs are round and
distances true in the patient; (1, 1) counts in pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.regions.errors import RegionError
from engine.regions.rasters import Bits
from engine.regions.shape import Shape
from engine.regions.shapes import Line, Mask, Point

Spacing = tuple[float, float]
PIXELS: Spacing = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class ValueRange:
    """The values from `low` to `high`, both included, in the volume's units. Raises `RegionError` if it is empty."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise RegionError(f"the range from {self.low:g} to {self.high:g} holds no value")

    def holds(self, values: NDArray[Any]) -> Bits:
        """Which values lie in it; a value that is not a number does not."""
        found: Bits = (values >= self.low) & (values <= self.high)
        return found


def stroke(
    points: Sequence[tuple[float, float]], radius: float, image: tuple[int, int], spacing: Spacing = PIXELS
) -> Mask:
    """The pixels under a brush that was drawn along `points`.

    radius : pixels of the finer spacing; the brush is a disc in the patient, and takes in at least the pixels that
    its middle passes.
    """
    if not points:
        raise RegionError("a brush stroke needs at least one point")
    if not (math.isfinite(radius) and radius > 0):
        raise RegionError(f"brush radius {radius:g} must be greater than 0 pixels")
    height, width = image
    bits = np.zeros((height, width), bool)
    scale = np.array([spacing[1], spacing[0]]) / min(spacing)
    stretches = list(itertools.pairwise(points)) or [(points[0], points[0])]
    for start, end in stretches:
        _stamp(bits, np.array(start, float), np.array(end, float), radius, scale)
    distinct = [point for point, _ in itertools.groupby(points)]
    middle: Shape = Line(tuple(distinct)) if len(distinct) > 1 else Point(*distinct[0])
    bits |= middle.covered(0, 0, width, height)
    if not bits.any():
        raise RegionError("the brush did not touch the image")
    return Mask.from_array(bits)


def painted(
    mask: Mask | None, brush: Mask, values: NDArray[Any] | None = None, within: ValueRange | None = None
) -> Mask:
    """`mask` (None for none yet) with what lies under the brush.

    values : (H, W) of the slice; within : only pixels whose value lies in it are painted.
    """
    added = _limited(brush, values, within)
    if added is None:
        if mask is None:
            raise RegionError("no pixel under the brush has a value within the range")
        return mask
    return added if mask is None else union(mask, added)


def erased(mask: Mask, brush: Mask, values: NDArray[Any] | None = None, within: ValueRange | None = None) -> Mask:
    """`mask` without what lies under the brush; see `painted`."""
    taken = _limited(brush, values, within)
    return mask if taken is None else subtracted(mask, taken)


def thresholded(shape: Shape, values: NDArray[Any], within: ValueRange) -> Mask:
    """The pixels inside a shape whose value lies in a range; values : (H, W) of the slice."""
    _require_grey(values)
    height, width = values.shape
    found = _limited(shape.to_mask(width, height), values, within)
    if found is None:
        raise RegionError(f"no pixel inside has a value from {within.low:g} to {within.high:g}")
    return found


def filled(mask: Mask) -> Mask:
    """With every hole that is closed on all sides (diagonal steps do not leak) filled."""
    result = SimpleITK.BinaryFillhole(_image(np.pad(mask.unpacked(), 1)), True, 1)
    return _mask(_bits(result), mask.x0 - 1, mask.y0 - 1)


def smoothed(mask: Mask, radius: float, image: tuple[int, int], spacing: Spacing = PIXELS) -> Mask:
    """With its outline evened out: each pixel takes the vote of those up to `radius` away along rows and columns."""
    if not (math.isfinite(radius) and radius > 0):
        raise RegionError(f"smoothing radius {radius:g} must be greater than 0")
    reach = [max(1, round(radius / distance)) for distance in (spacing[1], spacing[0])]
    left, top, bits = _surroundings(mask, max(reach) + 1, image)
    return _mask(_bits(SimpleITK.BinaryMedian(_image(bits), reach, 1, 0)), left, top)


def grown(mask: Mask, distance: float, image: tuple[int, int], spacing: Spacing = PIXELS) -> Mask:
    """With every pixel whose centre lies within `distance` of one of its own; negative shrinks it.

    It shrinks from its outline, but not from the edge of the image, beyond which the structure may go on.
    """
    if not math.isfinite(distance):
        raise RegionError("the distance to grow by is not a finite number")
    if distance == 0:
        return mask.clipped(image[1], image[0])
    margin = 1 + math.ceil(max(distance, 0) / min(spacing))
    left, top, bits = _surroundings(mask, margin, image)
    if distance > 0:
        return _mask(_distance(bits, spacing) <= distance, left, top)
    if bits.all():
        return _mask(bits, left, top)
    return _mask(_distance(~bits, spacing) > -distance, left, top)


def islands(mask: Mask) -> tuple[Mask, ...]:
    """Its separate parts, the largest first; pixels that touch at a corner belong together."""
    labels = _components(mask)
    return tuple(_mask(labels == value, mask.x0, mask.y0) for value in range(1, int(labels.max()) + 1))


def largest_island(mask: Mask) -> Mask:
    """Its largest part alone."""
    return _mask(_components(mask) == 1, mask.x0, mask.y0)


def without_small_islands(mask: Mask, pixels: int) -> Mask:
    """Without the parts of fewer than `pixels` pixels."""
    return _mask(_components(mask, pixels) > 0, mask.x0, mask.y0)


def island_at(mask: Mask, x: float, y: float) -> Mask:
    """The part under (x, y) alone. Raises `RegionError` when there is none."""
    if not mask.contains(x, y):
        raise RegionError(f"the mask has no part at ({x:g}, {y:g})")
    labels = _components(mask)
    at = labels[math.floor(y + 0.5) - mask.y0, math.floor(x + 0.5) - mask.x0]
    return _mask(labels == at, mask.x0, mask.y0)


def union(first: Mask, second: Mask) -> Mask:
    """The pixels of either."""
    return _combined(first, second, np.logical_or)


def intersected(first: Mask, second: Mask) -> Mask:
    """The pixels of both."""
    return _combined(first, second, np.logical_and)


def subtracted(first: Mask, second: Mask) -> Mask:
    """The pixels of the first that are not of the second."""
    return _combined(first, second, np.greater)


def _combined(first: Mask, second: Mask, combine: Callable[[Bits, Bits], Bits]) -> Mask:
    left, top = min(first.x0, second.x0), min(first.y0, second.y0)
    right = max(first.x0 + first.width, second.x0 + second.width)
    bottom = max(first.y0 + first.height, second.y0 + second.height)
    window = (left, top, right - left, bottom - top)
    return _mask(combine(first.covered(*window), second.covered(*window)), left, top)


def _stamp(bits: Bits, start: NDArray[Any], end: NDArray[Any], radius: float, scale: NDArray[Any]) -> None:
    """Set the pixels within `radius` of a stretch, distances along x and y weighed by `scale`."""
    low, high = np.minimum(start, end) - radius / scale, np.maximum(start, end) + radius / scale
    height, width = bits.shape
    x1, y1 = max(0, math.ceil(low[0])), max(0, math.ceil(low[1]))
    x2, y2 = min(width, math.floor(high[0]) + 1), min(height, math.floor(high[1]) + 1)
    if x1 >= x2 or y1 >= y2:
        return
    dx, dy = (np.arange(x1, x2) - start[0]) * scale[0], ((np.arange(y1, y2) - start[1]) * scale[1])[:, None]
    step = (end - start) * scale
    length = float(step @ step)
    part = np.clip((dx * step[0] + dy * step[1]) / length, 0, 1) if length > 0 else 0.0
    bits[y1:y2, x1:x2] |= (dx - part * step[0]) ** 2 + (dy - part * step[1]) ** 2 <= radius**2


def _limited(mask: Mask, values: NDArray[Any] | None, within: ValueRange | None) -> Mask | None:
    """The part of a mask whose values lie within a range, None where none do."""
    if within is None:
        return mask
    if values is None:
        raise RegionError("a range of values needs the values of the slice")
    _require_grey(values)
    height, width = values.shape
    bits = mask.to_array(width, height)
    bits &= within.holds(values)
    return Mask.from_array(bits) if bits.any() else None


def _require_grey(values: NDArray[Any]) -> None:
    if values.ndim != 2:
        raise RegionError("a range of values needs a grey-scale slice: this one is in colour")


def _surroundings(mask: Mask, margin: int, image: tuple[int, int]) -> tuple[int, int, Bits]:
    """First column and row, and the mask's pixels, `margin` beyond its bounds but inside the image."""
    height, width = image
    left, top = max(0, mask.x0 - margin), max(0, mask.y0 - margin)
    right, bottom = min(width, mask.x0 + mask.width + margin), min(height, mask.y0 + mask.height + margin)
    if left >= right or top >= bottom:
        raise RegionError(f"the mask lies outside the {width} x {height} image")
    bits = mask.covered(left, top, right - left, bottom - top)
    if not bits.any():
        raise RegionError(f"the mask lies outside the {width} x {height} image")
    return left, top, bits


def _components(mask: Mask, smallest: int = 0) -> NDArray[np.uint32]:
    """(height, width) of its rectangle: 1 for the largest part and so on, 0 elsewhere."""
    found = SimpleITK.ConnectedComponent(_image(mask.unpacked()), True)
    ordered = SimpleITK.RelabelComponent(found, minimumObjectSize=smallest, sortByObjectSize=True)
    labels: NDArray[np.uint32] = SimpleITK.GetArrayFromImage(ordered)
    return labels


def _distance(bits: Bits, spacing: Spacing) -> NDArray[np.float32]:
    """Distance of each pixel's centre from the nearest set one; 0 or less on these."""
    image = _image(bits)
    image.SetSpacing((spacing[1], spacing[0]))
    away = SimpleITK.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    distances: NDArray[np.float32] = SimpleITK.GetArrayFromImage(away)
    return distances


def _image(bits: Bits) -> Any:
    return SimpleITK.GetImageFromArray(bits.astype(np.uint8))


def _bits(image: Any) -> Bits:
    bits: Bits = SimpleITK.GetArrayViewFromImage(image).astype(bool)
    return bits


def _mask(bits: Bits, left: int, top: int) -> Mask:
    if not bits.any():
        raise RegionError("nothing is left of the mask")
    return Mask.from_array(bits, left, top)
