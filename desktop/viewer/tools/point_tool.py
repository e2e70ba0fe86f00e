"""A click sets a point."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from desktop.viewer.shape_path import shape_path
from desktop.viewer.tools.base import DrawingTool, held
from engine.regions import Point, Shape


class PointTool(DrawingTool):
    """Where the button goes up."""

    def press(self, point: QPointF, bounds: QRectF, reach: float) -> Shape | None:
        self.points = (held(point, bounds),)
        self.preview.show(self.path(None))
        return None

    def move(self, point: QPointF, bounds: QRectF) -> None:
        if self.active:
            self.points = (held(point, bounds),)
            self.preview.show(self.path(None))

    def release(self, point: QPointF, bounds: QRectF) -> Shape | None:
        if not self.active:
            return None
        here = held(point, bounds)
        self.cancel()
        return Point(*here)

    def finish(self) -> Shape | None:
        return self.release(QPointF(*self.points[0]), QRectF(-1e6, -1e6, 2e6, 2e6)) if self.active else None

    def path(self, cursor: QPointF | None) -> QPainterPath:
        return shape_path(Point(*self.points[0]))
