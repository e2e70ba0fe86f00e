"""The box at an angle, for what lies askew: a vertebra, a probe, a tooth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.frames import Frame
from engine.regions.handles import Handle
from engine.regions.rasters import Bits, Ring
from engine.regions.shape import Shape, require_finite
from engine.regions.shapes.polygon import Polygon, ring_bounds


@dataclass(frozen=True, slots=True)
class RotatedBox(Shape):
    """A rectangle turned round its centre.

    cx, cy, width, height : pixels. angle_deg : clockwise as seen on the screen, 0 is upright. Raises `RegionError`
    unless all are finite and both sides greater than 0.
    """

    kind: ClassVar[str] = "rotated_box"
    cx: float
    cy: float
    width: float
    height: float
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        require_finite(self.kind, (self.cx, self.cy, self.width, self.height, self.angle_deg))
        if self.width <= 0 or self.height <= 0:
            raise RegionError(f"rotated box of {self.width:g} x {self.height:g} pixels is empty")

    @property
    def bounds(self) -> Box:
        """The smallest upright box round its corners."""
        return ring_bounds(self.outline()[0])

    @property
    def area(self) -> float:
        """width x height, square pixels."""
        return self.width * self.height

    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies inside; its own right and lower edge do not."""
        return bool(self._inside(x, y))

    def outline(self) -> tuple[Ring, ...]:
        """Its four corners, clockwise from its own top left."""
        rx, ry = self.width / 2, self.height / 2
        local = np.array([[-rx, -ry], [rx, -ry], [rx, ry], [-rx, ry]])
        return (np.stack(self._frame.to_slice(local[:, 0], local[:, 1]), axis=1),)

    def handles(self) -> tuple[Handle, ...]:
        """Corners, edges, ``rotate`` and ``centre``."""
        return self._frame.handles()

    def moved(self, dx: float, dy: float) -> RotatedBox:
        """Shifted by pixels."""
        return RotatedBox(self.cx + dx, self.cy + dy, self.width, self.height, self.angle_deg)

    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> RotatedBox:
        """With a handle dragged to (x, y): the opposite side or corner stays in place."""
        frame = self._frame.dragged(id, x, y, keep_aspect)
        return RotatedBox(frame.cx, frame.cy, 2 * frame.rx, 2 * frame.ry, frame.angle_deg)

    def clipped(self, width: int, height: int) -> Shape:
        """Itself inside the image, else the polygon that is left of it."""
        polygon = Polygon.from_ring(self.outline()[0])
        inside = polygon.clipped(width, height)
        return self if inside == polygon else inside

    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: which pixels from (left, top) have their centre inside."""
        bits: Bits = self._inside(np.arange(left, left + width), np.arange(top, top + height)[:, None])
        return bits

    def _inside(self, x: Any, y: Any) -> Any:
        right, down = self._frame.to_local(x, y)
        rx, ry = self.width / 2, self.height / 2
        return (-rx <= right) & (right < rx) & (-ry <= down) & (down < ry)

    @property
    def _frame(self) -> Frame:
        return Frame(self.cx, self.cy, self.width / 2, self.height / 2, self.angle_deg)
