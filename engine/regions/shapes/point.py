"""The point, for a place without an extent: a landmark, a cell to count, a click for the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.handles import Handle, HandleRole
from engine.regions.rasters import Bits, Ring
from engine.regions.shape import Shape, require_finite


@dataclass(frozen=True, slots=True)
class Point(Shape):
    """One place (x, y) in pixels. Raises `RegionError` unless both are finite."""

    kind: ClassVar[str] = "point"
    closed: ClassVar[bool] = False
    x: float
    y: float

    def __post_init__(self) -> None:
        require_finite(self.kind, (self.x, self.y))

    @property
    def bounds(self) -> Box:
        """The size of a pixel round it."""
        return Box(self.x - 0.5, self.y - 0.5, self.x + 0.5, self.y + 0.5)

    @property
    def area(self) -> float:
        """0."""
        return 0.0

    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies within half a pixel; between two pixels it lies on the later, as in `covered`."""
        return self.x - 0.5 < x <= self.x + 0.5 and self.y - 0.5 < y <= self.y + 0.5

    def outline(self) -> tuple[Ring, ...]:
        """(1, 2): itself."""
        return (np.array([[self.x, self.y]], np.float64),)

    def handles(self) -> tuple[Handle, ...]:
        """One, ``v0``."""
        return (Handle("v0", self.x, self.y, HandleRole.VERTEX),)

    def moved(self, dx: float, dy: float) -> Point:
        """Shifted by pixels."""
        return Point(self.x + dx, self.y + dy)

    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> Point:
        """At (x, y)."""
        if id != "v0":
            raise RegionError(f"a point has no handle {id!r}: it has v0")
        return Point(x, y)

    def clipped(self, width: int, height: int) -> Point:
        """Itself. Raises `RegionError` when it lies outside the image."""
        if not (-0.5 <= self.x < width - 0.5 and -0.5 <= self.y < height - 0.5):
            raise RegionError(f"point ({self.x:g}, {self.y:g}) lies outside the {width} x {height} image")
        return self

    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: the one pixel it lies on."""
        bits = np.zeros((height, width), bool)
        column, row = math.floor(self.x + 0.5) - left, math.floor(self.y + 0.5) - top
        if 0 <= column < width and 0 <= row < height:
            bits[row, column] = True
        return bits
