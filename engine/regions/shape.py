"""What every shape can do, whatever its geometry."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from engine.regions.errors import RegionError
from engine.regions.handles import Handle
from engine.regions.rasters import Bits, Ring, distance_to_path

if TYPE_CHECKING:
    from engine.regions.box import Box
    from engine.regions.shapes.mask import Mask

LIMIT = 1e6
"""Pixels: no coordinate lies further out. The largest DICOM picture has 65,535 columns."""


class Shape(ABC):
    """A place on a slice, in continuous pixel coordinates: x right, y down, pixel centres at integers.

    Immutable: an edit gives a new shape. While a handle is being dragged, call `with_handle` on the shape as it was
    when the drag began, since a shape dragged inside out names its corners anew.

    kind : the name it is stored under. closed : whether `outline` gives rings rather than an open line.
    """

    __slots__ = ()
    kind: ClassVar[str]
    closed: ClassVar[bool] = True

    @property
    @abstractmethod
    def bounds(self) -> Box:
        """The smallest upright box round it; that of a point or a line takes in the pixels it lies on."""

    @property
    @abstractmethod
    def area(self) -> float:
        """Square pixels; 0 for a point and a line."""

    @abstractmethod
    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies inside; for a point and a line within half a pixel of it."""

    @abstractmethod
    def outline(self) -> tuple[Ring, ...]:
        """What to draw: (N, 2) float64 x, y of closed rings (the first point not repeated), or of one open line."""

    @abstractmethod
    def handles(self) -> tuple[Handle, ...]:
        """The grips to show."""

    @abstractmethod
    def moved(self, dx: float, dy: float) -> Self:
        """Shifted by pixels; a mask by whole ones."""

    @abstractmethod
    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> Shape:
        """With the handle `id` dragged to (x, y), never smaller than one pixel.

        keep_aspect : corners and edges keep width to height, a rotation snaps to 15 degrees. Raises `RegionError`
        for an unknown handle.
        """

    @abstractmethod
    def clipped(self, width: int, height: int) -> Shape:
        """The part inside a `width` x `height` image, whose pixels cover -0.5 .. width - 0.5.

        Itself where it lies inside. A rotated box or an ellipse that does not becomes a polygon, a line its longest
        piece. Raises `RegionError` when nothing of it lies inside.
        """

    @abstractmethod
    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: which pixels from (left, top) have their centre inside."""

    def distance(self, x: float, y: float) -> float:
        """Pixels from (x, y) to the outline, for finding what was clicked."""
        return min(distance_to_path(path, self.closed, x, y)[0] for path in self.outline())

    def to_mask(self, width: int, height: int) -> Mask:
        """The pixels of a `width` x `height` image whose centre lies inside; for a line those it passes.

        Raises `RegionError` when there are none.
        """
        # Deferred: a mask is a shape itself.
        from engine.regions.shapes.mask import Mask

        left, top, right, bottom = _pixels(self.bounds)
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if left < right and top < bottom:
            bits = self.covered(left, top, right - left, bottom - top)
            if bits.any():
                return Mask.from_array(bits, left, top)
        raise RegionError(f"the {self.kind} covers no pixel of the {width} x {height} image")

    def iou(self, other: Shape, width: int | None = None, height: int | None = None) -> float:
        """Intersection over union with `other` in pixels, 0..1, within the image where its size is given."""
        mine, theirs = _pixels(self.bounds), _pixels(other.bounds)
        left, top = min(mine[0], theirs[0]), min(mine[1], theirs[1])
        right, bottom = max(mine[2], theirs[2]), max(mine[3], theirs[3])
        if width is not None:
            left, right = max(left, 0), min(right, width)
        if height is not None:
            top, bottom = max(top, 0), min(bottom, height)
        if left >= right or top >= bottom:
            return 0.0
        if mine[0] >= theirs[2] or theirs[0] >= mine[2] or mine[1] >= theirs[3] or theirs[1] >= mine[3]:
            return 0.0
        window = (left, top, right - left, bottom - top)
        first, second = self.covered(*window), other.covered(*window)
        union = int(np.count_nonzero(first | second))
        return int(np.count_nonzero(first & second)) / union if union else 0.0

    def with_vertex_inserted(self, index: int, x: float, y: float) -> Shape:
        """With a new corner before the one at `index`. Raises `RegionError` for a kind without corners of its own."""
        raise RegionError(f"a {self.kind} has no vertices to add to")

    def without_vertex(self, index: int) -> Shape:
        """Without a corner. Raises `RegionError` where none can be spared."""
        raise RegionError(f"a {self.kind} has no vertices to take away")


def require_finite(kind: str, values: tuple[float, ...]) -> None:
    """Raise `RegionError` unless every value is a finite number within `LIMIT`."""
    for value in values:
        if not math.isfinite(value):
            raise RegionError(f"{kind} {values[:8]} has a coordinate that is not a finite number")
        if abs(value) > LIMIT:
            raise RegionError(f"{kind} {values[:8]} has a coordinate beyond {LIMIT:g} pixels")


_ROUNDED = 1e-9


def _pixels(bounds: Box) -> tuple[int, int, int, int]:
    """First column and row whose centre is in the bounds, and the ones after the last.

    Bounds are rounded like any sum: a pixel that an outline just touches is not to be lost by that.
    """
    return (
        math.ceil(bounds.x1 - _ROUNDED),
        math.ceil(bounds.y1 - _ROUNDED),
        math.floor(bounds.x2 + _ROUNDED) + 1,
        math.floor(bounds.y2 + _ROUNDED) + 1,
    )
