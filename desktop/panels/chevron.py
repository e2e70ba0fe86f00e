"""The small open arrow of lists to unfold and fields to open, in the text's colour in every theme."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

_REACH = 3.5


def draw_chevron(painter: QPainter, center: QPointF, color: QColor, *, quarter_turns: int = 0) -> None:
    """Draw it around a point. quarter_turns : clockwise, 0 points down, 1 left, 3 right."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.translate(center)
    painter.rotate(90 * quarter_turns)
    painter.drawPolyline([QPointF(-_REACH, -_REACH / 2), QPointF(0, _REACH / 2), QPointF(_REACH, -_REACH / 2)])
    painter.restore()


def chevron_picture(color: QColor, *, quarter_turns: int) -> QPixmap:
    """It alone, 16 pixels wide, for a button."""
    picture = QPixmap(48, 48)
    picture.setDevicePixelRatio(3)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    draw_chevron(painter, QPointF(8, 8), color, quarter_turns=quarter_turns)
    painter.end()
    return picture
