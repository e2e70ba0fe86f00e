"""Text on the slice at screen size, on a dark plate so that it reads on any grey."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter
from PySide6.QtWidgets import QGraphicsItem, QGraphicsSimpleTextItem, QStyleOptionGraphicsItem, QWidget

from desktop.viewer.contrast import PLATE, readable

_PLATE = QColor(PLATE.red(), PLATE.green(), PLATE.blue(), 215)


class TagItem(QGraphicsSimpleTextItem):
    """at : scene position. offset : from there to its left edge, or its right one if `leftwards`, in screen pixels."""

    def __init__(
        self,
        text: str,
        color: QColor,
        at: QPointF,
        offset: QPointF,
        parent: QGraphicsItem,
        *,
        leftwards: bool = False,
    ) -> None:
        super().__init__(text, parent)
        font = QFont()
        font.setPixelSize(13)
        self.setFont(font)
        self.setBrush(QBrush(readable(color)))
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setPos(at)
        x = offset.x() - (self.boundingRect().width() if leftwards else 0)
        self.setTransform(self.transform().translate(x, offset.y()))

    def boundingRect(self) -> QRectF:
        return super().boundingRect().adjusted(-4, -2, 4, 2)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(_PLATE))
        painter.drawRoundedRect(self.boundingRect(), 3, 3)
        # Qt takes no widget too; its stubs do not say so.
        super().paint(painter, option, widget)  # type: ignore[arg-type]
