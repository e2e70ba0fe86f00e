"""Drag to paint a mask, or to erase: the stroke and its width. A circle shows the brush under the mouse."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsEllipseItem, QGraphicsPathItem, QGraphicsScene

from desktop.viewer.tools.base import DrawingTool, held
from engine.regions import Shape

_PAINT = QColor(255, 212, 0, 110)
_ERASE = QColor(255, 90, 90, 110)
_EDGE = QColor("#ffffff")


class BrushTool(DrawingTool):
    """radius : (x, y) image pixels; a disc in the patient is an ellipse where pixels are no squares."""

    def __init__(self, scene: QGraphicsScene, *, erases: bool) -> None:
        super().__init__(scene)
        self.erases = erases
        self.radius = (6.0, 6.0)
        self._scene = scene
        self._stroke: QGraphicsPathItem | None = None
        self._ring: QGraphicsEllipseItem | None = None

    def press(self, point: QPointF, bounds: QRectF, reach: float) -> Shape | None:
        self.points = (held(point, bounds),)
        self._show_stroke()
        return None

    def move(self, point: QPointF, bounds: QRectF) -> None:
        self.hover(point)
        here = held(point, bounds)
        if self.active and math.dist(here, self.points[-1]) >= min(0.5, self.radius[0] / 3):
            self.points = (*self.points, here)
            self._show_stroke()

    def release(self, point: QPointF, bounds: QRectF) -> Shape | None:
        """A stroke is no shape by itself: see `take_stroke`."""
        return None

    def take_stroke(self) -> tuple[tuple[float, float], ...]:
        """What was painted, and ready for the next."""
        points = self.points
        self.cancel()
        return points

    def hover(self, point: QPointF | None) -> None:
        """Show the brush at a place, or nowhere."""
        if point is None:
            if self._ring is not None:
                self._scene.removeItem(self._ring)
                self._ring = None
            return
        rx, ry = self.radius
        if self._ring is None:
            pen = QPen(_EDGE, 1.2)
            pen.setCosmetic(True)
            self._ring = self._scene.addEllipse(QRectF(), pen)
            self._ring.setZValue(7)
        self._ring.setRect(QRectF(point.x() - rx, point.y() - ry, 2 * rx, 2 * ry))

    def resume(self, points) -> None:  # type: ignore[no-untyped-def]
        """A stroke that was cut short is taken up as it is."""
        self.points = tuple(points)
        self._show_stroke()

    def cancel(self) -> None:
        super().cancel()
        if self._stroke is not None:
            self._scene.removeItem(self._stroke)
            self._stroke = None

    def path(self, cursor: QPointF | None) -> QPainterPath:
        path = QPainterPath(QPointF(*self.points[0]))
        # A line of no length is not drawn, not even with round ends.
        path.lineTo(self.points[0][0] + 1e-3, self.points[0][1])
        for x, y in self.points[1:]:
            path.lineTo(x, y)
        return path

    def _show_stroke(self) -> None:
        if self._stroke is None:
            self._stroke = QGraphicsPathItem()
            self._stroke.setZValue(5)
            self._scene.addItem(self._stroke)
        pen = QPen(_ERASE if self.erases else _PAINT, 2 * self.radius[1])
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        self._stroke.setPen(pen)
        self._stroke.setPath(self.path(None))
