"""The polygon, set corner by corner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.handles import RECT_HANDLES, Handle, HandleRole, dragged_rect
from engine.regions.paths import clip_ring, is_flat
from engine.regions.rasters import Bits, Ring, chords, distance_to_path, fill_rings
from engine.regions.shape import Shape, require_finite

MAX_POINTS = 100_000


@dataclass(frozen=True, slots=True)
class Polygon(Shape):
    """A closed ring of corners; where it crosses itself, the even-odd rule says what is inside.

    points : ((x, y), ...) pixels, the first not repeated at the end. Raises `RegionError` for fewer than three or
    more than 100,000 points, for ones that are not finite, and when all lie on one line.
    """

    kind: ClassVar[str] = "polygon"
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not 3 <= len(self.points) <= MAX_POINTS:
            raise RegionError(f"{self.kind} has {len(self.points)} points: it needs 3 to {MAX_POINTS:,}")
        require_finite(self.kind, tuple(value for point in self.points for value in point))
        if is_flat(self._ring):
            raise RegionError(f"{self.kind} is empty: its points lie on one line")

    @classmethod
    def from_ring(cls, ring: Ring | Iterable[tuple[float, float]]) -> Self:
        """From (N, 2) x, y."""
        return cls(tuple((float(x), float(y)) for x, y in ring))

    @property
    def bounds(self) -> Box:
        """The smallest upright box round its corners."""
        return ring_bounds(self._ring)

    @property
    def area(self) -> float:
        """Square pixels by the shoelace formula: of a ring that crosses itself the difference of its loops."""
        # From the first corner, so that a small shape far out loses no digits.
        x, y = (self._ring - self._ring[0]).T
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2

    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies inside by the even-odd rule; outlines count as `fill_rings` says."""
        return bool(np.count_nonzero(chords(self._ring, y) <= x) & 1)

    def outline(self) -> tuple[Ring, ...]:
        """Its corners."""
        return (self._ring,)

    def handles(self) -> tuple[Handle, ...]:
        """A vertex for each corner, ``v0`` and on."""
        return tuple(Handle(f"v{i}", x, y, HandleRole.VERTEX) for i, (x, y) in enumerate(self.points))

    def moved(self, dx: float, dy: float) -> Self:
        """Shifted by pixels."""
        return type(self)(tuple((x + dx, y + dy) for x, y in self.points))

    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> Self:
        """With a corner (``v0`` ...) at (x, y), or stretched by a compass point of its bounds (``nw`` ...).

        A corner dragged onto the line of all others stops one pixel beside it.
        """
        if id in RECT_HANDLES:
            return self._stretched(dragged_rect(self.bounds.as_tuple(), id, x, y, keep_aspect))
        require_finite(self.kind, (x, y))
        index = vertex_index(self.kind, id, len(self.points))
        points = list(self.points)
        points[index] = (x, y)
        if is_flat(np.array(points)):
            others = np.array(points[:index] + points[index + 1 :])
            step = others[int(np.argmax(np.hypot(*(others - others[0]).T)))] - others[0]
            length = float(np.hypot(*step)) or 1.0
            points[index] = (x - float(step[1]) / length, y + float(step[0]) / length)
        return type(self)(tuple(points))

    def with_vertex_inserted(self, index: int, x: float, y: float) -> Self:
        """With a new corner before the one at `index`; `nearest_edge` gives the index for a click."""
        if not 0 <= index <= len(self.points):
            raise RegionError(f"{self.kind} has no place {index} for a point")
        return type(self)((*self.points[:index], (x, y), *self.points[index:]))

    def without_vertex(self, index: int) -> Self:
        """Without a corner. Raises `RegionError` when it has only three or the rest would lie on one line."""
        if not 0 <= index < len(self.points):
            raise RegionError(f"{self.kind} has no point {index}")
        return type(self)(self.points[:index] + self.points[index + 1 :])

    def nearest_edge(self, x: float, y: float) -> int:
        """Where a new corner at (x, y) belongs: the index for `with_vertex_inserted`."""
        return distance_to_path(self._ring, True, x, y)[1] + 1

    def clipped(self, width: int, height: int) -> Self:
        """The part inside the image."""
        ring = clip_ring(self._ring, width, height)
        if len(ring) < 3 or is_flat(ring):
            raise RegionError(f"the {self.kind} lies outside the {width} x {height} image")
        return type(self).from_ring(ring)

    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: which pixels from (left, top) have their centre inside."""
        return fill_rings([self._ring], left, top, width, height)

    def _stretched(self, rect: tuple[float, float, float, float]) -> Self:
        box = self.bounds
        low, size = np.array([box.x1, box.y1]), np.array([box.width, box.height])
        onto = np.array(rect)
        return type(self).from_ring(onto[:2] + (self._ring - low) / size * (onto[2:] - onto[:2]))

    @property
    def _ring(self) -> Ring:
        return np.array(self.points, np.float64)


def ring_bounds(ring: Ring) -> Box:
    """The smallest upright box round (N, 2) points that do not lie on one line."""
    low, high = ring.min(axis=0), ring.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def vertex_index(kind: str, id: str, count: int) -> int:
    """The number in a vertex handle's id. Raises `RegionError` when there is no such vertex."""
    index = int(id[1:]) if id[:1] == "v" and id[1:].isdecimal() else count
    if index >= count:
        raise RegionError(f"a {kind} of {count} points has no handle {id!r}")
    return index
