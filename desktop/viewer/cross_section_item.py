"""Regions of the other planes on a slice: thin outlines in their colours, to be seen and clicked, not changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from desktop.model.crossings import Crossing
from desktop.model.label_colors import LabelColors
from desktop.viewer.outline_item import on_screen
from desktop.viewer.region_item import region_color

_ALPHA = 190


class CrossSectionItem(QGraphicsItem):
    """All of a slice as one item: hundreds of them must not slow it down."""

    def __init__(self) -> None:
        super().__init__()
        self._paths: list[tuple[QPen, QPainterPath]] = []
        self._places: list[tuple[Crossing, QPainterPath]] = []
        self._bounds = QRectF()
        # Under the slice's own regions.
        self.setZValue(0.8)

    def show_crossings(self, crossings: Sequence[Crossing], colors: LabelColors) -> None:
        """Show these, or nothing."""
        self.prepareGeometryChange()
        by_color: dict[str, QPainterPath] = {}
        self._places = []
        for crossing in crossings:
            path = QPainterPath()
            for ring in crossing.rings:
                path.addPolygon(QPolygonF([QPointF(x, y) for x, y in ring.tolist()]))
                path.closeSubpath()
            self._places.append((crossing, path))
            row = crossing.structure.row
            by_color.setdefault(region_color(row, colors.of(row.label)).name(), QPainterPath()).addPath(path)
        self._paths = [(_pen(color), path) for color, path in by_color.items()]
        self._bounds = QRectF()
        for _, path in self._paths:
            self._bounds = self._bounds.united(path.boundingRect())
        self.update()

    def at(self, point: QPointF) -> Crossing | None:
        """The smallest cut under a place."""
        hit = [(crossing, path) for crossing, path in self._places if path.contains(point)]
        if not hit:
            return None
        return min(hit, key=lambda one: one[1].boundingRect().width() * one[1].boundingRect().height())[0]

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen, path in self._paths:
            painter.setPen(on_screen(pen, painter))
            painter.drawPath(path)


def _pen(color: str) -> QPen:
    line = QColor(color)
    line.setAlpha(_ALPHA)
    pen = QPen(line, 1)
    pen.setCosmetic(True)
    return pen
