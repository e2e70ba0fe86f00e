"""Very many regions as one item: cells on a pathology slide, found by the thousand."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from desktop.viewer.region_item import DECIDED_COLOR, OPEN_COLOR
from engine.store import DECIDED_STATES, RegionRow

CROWD = 300
"""More regions than this would hide each other's names, and dashes and items of their own would be slow."""


class RegionCrowd(QGraphicsItem):
    """Boxes in their colours with thin solid lines, without names."""

    def __init__(self, rows: Sequence[RegionRow]) -> None:
        super().__init__()
        boxes: dict[bool, list[QRectF]] = {True: [], False: []}
        self._bounds = QRectF()
        for row in rows:
            box = row.box
            rect = QRectF(QPointF(box.x1, box.y1), QPointF(box.x2, box.y2))
            boxes[row.state in DECIDED_STATES].append(rect)
            self._bounds = self._bounds.united(rect)
        self._boxes = ((_pen(OPEN_COLOR), boxes[False]), (_pen(DECIDED_COLOR), boxes[True]))
        self.setZValue(1)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        for pen, rects in self._boxes:
            painter.setPen(pen)
            painter.drawRects(rects)


def _pen(color: QColor) -> QPen:
    pen = QPen(color, 1)
    pen.setCosmetic(True)
    return pen
