"""Click for each corner; Enter, a double click, or a click on the first corner closes it; Backspace takes one back."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from desktop.viewer.tools.base import DrawingTool, held
from engine.regions import Polygon, Shape

_FEWEST = 3


class PolygonTool(DrawingTool):
    """Corner by corner."""

    def press(self, point: QPointF, bounds: QRectF, reach: float) -> Shape | None:
        here = held(point, bounds)
        if len(self.points) >= _FEWEST and math.dist(here, self.points[0]) <= reach:
            return self.finish()
        # The second press of a double click lies on the first.
        if not self.points or math.dist(here, self.points[-1]) > reach / 2:
            self.points = (*self.points, here)
        self.preview.show(self.path(None))
        return None

    def move(self, point: QPointF, bounds: QRectF) -> None:
        if self.active:
            self.preview.show(self.path(QPointF(*held(point, bounds))))

    def release(self, point: QPointF, bounds: QRectF) -> Shape | None:
        return None

    def finish(self) -> Shape | None:
        if len(self.points) < _FEWEST:
            return None
        points = self.points
        self.cancel()
        return Polygon(points)

    def step_back(self) -> bool:
        if not self.active:
            return False
        self.points = self.points[:-1]
        if self.points:
            self.preview.show(self.path(None))
        else:
            self.cancel()
        return True

    def path(self, cursor: QPointF | None) -> QPainterPath:
        path = QPainterPath(QPointF(*self.points[0]))
        for x, y in self.points[1:]:
            path.lineTo(x, y)
        if cursor is not None:
            path.lineTo(cursor)
        for x, y in self.points:
            path.addEllipse(QPointF(x, y), 0.6, 0.6)
        return path
