"""The mask: any set of whole pixels, as painted or as a model gives it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.handles import Handle, HandleRole
from engine.regions.rasters import Bits, Ring, trace_edges
from engine.regions.shape import Shape, require_finite

MAX_MASK_PIXELS = 1 << 27
"""Of a mask's bounding rectangle: what 11,000 x 11,000 pixels have."""


@dataclass(frozen=True, slots=True)
class Mask(Shape):
    """A set of pixels, run-length coded within its tight bounding rectangle, so that equal sets are equal masks.

    x0, y0 : first column and row. width, height : of the rectangle, whole pixels. runs : little-endian uint32
    lengths of unset and set pixels in turn, row by row, from an unset run that may be 0. Build it with
    `from_array` or `from_runs`. Raises `RegionError` for runs that do not fit or a rectangle that is not tight.
    """

    kind: ClassVar[str] = "mask"
    x0: int
    y0: int
    width: int
    height: int
    runs: bytes

    def __post_init__(self) -> None:
        require_finite(self.kind, (self.x0, self.y0, self.width, self.height))
        if self.width < 1 or self.height < 1:
            raise RegionError("mask is empty")
        if self.width * self.height > MAX_MASK_PIXELS:
            raise RegionError(f"mask of {self.width} x {self.height} pixels is larger than {MAX_MASK_PIXELS:,} pixels")
        lengths = self.run_lengths()
        if lengths.sum(dtype=np.int64) != self.width * self.height or (lengths[1:] == 0).any():
            raise RegionError(f"mask has run lengths that do not make up its {self.width} x {self.height} pixels")
        if not self._is_tight(np.cumsum(lengths, dtype=np.int64)):
            raise RegionError("mask has empty rows or columns at its edge")

    @classmethod
    def from_array(cls, array: NDArray[Any], x0: int = 0, y0: int = 0) -> Mask:
        """The non-zero pixels of an (H, W) array whose first pixel is (x0, y0). Raises `RegionError` if none are."""
        if array.ndim != 2:
            raise RegionError(f"a mask needs an array of rows and columns, not one of shape {array.shape}")
        bits = array.astype(bool, copy=False)
        rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
        if not rows.size:
            raise RegionError("mask is empty: no pixel is set")
        tight = bits[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        flat = tight.ravel()
        changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        starts = np.concatenate(([0], changes, [flat.size]))
        lengths = np.diff(starts)
        if flat[0]:
            lengths = np.concatenate(([0], lengths))
        height, width = tight.shape
        return cls(x0 + int(columns[0]), y0 + int(rows[0]), width, height, lengths.astype("<u4").tobytes())

    @classmethod
    def from_runs(cls, x0: int, y0: int, width: int, height: int, lengths: list[int]) -> Mask:
        """From run lengths as numbers, as they are stored. Raises `RegionError` when they do not fit."""
        if any(length < 0 or length > MAX_MASK_PIXELS for length in lengths):
            raise RegionError("mask has a run length out of range")
        return cls(x0, y0, width, height, np.array(lengths, "<u4").tobytes())

    def run_lengths(self) -> NDArray[np.uint32]:
        """(N,) lengths of unset and set pixels in turn, row by row of its rectangle."""
        if len(self.runs) % 4 or len(self.runs) < 8:
            raise RegionError("mask has no run lengths")
        return np.frombuffer(self.runs, "<u4")

    def to_array(self, width: int, height: int) -> Bits:
        """(height, width) bool of an image; what lies outside of it is left out."""
        return self.covered(0, 0, width, height)

    @property
    def bounds(self) -> Box:
        """The outer edges of its pixels."""
        return Box(self.x0 - 0.5, self.y0 - 0.5, self.x0 + self.width - 0.5, self.y0 + self.height - 0.5)

    @property
    def area(self) -> float:
        """How many pixels it has."""
        return float(self.run_lengths()[1::2].sum(dtype=np.int64))

    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies on one of its pixels."""
        return bool(self.at(np.floor(np.array([x]) + 0.5), np.floor(np.array([y]) + 0.5))[0])

    def at(self, x: NDArray[Any], y: NDArray[Any]) -> Bits:
        """(N,) bool: whether pixels (x, y) belong to it; found in the runs, without unpacking them."""
        column, row = np.asarray(x) - self.x0, np.asarray(y) - self.y0
        inside = (column >= 0) & (column < self.width) & (row >= 0) & (row < self.height)
        place = np.where(inside, row * self.width + column, 0)
        run = np.searchsorted(np.cumsum(self.run_lengths(), dtype=np.int64), place, side="right")
        found: Bits = inside & (run & 1).astype(bool)
        return found

    def outline(self) -> tuple[Ring, ...]:
        """Rings along the edges of its pixels, holes as rings of their own; see `trace_edges`."""
        return _traced(self)

    def handles(self) -> tuple[Handle, ...]:
        """The ``centre`` of its bounds, by which it is moved: masks are painted, not stretched."""
        return (Handle("centre", *self._centre, HandleRole.CENTRE),)

    def moved(self, dx: float, dy: float) -> Mask:
        """Shifted by the nearest whole number of pixels."""
        require_finite(self.kind, (dx, dy))
        return Mask(self.x0 + round(dx), self.y0 + round(dy), self.width, self.height, self.runs)

    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> Mask:
        """Moved so that its centre comes to lie nearest to (x, y)."""
        if id != "centre":
            raise RegionError(f"a mask has no handle {id!r}: it has centre")
        return self.moved(x - self._centre[0], y - self._centre[1])

    def clipped(self, width: int, height: int) -> Mask:
        """Its pixels inside the image."""
        if self.x0 >= 0 and self.y0 >= 0 and self.x0 + self.width <= width and self.y0 + self.height <= height:
            return self
        return self.to_mask(width, height)

    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: its pixels from (left, top)."""
        bits = np.zeros((height, width), bool)
        x1, x2 = max(left, self.x0), min(left + width, self.x0 + self.width)
        y1, y2 = max(top, self.y0), min(top + height, self.y0 + self.height)
        if x1 < x2 and y1 < y2:
            own = self.unpacked()[y1 - self.y0 : y2 - self.y0, x1 - self.x0 : x2 - self.x0]
            bits[y1 - top : y2 - top, x1 - left : x2 - left] = own
        return bits

    def unpacked(self) -> Bits:
        """(height, width) bool of its own rectangle."""
        lengths = self.run_lengths()
        return np.repeat(np.arange(lengths.size) & 1, lengths).astype(bool).reshape(self.height, self.width)

    def _is_tight(self, ends: NDArray[np.int64]) -> bool:
        """Whether set pixels touch all four edges of the rectangle; ends : of each run."""
        first, last = ends[:-1:2], ends[1::2] - 1
        rows = (first // self.width, last // self.width)
        wraps = bool((rows[0] != rows[1]).any())
        return bool(
            rows[0][0] == 0
            and rows[1][-1] == self.height - 1
            and (wraps or (first % self.width).min() == 0)
            and (wraps or (last % self.width).max() == self.width - 1)
        )

    @property
    def _centre(self) -> tuple[float, float]:
        return (self.x0 + (self.width - 1) / 2, self.y0 + (self.height - 1) / 2)


# Hovering asks for the distance of the same few masks again and again.
@lru_cache(maxsize=64)
def _traced(mask: Mask) -> tuple[Ring, ...]:
    columns, rows = np.arange(mask.width + 1, dtype=float), np.arange(mask.height + 1, dtype=float)
    rings = trace_edges(mask.unpacked(), columns + (mask.x0 - 0.5), rows + (mask.y0 - 0.5))
    for ring in rings:
        ring.setflags(write=False)
    return rings
