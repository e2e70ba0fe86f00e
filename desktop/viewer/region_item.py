"""One region on the slice: its box, and its name beside it at screen size."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsRectItem,
    QGraphicsSimpleTextItem,
    QStyleOptionGraphicsItem,
    QWidget,
)

from engine.store import DECIDED_STATES, RegionRow

DECIDED_COLOR = QColor("#4ade80")
OPEN_COLOR = QColor("#ffd400")


class _Tag(QGraphicsSimpleTextItem):
    """Text on a dark plate, so that it reads on any grey."""

    def boundingRect(self) -> QRectF:
        return super().boundingRect().adjusted(-4, -2, 4, 2)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(QColor(10, 12, 16, 215)))
        painter.drawRoundedRect(self.boundingRect(), 3, 3)
        super().paint(painter, option, widget)


class RegionItem(QGraphicsRectItem):
    """Solid when a person has decided, dashed until then; thick when selected."""

    def __init__(self, row: RegionRow, tag: str, *, selected: bool) -> None:
        box = row.box
        super().__init__(QRectF(QPointF(box.x1, box.y1), QPointF(box.x2, box.y2)))
        self.root_id = row.root_id
        decided = row.state in DECIDED_STATES
        color = DECIDED_COLOR if decided else OPEN_COLOR
        pen = QPen(color, 3 if selected else 1.6)
        pen.setCosmetic(True)
        pen.setStyle(Qt.PenStyle.SolidLine if decided else Qt.PenStyle.DashLine)
        self.setPen(pen)
        self.setZValue(2 if selected else 1)
        if tag:
            text = _Tag(tag, self)
            font = QFont()
            font.setPixelSize(13)
            text.setFont(font)
            text.setBrush(QBrush(color))
            text.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
            text.setPos(box.x1, box.y1)
            # Above the box, in screen pixels.
            text.setTransform(text.transform().translate(4, -22))
