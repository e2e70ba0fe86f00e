"""The axis-aligned box, what the model is asked with and answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.regions.errors import RegionError
from engine.regions.handles import Handle, HandleRole, dragged_rect, rect_handles
from engine.regions.rasters import Bits, Ring
from engine.regions.shape import Shape, require_finite

__all__ = ["Box", "RegionError"]


@dataclass(frozen=True, slots=True)
class Box(Shape):
    """An axis-aligned box in continuous pixel coordinates of the stored slice.

    x1, y1, x2, y2 : float, x right, y down, pixel centres at integers, ``x1 < x2`` and ``y1 < y2``.
    Raises `RegionError` when a coordinate is not finite or the box is empty.
    """

    kind: ClassVar[str] = "box"
    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        require_finite(self.kind, self.as_tuple())
        if self.x1 >= self.x2 or self.y1 >= self.y2:
            raise RegionError(f"box {self.as_tuple()} is empty: it needs x1 < x2 and y1 < y2")

    def as_tuple(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2)."""
        return (self.x1, self.y1, self.x2, self.y2)

    @property
    def width(self) -> float:
        """x2 - x1, pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """y2 - y1, pixels."""
        return self.y2 - self.y1

    @property
    def bounds(self) -> Box:
        """Itself."""
        return self

    @property
    def area(self) -> float:
        """width x height, square pixels."""
        return self.width * self.height

    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies inside; the right and the lower edge do not."""
        return self.x1 <= x < self.x2 and self.y1 <= y < self.y2

    def outline(self) -> tuple[Ring, ...]:
        """Its four corners, clockwise from the top left."""
        return (np.array([[self.x1, self.y1], [self.x2, self.y1], [self.x2, self.y2], [self.x1, self.y2]], float),)

    def handles(self) -> tuple[Handle, ...]:
        """Corners and edge middles named by compass points, and the centre."""
        centre = Handle("centre", (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2, HandleRole.CENTRE)
        return (*rect_handles(self.as_tuple()), centre)

    def moved(self, dx: float, dy: float) -> Box:
        """Shifted by pixels."""
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> Box:
        """With a handle dragged to (x, y); see `dragged_rect`."""
        if id == "centre":
            return self.moved(x - (self.x1 + self.x2) / 2, y - (self.y1 + self.y2) / 2)
        return Box(*dragged_rect(self.as_tuple(), id, x, y, keep_aspect))

    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: which pixels from (left, top) have their centre inside."""
        x, y = np.arange(left, left + width), np.arange(top, top + height)
        return ((self.y1 <= y) & (y < self.y2))[:, None] & ((self.x1 <= x) & (x < self.x2))

    def clipped(self, width: int, height: int) -> Box:
        """The part inside a `width` x `height` image, whose pixels cover -0.5 .. width - 0.5.

        Raises `RegionError` when nothing of the box lies inside.
        """
        x1, x2 = max(self.x1, -0.5), min(self.x2, width - 0.5)
        y1, y2 = max(self.y1, -0.5), min(self.y2, height - 0.5)
        if x1 >= x2 or y1 >= y2:
            raise RegionError(f"box {self.as_tuple()} lies outside the {width} x {height} image")
        return Box(x1, y1, x2, y2)

    def require_inside(self, width: int, height: int) -> None:
        """Raise `RegionError` unless the box lies inside a `width` x `height` image.

        Corners may lie on the outer edge in either convention in use: pixel centres at integers
        (-0.5 .. width - 0.5) or pixel edges at integers (0 .. width, as COCO).
        """
        if self.x1 < -0.5 or self.y1 < -0.5 or self.x2 > width or self.y2 > height:
            raise RegionError(
                f"box {','.join(f'{v:g}' for v in self.as_tuple())} does not lie inside the {width} x {height} "
                "image: give x1,y1,x2,y2 in pixels of the stored slice"
            )

    def iou(self, other: Shape, width: int | None = None, height: int | None = None) -> float:
        """Intersection over union with `other`, 0..1: exact for two boxes, else in pixels."""
        if not isinstance(other, Box) or width is not None or height is not None:
            # Not super(): a slotted dataclass is a new class, which super() without arguments does not know.
            return Shape.iou(self, other, width, height)
        w = min(self.x2, other.x2) - max(self.x1, other.x1)
        h = min(self.y2, other.y2) - max(self.y1, other.y1)
        if w <= 0 or h <= 0:
            return 0.0
        inter = w * h
        return inter / (self.area + other.area - inter)
