"""The line, straight or with bends, to measure along."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.handles import Handle, HandleRole
from engine.regions.paths import clip_line
from engine.regions.rasters import Bits, Ring, distance_to_path
from engine.regions.shape import Shape, require_finite
from engine.regions.shapes.polygon import MAX_POINTS, vertex_index


@dataclass(frozen=True, slots=True)
class Line(Shape):
    """An open line through two or more points.

    points : ((x, y), ...) pixels. Raises `RegionError` for fewer than two or more than 100,000 points, for ones
    that are not finite, and when all are the same.
    """

    kind: ClassVar[str] = "line"
    closed: ClassVar[bool] = False
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not 2 <= len(self.points) <= MAX_POINTS:
            raise RegionError(f"line has {len(self.points)} points: it needs 2 to {MAX_POINTS:,}")
        require_finite(self.kind, tuple(value for point in self.points for value in point))
        if all(point == self.points[0] for point in self.points):
            raise RegionError("line is empty: its points are all the same")

    @property
    def bounds(self) -> Box:
        """The smallest upright box round its points and half a pixel more on each side."""
        low, high = self._path.min(axis=0) - 0.5, self._path.max(axis=0) + 0.5
        return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    @property
    def area(self) -> float:
        """0."""
        return 0.0

    @property
    def length(self) -> float:
        """Pixels along it."""
        return self.length_mm(1.0, 1.0)

    def length_mm(self, row_mm: float, column_mm: float) -> float:
        """Millimetres along it, with the distances of rows and of columns as `slice_spacing` gives them."""
        steps = np.diff(self._path, axis=0) * (column_mm, row_mm)
        return float(np.hypot(*steps.T).sum())

    def contains(self, x: float, y: float) -> bool:
        """Whether (x, y) lies within half a pixel of it."""
        return self.distance(x, y) <= 0.5

    def outline(self) -> tuple[Ring, ...]:
        """(N, 2): its points, an open line."""
        return (self._path,)

    def handles(self) -> tuple[Handle, ...]:
        """A vertex for each point, ``v0`` and on."""
        return tuple(Handle(f"v{i}", x, y, HandleRole.VERTEX) for i, (x, y) in enumerate(self.points))

    def moved(self, dx: float, dy: float) -> Line:
        """Shifted by pixels."""
        return Line(tuple((x + dx, y + dy) for x, y in self.points))

    def with_handle(self, id: str, x: float, y: float, keep_aspect: bool = False) -> Line:
        """With a point at (x, y); dragged onto all others it stops one pixel to the right of them."""
        points = list(self.points)
        points[vertex_index(self.kind, id, len(points))] = (x, y)
        if all(point == points[0] for point in points):
            points[vertex_index(self.kind, id, len(points))] = (x + 1.0, y)
        return Line(tuple(points))

    def with_vertex_inserted(self, index: int, x: float, y: float) -> Line:
        """With a new point before the one at `index`; ``len(points)`` lengthens it at its end."""
        if not 0 <= index <= len(self.points):
            raise RegionError(f"line has no place {index} for a point")
        return Line((*self.points[:index], (x, y), *self.points[index:]))

    def without_vertex(self, index: int) -> Line:
        """Without a point. Raises `RegionError` when it has only two."""
        if not 0 <= index < len(self.points):
            raise RegionError(f"line has no point {index}")
        return Line(self.points[:index] + self.points[index + 1 :])

    def nearest_edge(self, x: float, y: float) -> int:
        """Where a new point at (x, y) belongs between the others: the index for `with_vertex_inserted`."""
        return distance_to_path(self._path, False, x, y)[1] + 1

    def clipped(self, width: int, height: int) -> Line:
        """Its longest unbroken piece inside the image."""
        path = clip_line(self._path, width, height)
        if len(path) < 2:
            raise RegionError(f"the line lies outside the {width} x {height} image")
        return Line(tuple((float(x), float(y)) for x, y in path))

    def covered(self, left: int, top: int, width: int, height: int) -> Bits:
        """(height, width) bool: the pixels it passes, one for each step along the longer axis of a stretch."""
        bits = np.zeros((height, width), bool)
        for start, end in itertools.pairwise(self._path):
            steps = int(np.ceil(np.abs(end - start).max()))
            places = np.linspace(start, end, steps + 1)
            columns, rows = (np.floor(places + 0.5) - (left, top)).astype(np.intp).T
            inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
            bits[rows[inside], columns[inside]] = True
        return bits

    @property
    def _path(self) -> Ring:
        return np.array(self.points, np.float64)
