"""Drag along an outline; releasing closes it."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from desktop.viewer.tools.base import MIN_SIDE, DrawingTool, held
from engine.regions import Freehand, Shape

_STEP = 0.7
"""Image pixels between two points that are kept: a hand is no finer."""
_TOLERANCE = 0.4


class FreehandTool(DrawingTool):
    """The way of the hand."""

    def press(self, point: QPointF, bounds: QRectF, reach: float) -> Shape | None:
        if not self.active:
            self.points = (held(point, bounds),)
        return None

    def move(self, point: QPointF, bounds: QRectF) -> None:
        here = held(point, bounds)
        if self.active and math.dist(here, self.points[-1]) >= _STEP:
            self.points = (*self.points, here)
            self.preview.show(self.path(None))

    def release(self, point: QPointF, bounds: QRectF) -> Shape | None:
        return self.finish()

    def finish(self) -> Shape | None:
        points = self.points
        self.cancel()
        if len(points) < 3:
            return None
        shape = Freehand(points)
        box = shape.bounds
        return shape.simplified(_TOLERANCE) if min(box.width, box.height) >= MIN_SIDE else None

    def path(self, cursor: QPointF | None) -> QPainterPath:
        path = QPainterPath(QPointF(*self.points[0]))
        for x, y in self.points[1:]:
            path.lineTo(x, y)
        return path
