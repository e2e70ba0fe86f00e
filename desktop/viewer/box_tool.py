"""Left-drag draws a box: press, drag, release; Esc gives it up."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsRectItem, QGraphicsScene

from desktop.viewer.region_item import OPEN_COLOR
from engine.regions import Box

MIN_SIDE = 3.0
"""A drag shorter than this, in image pixels, is a click."""


class BoxTool:
    """The gesture in work. Points are scene coordinates, which are image pixels."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._scene = scene
        self._start: QPointF | None = None
        self._item: QGraphicsRectItem | None = None

    @property
    def active(self) -> bool:
        """Whether a box is being drawn."""
        return self._start is not None

    def press(self, point: QPointF) -> None:
        """Begin at a corner."""
        self._start = point
        pen = QPen(OPEN_COLOR, 1.6, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self._item = self._scene.addRect(QRectF(point, point), pen)
        self._item.setZValue(3)

    def move(self, point: QPointF, bounds: QRectF) -> None:
        """Drag the opposite corner, held inside the image."""
        if self._start is not None and self._item is not None:
            self._item.setRect(QRectF(self._start, point).normalized().intersected(bounds))

    def release(self, point: QPointF, bounds: QRectF) -> Box | None:
        """The finished box, None for a click."""
        if self._start is None:
            return None
        rect = QRectF(self._start, point).normalized().intersected(bounds)
        self.cancel()
        if rect.width() < MIN_SIDE or rect.height() < MIN_SIDE:
            return None
        return Box(rect.left(), rect.top(), rect.right(), rect.bottom())

    def cancel(self) -> None:
        """Give up the box."""
        if self._item is not None:
            self._scene.removeItem(self._item)
        self._start = self._item = None
