"""The ellipse, for round things: a nodule, a head, a cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.frames import Frame
from engine.regions.handles import Handle
from engine.regions.rasters import Bits, Ring
from engine.regions.shape import Shape, require_finite
from engine.regions.shapes.polygon import Polygon

_OUTLINE_POINTS = 180


@dataclass(frozen=True, slots=True)
class Ellipse(Shape):
    """An ellipse turned round its centre.

    cx, cy : centre, pixels. rx, ry : half axes, pixels. angle_deg : of the rx axis, clockwise as seen on the
    screen. Raises `RegionError` unless all are finite and both half axes greater than 0.
    """

    kind: ClassVar[str] = "ellipse"
    cx: float
    cy: float
    rx: float
    ry: float
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        require_finite(self.kind, (self.cx, self.cy, self.rx, self.ry, self.angle_deg))
        if self.rx <= 0 or self.ry <= 0:
            raise RegionError(f"ellipse with half axes of {self.rx:g} and {self.ry:g} pixels is empty")

    @property
    def bounds(self) -> Box:
        """The smallest upright box round it."""
        angle = math.radians(self.angle_deg)
        half_width = math.hypot(self.rx * math.cos(angle), self.ry * math.sin(angle))
        half_height = math.hypot(self.rx * math.sin(angle), self.ry * math.cos(angle))
        return Box(self.cx - half_width, self.cy - half_height, self.cx + half_width, self.cy + half_height)

    @property
    def area(self) -> float:
        """pi rx ry, square pixels."""
        return math.pi * self.rx * self.ry

    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies inside or on the outline."""
        return bool(self._inside(x, y))

    def outline(self) -> tuple[Ring, ...]:
        """180 points on it: chords that lie at most 0.02 % of the half axis inside."""
        turn = np.linspace(0, 2 * math.pi, _OUTLINE_POINTS, endpoint=False)
        return (np.stack(self._frame.to_slice(self.rx * np.cos(turn), self.ry * np.sin(turn)), axis=1),)

    def handles(self) -> tuple[Handle, ...]:
        """The corners of the rectangle round it, its four extremes as edges, ``rotate`` and ``centre``."""
        return self._frame.handles()

    def moved(self, dx: float, dy: float) -> Ellipse:
        """Shifted by pixels."""
        return Ellipse(self.cx + dx, self.cy + dy, self.rx, self.ry, self.angle_deg)

    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> Ellipse:
        """With a handle dragged to (x, y): the opposite extreme or corner stays in place."""
        frame = self._frame.dragged(id, x, y, keep_aspect)
        return Ellipse(frame.cx, frame.cy, frame.rx, frame.ry, frame.angle_deg)

    def clipped(self, width: int, height: int) -> Shape:
        """Itself inside the image, else the polygon that is left of it."""
        box = self.bounds
        if box.x1 >= -0.5 and box.y1 >= -0.5 and box.x2 <= width - 0.5 and box.y2 <= height - 0.5:
            return self
        return Polygon.from_ring(self.outline()[0]).clipped(width, height)

    def chord(self, y: float) -> tuple[float, float] | None:
        """x where it is entered and left at the height `y`, None where it is not met."""
        angle = math.radians(self.angle_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        # ((cos dx + sin dy) / rx)^2 + ((cos dy - sin dx) / ry)^2 = 1, solved for dx.
        a = (cos / self.rx) ** 2 + (sin / self.ry) ** 2
        half_b = (y - self.cy) * cos * sin * (1 / self.rx**2 - 1 / self.ry**2)
        c = ((y - self.cy) * sin / self.rx) ** 2 + ((y - self.cy) * cos / self.ry) ** 2 - 1
        under = half_b**2 - a * c
        if under <= 0:
            return None
        middle, reach = self.cx - half_b / a, math.sqrt(under) / a
        return (middle - reach, middle + reach)

    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: which pixels from (left, top) have their centre inside."""
        bits: Bits = self._inside(np.arange(left, left + width), np.arange(top, top + height)[:, None])
        return bits

    def _inside(self, x: Any, y: Any) -> Any:
        right, down = self._frame.to_local(x, y)
        return (right / self.rx) ** 2 + (down / self.ry) ** 2 <= 1

    @property
    def _frame(self) -> Frame:
        return Frame(self.cx, self.cy, self.rx, self.ry, self.angle_deg)
