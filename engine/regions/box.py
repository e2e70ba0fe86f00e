"""The axis-aligned box, our one internal unit for a region's place."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.errors import MedRegAError


class RegionError(MedRegAError):
    """A region that cannot be: not finite, empty, or outside its image."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in continuous pixel coordinates of the stored slice.

    x1, y1, x2, y2 : float, x right, y down, pixel centres at integers, ``x1 < x2`` and ``y1 < y2``.
    Raises `RegionError` when a coordinate is not finite or the box is empty.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in self.as_tuple()):
            raise RegionError(f"box {self.as_tuple()} has a coordinate that is not a finite number")
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
    def area(self) -> float:
        """width x height, square pixels."""
        return self.width * self.height

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

    def iou(self, other: Box) -> float:
        """Intersection over union with `other`, 0..1."""
        w = min(self.x2, other.x2) - max(self.x1, other.x1)
        h = min(self.y2, other.y2) - max(self.y1, other.y1)
        if w <= 0 or h <= 0:
            return 0.0
        inter = w * h
        return inter / (self.area + other.area - inter)
