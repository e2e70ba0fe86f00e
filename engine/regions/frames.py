"""A turned frame on a slice, shared by the shapes that have an angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.regions.handles import Handle, HandleRole, Rect, dragged_rect, rect_handles

_SNAP_DEG = 15.0
_ROTATE_GAP = 8.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of half sizes rx, ry round (cx, cy), turned by `angle_deg`, clockwise as seen on the screen."""

    cx: float
    cy: float
    rx: float
    ry: float
    angle_deg: float

    def to_local(self, x: Any, y: Any) -> tuple[Any, Any]:
        """(x, y) along the frame's own axes from its centre; numbers or arrays."""
        cos, sin = self._turn()
        dx, dy = x - self.cx, y - self.cy
        return (cos * dx + sin * dy, cos * dy - sin * dx)

    def to_slice(self, x: Any, y: Any) -> tuple[Any, Any]:
        """The inverse of `to_local`."""
        cos, sin = self._turn()
        return (self.cx + cos * x - sin * y, self.cy + sin * x + cos * y)

    def handles(self) -> tuple[Handle, ...]:
        """Corners and edges named as if it were upright, a grip for turning above its top, and its centre."""
        gap = max(_ROTATE_GAP, 0.15 * max(self.rx, self.ry))
        local = (
            *rect_handles((-self.rx, -self.ry, self.rx, self.ry)),
            Handle("rotate", 0.0, -self.ry - gap, HandleRole.ROTATE),
            Handle("centre", 0.0, 0.0, HandleRole.CENTRE),
        )
        return tuple(Handle(h.id, *self.to_slice(h.x, h.y), h.role) for h in local)

    def dragged(self, id: str, x: float, y: float, keep_aspect: bool) -> Frame:
        """With a handle at (x, y); see `Shape.with_handle`."""
        if id == "centre":
            return Frame(x, y, self.rx, self.ry, self.angle_deg)
        if id == "rotate":
            return Frame(self.cx, self.cy, self.rx, self.ry, self._angle_towards(x, y, keep_aspect))
        rect: Rect = (-self.rx, -self.ry, self.rx, self.ry)
        x1, y1, x2, y2 = dragged_rect(rect, id, *self.to_local(x, y), keep_aspect)
        cx, cy = self.to_slice((x1 + x2) / 2, (y1 + y2) / 2)
        return Frame(cx, cy, (x2 - x1) / 2, (y2 - y1) / 2, self.angle_deg)

    def _angle_towards(self, x: float, y: float, snap: bool) -> float:
        if (x, y) == (self.cx, self.cy):
            return self.angle_deg
        angle = math.degrees(math.atan2(y - self.cy, x - self.cx)) + 90.0
        return normal_angle(round(angle / _SNAP_DEG) * _SNAP_DEG if snap else angle)

    def _turn(self) -> tuple[float, float]:
        # Right angles are exact, so that an upright shape has whole-number corners.
        if self.angle_deg % 90 == 0:
            return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(self.angle_deg // 90) % 4]
        angle = math.radians(self.angle_deg)
        return (math.cos(angle), math.sin(angle))


def normal_angle(degrees: float) -> float:
    """The same direction within -180 (inclusive) .. 180 (exclusive)."""
    turned = (degrees + 180.0) % 360.0 - 180.0
    return turned if turned < 180.0 else -180.0
