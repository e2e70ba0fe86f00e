"""A line on a slice, as wide on every screen and with a dark edge, so that it is seen on whatever lies under it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QStyleOptionGraphicsItem, QWidget

_CASING = QColor(0, 0, 0, 150)
_CASING_WIDTH = 2.0


def on_screen(pen: QPen, painter: QPainter) -> QPen:
    """A cosmetic pen whose width is in logical pixels: Qt takes it for the device's, half as wide on a dense screen."""
    wide = QPen(pen)
    wide.setWidthF(pen.widthF() * _ratio(painter))
    return wide


def _ratio(painter: QPainter) -> float:
    return float(painter.device().devicePixelRatioF())


class OutlineItem(QGraphicsPathItem):
    """Draws its path with its cosmetic pen. Thin coloured lines alone are lost on skin and stained tissue."""

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        pen = on_screen(self.pen(), painter)
        casing = QPen(_CASING, pen.widthF() + _CASING_WIDTH * _ratio(painter))
        casing.setCosmetic(True)
        casing.setCapStyle(pen.capStyle())
        painter.setPen(casing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self.path())
        painter.setPen(pen)
        painter.setBrush(self.brush())
        painter.drawPath(self.path())
