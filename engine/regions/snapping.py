"""Fitting a loose box to the structure that it was drawn round.

The values in the box are held against those in a margin round it: a pixel belongs to the structure where its value is
more frequent inside, which finds what is brighter, darker, or in between. The part that covers most of the box's middle
is the structure. Where the values inside are much like those outside, there is nothing to fit to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.regions.box import Box
from engine.regions.rasters import Bits
from engine.regions.shapes import Mask

_MARGIN = 0.25
_MIN_MARGIN_PX = 3.0
_MIN_SIDE_PX = 5.0
_CORE = 0.8
_MAD_TO_SD = 1.4826
_SPAN_SD = 12.0
_BINS = 48
_BIN_BLUR = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_MIN_CONTRAST = 0.6
_MIN_FILL = 0.2
_MAX_SPILL = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The pixels of a box and of the margin round it.

    values : (H, W) float32 from pixel (left, top), freed of single outliers. core, outside : (H, W), the ellipse that
    fills most of the box, and what lies beyond the box. depth : (H, W), 1 in the middle, 0 at the box's edge, negative
    beyond.
    """

    left: int
    top: int
    values: NDArray[np.float32]
    core: Bits
    outside: Bits
    depth: NDArray[np.float64]
    nearness: NDArray[np.float64]


def snap(values: NDArray[Any], box: Box) -> Box:
    """The box fitted to the structure inside it, or the box itself where there is none that stands out.

    values : (H, W) of the slice. An edge moves by at most a quarter of the box's side (3 pixels for a small one); one
    beyond which the structure seems to go on further stays where it is.
    """
    found = structure_in(values, box)
    if found is None:
        return box
    fitted = found.bounds
    x1, x2 = _edge(box.x1, fitted.x1, box.width), _edge(box.x2, fitted.x2, box.width)
    y1, y2 = _edge(box.y1, fitted.y1, box.height), _edge(box.y2, fitted.y2, box.height)
    return Box(x1, y1, x2, y2) if x1 < x2 and y1 < y2 else box


def structure_in(values: NDArray[Any], box: Box) -> Mask | None:
    """The pixels of the structure that a box was drawn round, None where none stands out; values : (H, W)."""
    window = _window(values, box)
    if window is None:
        return None
    evidence = _evidence(window)
    if evidence is None:
        return None
    bits = solid_part(evidence + window.depth > 0, window.core)
    if bits is None:
        return None
    within = int((bits & ~window.outside).sum())
    spilt = int((bits & window.outside).sum())
    if within < _MIN_FILL * (~window.outside).sum() or spilt > _MAX_SPILL * window.outside.sum():
        return None
    return Mask.from_array(bits, window.left, window.top)


def _window(values: NDArray[Any], box: Box) -> _Window | None:
    if values.ndim != 2 or min(box.width, box.height) < _MIN_SIDE_PX:
        return None
    left, top = max(0, math.ceil(box.x1 - _reach(box.width))), max(0, math.ceil(box.y1 - _reach(box.height)))
    right = min(values.shape[1], math.floor(box.x2 + _reach(box.width)) + 1)
    bottom = min(values.shape[0], math.floor(box.y2 + _reach(box.height)) + 1)
    if right <= left or bottom <= top:
        return None
    raw = np.nan_to_num(values[top:bottom, left:right].astype(np.float32), posinf=0, neginf=0)
    smooth = SimpleITK.GetArrayFromImage(SimpleITK.Median(SimpleITK.GetImageFromArray(raw), (1, 1)))
    x = (np.arange(left, right) - (box.x1 + box.x2) / 2) / (box.width / 2)
    y = (np.arange(top, bottom) - (box.y1 + box.y2) / 2)[:, None] / (box.height / 2)
    round_middle, to_edge = np.hypot(x, y), np.maximum(abs(x), abs(y))
    core, outside = round_middle <= _CORE, to_edge > 1
    if core.sum() < 4 or outside.sum() < 4:
        return None
    return _Window(left, top, smooth, core, outside, np.clip(1 - to_edge, -1, 0.5), np.clip(1 - round_middle, 0, 1))


def _evidence(window: _Window) -> NDArray[np.float32] | None:
    """(H, W) log of how much more frequent each value is inside; None where inside and outside are much alike."""
    middle = float(np.median(window.values[window.core]))
    spread = _MAD_TO_SD * float(np.median(abs(window.values[window.core] - middle)))
    low, high = (float(v) for v in np.percentile(window.values, [1, 99]))
    if spread > 0:
        # Air and metal would leave too few bins for the values that matter.
        low, high = max(low, middle - _SPAN_SD * spread), min(high, middle + _SPAN_SD * spread)
    if low >= high:
        return None
    scaled = (window.values - low) / (high - low) * _BINS
    bins = np.clip(scaled.astype(np.intp), 0, _BINS - 1)
    inside = _frequencies(bins, window.nearness)
    beyond = _frequencies(bins, window.outside.astype(np.float64))
    if np.abs(inside - beyond).sum() / 2 < _MIN_CONTRAST:
        return None
    ratio = np.log(inside / beyond)[bins].astype(np.float32)
    blurred: NDArray[np.float32] = SimpleITK.GetArrayFromImage(
        SimpleITK.DiscreteGaussian(SimpleITK.GetImageFromArray(ratio), 1.0)
    )
    return blurred


def _frequencies(bins: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(_BINS,) smoothed share of each bin, with a little in every one so that none is impossible."""
    counts = np.bincount(bins.ravel(), weights.ravel(), minlength=_BINS)
    smooth = np.convolve(counts, _BIN_BLUR, "same")
    shares: NDArray[np.float64] = smooth / smooth.sum() + 0.1 / _BINS
    return shares


def solid_part(like: Bits, core: Bits) -> Bits | None:
    """The connected part of `like` that covers most of `core`, without thin bridges and holes; None where none does."""
    image = SimpleITK.GetImageFromArray(like.astype(np.uint8))
    opened = SimpleITK.BinaryMorphologicalOpening(image, (1, 1))
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ConnectedComponent(opened))
    counts = np.bincount(labels[core])
    counts[0] = 0
    if not counts.any():
        return None
    part = SimpleITK.GetImageFromArray((labels == int(np.argmax(counts))).astype(np.uint8))
    # Opening took the outermost pixels of round outlines, too: those next to the part come back.
    whole = SimpleITK.And(SimpleITK.BinaryDilate(part, (1, 1)), image)
    filled: Bits = SimpleITK.GetArrayFromImage(SimpleITK.BinaryFillhole(whole, True, 1)).astype(bool)
    return filled


def _reach(side: float) -> float:
    return max(_MIN_MARGIN_PX, _MARGIN * side)


def _edge(drawn: float, found: float, side: float) -> float:
    """The found edge, or the drawn one when the window was too small to see where the structure ends."""
    # The window's outermost pixels lie up to half a pixel short of the margin's end.
    return drawn if abs(found - drawn) > _reach(side) - 0.5 else found
