"""One measurement on the slice: its shape with cosmetic pens, its numbers at screen size."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem

from desktop.model.measures import MeasureKind
from desktop.viewer.outline_item import OutlineItem
from desktop.viewer.tag_item import TagItem

MEASURE_COLOR = QColor("#5ce1ff")
CHOSEN_COLOR = QColor("#ffffff")

Points = tuple[tuple[float, float], ...]


def measure_path(kind: MeasureKind, points: Points) -> QPainterPath:
    """The outline in scene coordinates, also of a measurement that is not finished."""
    path = QPainterPath()
    if len(points) < 2:
        return path
    first, second = QPointF(*points[0]), QPointF(*points[1])
    if kind is MeasureKind.RECTANGLE:
        path.addRect(QRectF(first, second).normalized())
    elif kind is MeasureKind.ELLIPSE:
        path.addEllipse(QRectF(first, second).normalized())
    else:
        path.moveTo(first)
        for point in points[1:]:
            path.lineTo(QPointF(*point))
    return path


class _Handle(QGraphicsRectItem):
    """A point to take hold of, at screen size."""

    def __init__(self, at: QPointF, parent: QGraphicsItem) -> None:
        super().__init__(QRectF(-4, -4, 8, 8), parent)
        self.setPos(at)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setPen(QPen(MEASURE_COLOR, 1.4))
        self.setBrush(QColor(10, 12, 16, 160))


class MeasureItem(OutlineItem):
    """text : numbers to write beside it; empty while it is drawn. middle : x where the picture's right half begins,
    in which they are written on the left so that they stay on the picture.
    """

    def __init__(
        self,
        kind: MeasureKind,
        points: Points,
        text: str,
        *,
        selected: bool,
        number: int = 0,
        middle: float = math.inf,
    ) -> None:
        super().__init__(measure_path(kind, points))
        self.number = number
        color = CHOSEN_COLOR if selected else MEASURE_COLOR
        pen = QPen(color, 2.4 if selected else 1.6)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        self.setPen(pen)
        self.setZValue(4 if selected else 3)
        if selected and text:
            for point in points:
                _Handle(QPointF(*point), self)
        if text:
            rect = self.path().boundingRect()
            left = rect.center().x() > middle
            if kind in (MeasureKind.LENGTH, MeasureKind.ANGLE):
                at, y = QPointF(*points[1]), -8.0
            else:
                at, y = rect.topLeft() if left else rect.topRight(), 0.0
            TagItem(text, color, at, QPointF(-6 if left else 10, y), self, leftwards=left)
