"""The outline drawn in one stroke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.regions.errors import RegionError
from engine.regions.handles import Handle, rect_handles
from engine.regions.paths import thin_ring
from engine.regions.shapes.polygon import Polygon


@dataclass(frozen=True, slots=True)
class Freehand(Polygon):
    """A polygon drawn by hand: many points, resized as a whole. See `Polygon`."""

    kind: ClassVar[str] = "freehand"

    def handles(self) -> tuple[Handle, ...]:
        """Corners and edges of its bounds, which stretch it, and a vertex for each point."""
        # Not super(): a slotted dataclass is a new class, which super() without arguments does not know.
        return (*rect_handles(self.bounds.as_tuple()), *Polygon.handles(self))

    def simplified(self, tolerance: float = 0.5) -> Freehand:
        """With only the points that keep every other one within `tolerance` pixels of the outline."""
        if not tolerance >= 0:
            raise RegionError(f"tolerance {tolerance:g} must be 0 or more pixels")
        return Freehand.from_ring(thin_ring(self.outline()[0], tolerance))
