"""The grips of the selected region, at screen size."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene, QStyleOptionGraphicsItem, QWidget

from engine.regions import Handle, HandleRole

_SIZE = 8.0
_FILL = QColor("#ffffff")
_EDGE = QColor("#0b1220")
_CURSORS = {
    "n": Qt.CursorShape.SizeVerCursor,
    "s": Qt.CursorShape.SizeVerCursor,
    "e": Qt.CursorShape.SizeHorCursor,
    "w": Qt.CursorShape.SizeHorCursor,
    "nw": Qt.CursorShape.SizeFDiagCursor,
    "se": Qt.CursorShape.SizeFDiagCursor,
    "ne": Qt.CursorShape.SizeBDiagCursor,
    "sw": Qt.CursorShape.SizeBDiagCursor,
}


class _Grip(QGraphicsItem):
    """A square for corners and edges, a disc for what turns, a diamond for vertices."""

    def __init__(self, handle: Handle) -> None:
        super().__init__()
        self._role = handle.role
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setPos(handle.x, handle.y)
        self.setZValue(6)

    def boundingRect(self) -> QRectF:
        return QRectF(-_SIZE, -_SIZE, 2 * _SIZE, 2 * _SIZE)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(_EDGE, 1.2))
        painter.setBrush(_FILL)
        half = _SIZE / 2
        square = QRectF(-half, -half, _SIZE, _SIZE)
        if self._role in (HandleRole.ROTATE, HandleRole.CENTRE):
            painter.drawEllipse(square)
        elif self._role is HandleRole.VERTEX:
            painter.rotate(45)
            painter.drawRect(square.adjusted(0.7, 0.7, -0.7, -0.7))
        else:
            painter.drawRect(square)


class Handles:
    """Shows the grips of one shape and says which one is under the mouse."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._scene = scene
        self._handles: tuple[Handle, ...] = ()
        self._items: list[_Grip] = []

    def show(self, handles: Sequence[Handle]) -> None:
        """Show these in place of the others."""
        for item in self._items:
            self._scene.removeItem(item)
        self._handles = tuple(handles)
        self._items = [_Grip(handle) for handle in handles]
        for item in self._items:
            self._scene.addItem(item)

    def at(self, point: QPointF, reach_x: float, reach_y: float) -> Handle | None:
        """The nearest grip within reach of a place. reach_x, reach_y : in scene units."""
        near = [
            (math.hypot((one.x - point.x()) / reach_x, (one.y - point.y()) / reach_y), one) for one in self._handles
        ]
        found = min(near, key=lambda pair: pair[0], default=None)
        return None if found is None or found[0] > 1 else found[1]


def handle_cursor(handle: Handle) -> Qt.CursorShape:
    """The pointer over a grip."""
    if handle.role is HandleRole.ROTATE:
        return Qt.CursorShape.CrossCursor
    return _CURSORS.get(handle.id, Qt.CursorShape.SizeAllCursor)
