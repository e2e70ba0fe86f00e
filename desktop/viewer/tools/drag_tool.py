"""Press, drag, release: a box, a turned box, an ellipse, a line. Esc gives it up."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath
from PySide6.QtWidgets import QGraphicsScene

from desktop.model.tools import Tool
from desktop.viewer.shape_path import shape_path
from desktop.viewer.tools.base import MIN_SIDE, DrawingTool, held
from engine.regions import Box, Ellipse, Line, RotatedBox, Shape

_Corner = tuple[float, float]


def _box(start: _Corner, end: _Corner) -> Shape:
    (x1, x2), (y1, y2) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    return Box(x1, y1, x2, y2)


def _rotated(start: _Corner, end: _Corner) -> Shape:
    """Upright at first: its grip turns it."""
    box = _box(start, end).bounds
    return RotatedBox((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, box.width, box.height, 0.0)


def _ellipse(start: _Corner, end: _Corner) -> Shape:
    box = _box(start, end).bounds
    return Ellipse((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, box.width / 2, box.height / 2, 0.0)


def _line(start: _Corner, end: _Corner) -> Shape:
    return Line((start, end))


_MAKE: dict[Tool, Callable[[_Corner, _Corner], Shape]] = {
    Tool.BOX: _box,
    Tool.ROTATED_BOX: _rotated,
    Tool.OVAL: _ellipse,
    Tool.LINE: _line,
}


class DragTool(DrawingTool):
    """From corner to corner, or from end to end."""

    def __init__(self, scene: QGraphicsScene, tool: Tool) -> None:
        super().__init__(scene)
        self._make = _MAKE[tool]
        self._is_line = tool is Tool.LINE

    def press(self, point: QPointF, bounds: QRectF, reach: float) -> Shape | None:
        start = held(point, bounds)
        self.points = (start, start)
        return None

    def move(self, point: QPointF, bounds: QRectF) -> None:
        if self.active:
            self.points = (self.points[0], held(point, bounds))
            self.preview.show(self.path(None))

    def release(self, point: QPointF, bounds: QRectF) -> Shape | None:
        if not self.active:
            return None
        start, end = self.points[0], held(point, bounds)
        self.cancel()
        return self._make(start, end) if self._is_drag(start, end) else None

    def finish(self) -> Shape | None:
        """Of a shape that was taken up again."""
        if not self.active:
            return None
        start, end = self.points[0], self.points[-1]
        self.cancel()
        return self._make(start, end) if self._is_drag(start, end) else None

    def path(self, cursor: QPointF | None) -> QPainterPath:
        start, end = self.points[0], self.points[-1]
        return shape_path(self._make(start, end)) if self._is_drag(start, end) else QPainterPath()

    def _is_drag(self, start: _Corner, end: _Corner) -> bool:
        wide, high = abs(end[0] - start[0]), abs(end[1] - start[1])
        return math.hypot(wide, high) >= MIN_SIDE if self._is_line else min(wide, high) >= MIN_SIDE
