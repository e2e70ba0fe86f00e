"""Following a structure from one slice to the next until it ends.

The values inside the starting shape, and those in a ring round it, say what the structure looks like for the whole
way, so that errors do not add up. On each further slice, the pixels at and near the last shape that look like it are
taken, and the part of them that lies over the last shape is the structure there. It has ended where

- no such part is left, or it shares less than two fifths of itself and the last one (Dice);
- the middle value has moved by more than one and a half standard deviations from the start's;
- its edge is lost: more than half of the rim up to which it may grow looks like it too;
- it covers more than four times as much as at the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.progress import Cancelled, NoProgress, Progress
from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.masks import Spacing, grown
from engine.regions.shape import Shape
from engine.regions.shapes import Ellipse, Line, Mask, Point
from engine.regions.snapping import solid_part, structure_in
from engine.scans import Plane, Volume, plane_grid, slice_spacing
from engine.scans.positions import slice_values

_MAD_TO_SD = 1.4826
_RANGE_SD = 3.5
_BINS = 64
_BIN_BLUR = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_RING = 0.5
_STEEPEST = 1.7
_MIN_DICE = 0.4
_MAX_SHIFT_SD = 1.5
_MAX_LOST_RIM = 0.5
_MAX_GROWTH = 4.0
_MIN_CONTRAST = 0.2


class Direction(IntEnum):
    """Which way along the slices."""

    BACK = -1
    ON = 1


def propagate(
    volume: Volume, plane: Plane, index: int, shape: Shape, direction: Direction, progress: Progress | None = None
) -> dict[int, Shape]:
    """The structure of `shape` on the slices after (or before) `index`, by slice, until it ends.

    A box gives boxes, any other shape masks. Empty where the structure ends at once, or does not
    stand out from what surrounds it. Raises `RegionError` for a point
    or a line, which have no inside, and for a volume in colour; `Cancelled` when the progress says so.
    """
    progress = progress or NoProgress()
    if isinstance(shape, (Point, Line)):
        raise RegionError(f"a {shape.kind} has no inside to follow: draw a box, an outline or a mask")
    if volume.is_color:
        raise RegionError("only grey-scale volumes can be followed through")
    count, height, width = plane_grid(volume, plane).shape
    start = _start(slice_values(volume, plane, index), shape.clipped(width, height))
    spacing = slice_spacing(volume, plane)
    look = _Look.of(_smooth(slice_values(volume, plane, index)), start, spacing)
    if look.contrast < _MIN_CONTRAST:
        return {}
    step_mm = volume.spacing_mm[plane_grid(volume, plane).slices[0]]
    found: dict[int, Shape] = {}
    last, at = start, index + direction
    total = count - 1 - index if direction is Direction.ON else index
    while 0 <= at < count:
        if progress.cancelled():
            raise Cancelled
        here = _follow(slice_values(volume, plane, at), last, look, spacing, step_mm)
        if here is None or here.area > _MAX_GROWTH * start.area:
            break
        found[at] = _box_like(shape, start.bounds, here.bounds) if isinstance(shape, Box) else here
        progress.report(len(found), total, "slices")
        last, at = here, at + direction
    return found


def _start(values: NDArray[Any], shape: Shape) -> Mask:
    """The structure's pixels on the first slice: in a box what stands out, or the ellipse that fills it."""
    height, width = values.shape
    if not isinstance(shape, Box):
        return shape.to_mask(width, height)
    found = structure_in(values, shape)
    if found is not None:
        return found
    box = shape
    return Ellipse((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, box.width / 2, box.height / 2).to_mask(width, height)


def _box_like(drawn: Box, first: Box, here: Box) -> Box:
    """The box that lies round `here` as `drawn` lay round `first`, its margins in proportion to the sides."""
    wide, high = here.width / first.width, here.height / first.height
    x1, x2 = here.x1 + (drawn.x1 - first.x1) * wide, here.x2 + (drawn.x2 - first.x2) * wide
    y1, y2 = here.y1 + (drawn.y1 - first.y1) * high, here.y2 + (drawn.y2 - first.y2) * high
    return Box(x1, y1, x2, y2)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What the structure looks like.

    middle, sd : of its values. low, high : of the bins. evidence : (_BINS,) log of how much more frequent a value is
    in it than round it. contrast : 0..1, how unlike the values in it and round it are.
    """

    middle: float
    sd: float
    low: float
    high: float
    evidence: NDArray[np.float64]
    contrast: float

    @classmethod
    def of(cls, values: NDArray[np.float32], mask: Mask, spacing: Spacing) -> _Look:
        height, width = values.shape
        bits = mask.to_array(width, height)
        own = values[bits]
        middle = float(np.median(own))
        sd = _MAD_TO_SD * float(np.median(np.abs(own - middle)))
        # A structure of one value alone: whole numbers differ by up to half a step.
        sd = max(sd, 0.5, 1e-3 * abs(middle))
        radius = math.sqrt(mask.area * spacing[0] * spacing[1] / math.pi)
        ring = grown(mask, max(_RING * radius, 3 * max(spacing)), (height, width), spacing).to_array(width, height)
        beyond = values[ring & ~bits]
        low, high = middle - 2 * _RANGE_SD * sd, middle + 2 * _RANGE_SD * sd
        inside, outside = (_shares(v, low, high) for v in (own, beyond))
        contrast = float(np.abs(inside - outside).sum()) / 2 if beyond.size else 1.0
        return cls(middle, sd, low, high, np.log(inside / outside), contrast)

    def of_pixels(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """(H, W) the evidence for each pixel, minus infinity where a value is none of the structure's."""
        found: NDArray[np.float64] = self.evidence[_binned(values, self.low, self.high)]
        return np.where(np.abs(values - self.middle) <= _RANGE_SD * self.sd, found, -np.inf)


def _follow(values: NDArray[Any], last: Mask, look: _Look, spacing: Spacing, step_mm: float) -> Mask | None:
    """The structure on the slice beside the one where it was `last`, None where it has ended."""
    image = (values.shape[0], values.shape[1])
    radius = math.sqrt(last.area * spacing[0] * spacing[1] / math.pi)
    pixel = max(spacing)
    reach = max(1.5 * pixel, min(_STEEPEST * step_mm, 0.4 * radius))
    allowed, rim = grown(last, reach, image, spacing), grown(last, reach + pixel, image, spacing)
    window = (rim.x0, rim.y0, rim.width, rim.height)
    cut = _smooth(values[rim.y0 : rim.y0 + rim.height, rim.x0 : rim.x0 + rim.width])
    evidence = look.of_pixels(cut)
    before = last.covered(*window)
    # Where the values do not tell, what was structure a slice before is likelier to be still.
    like = evidence + np.where(before, 0.5, -0.5) > 0
    edge = rim.covered(*window) & ~allowed.covered(*window)
    if edge.any() and like[edge].mean() > _MAX_LOST_RIM:
        return None
    bits = solid_part(like & allowed.covered(*window), before)
    if bits is None:
        return None
    shared = 2 * np.count_nonzero(bits & before) / (np.count_nonzero(bits) + np.count_nonzero(before))
    if shared < _MIN_DICE or abs(float(np.median(cut[bits])) - look.middle) > _MAX_SHIFT_SD * look.sd:
        return None
    return Mask.from_array(bits, rim.x0, rim.y0)


def _smooth(values: NDArray[Any]) -> NDArray[np.float32]:
    raw = np.nan_to_num(np.ascontiguousarray(values).astype(np.float32), posinf=0, neginf=0)
    smooth: NDArray[np.float32] = SimpleITK.GetArrayFromImage(
        SimpleITK.Median(SimpleITK.GetImageFromArray(raw), (1, 1))
    )
    return smooth


def _binned(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.intp]:
    bins: NDArray[np.intp] = np.clip((values - low) / (high - low) * _BINS, 0, _BINS - 1).astype(np.intp)
    return bins


def _shares(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float64]:
    counts = np.bincount(_binned(values, low, high), minlength=_BINS).astype(np.float64)
    smooth = np.convolve(counts, _BIN_BLUR, "same")
    shares: NDArray[np.float64] = smooth / max(float(smooth.sum()), 1.0) + 0.1 / _BINS
    return shares
