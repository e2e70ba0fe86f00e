"""A colour as a small picture."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap


def swatch(color: QColor, *, hollow: bool = False) -> QIcon:
    """The colour in which a region is drawn on the slice. hollow : it is not drawn now."""
    pixmap = QPixmap(36, 36)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if hollow:
        pen = painter.pen()
        pen.setColor(color)
        pen.setWidth(4)
        painter.setPen(pen)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
    painter.drawRoundedRect(QRectF(7, 7, 22, 22), 6, 6)
    painter.end()
    icon = QIcon(pixmap)
    # In a chosen row the colour stays what it is.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
