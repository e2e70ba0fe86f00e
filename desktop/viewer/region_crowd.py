"""Very many regions as one item: cells on a pathology slide, found by the thousand."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from desktop.model.label_colors import LabelColors
from desktop.viewer.outline_item import on_screen
from desktop.viewer.region_item import region_color
from desktop.viewer.shape_path import shape_path
from engine.store import RegionRow, shape_of

CROWD = 300
"""More regions than this would hide each other's names, and dashes and items of their own would be slow."""


class RegionCrowd(QGraphicsItem):
    """Outlines in their colours with thin solid lines, without names."""

    def __init__(self, rows: Sequence[RegionRow], colors: LabelColors) -> None:
        super().__init__()
        boxes: dict[str, list[QRectF]] = {}
        others: dict[str, QPainterPath] = {}
        self._bounds = QRectF()
        for row in rows:
            box = row.box
            rect = QRectF(QPointF(box.x1, box.y1), QPointF(box.x2, box.y2))
            color = region_color(row, colors.of(row.label)).name()
            if row.shape is None:
                boxes.setdefault(color, []).append(rect)
            else:
                others.setdefault(color, QPainterPath()).addPath(shape_path(shape_of(row)))
            self._bounds = self._bounds.united(rect)
        self._boxes = [(_pen(color), rects) for color, rects in boxes.items()]
        self._others = [(_pen(color), path) for color, path in others.items()]
        self.setZValue(1)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        for pen, rects in self._boxes:
            painter.setPen(on_screen(pen, painter))
            painter.drawRects(rects)
        for pen, path in self._others:
            painter.setPen(on_screen(pen, painter))
            painter.drawPath(path)


def _pen(color: str) -> QPen:
    pen = QPen(QColor(color), 1)
    pen.setCosmetic(True)
    return pen
