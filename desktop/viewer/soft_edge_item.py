"""Where the sides of a suggested box may lie: a band along each, fading from the side outwards and inwards."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QLinearGradient, QPainter, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from engine.regions import Box

Spread = tuple[float, float, float, float]

# At the side itself, of 255: what lies under the band must stay readable, the more so the wider it is.
_ALPHA, _LEAST_ALPHA = 72, 24
_WIDE = 0.25
"""Of the box's longer side: a wider band is paler, as what it says is spread thinner."""
_STEPS = 8
# Thinner than the dashed line itself it would be seen as dirt.
_LEAST = 0.75


class SoftEdgeItem(QGraphicsItem):
    """One standard deviation to both sides of each side of a box; clicks go through it.

    spread : of left, top, right and bottom, in pixels of the slice. within : the slice, beyond which no side can be;
    None for no bounds.
    """

    def __init__(
        self, box: Box, spread: Spread, color: QColor, parent: QGraphicsItem, within: QRectF | None = None
    ) -> None:
        super().__init__(parent)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemStacksBehindParent)
        left, top, right, bottom = spread
        self._outer = QRectF(QPointF(box.x1 - left, box.y1 - top), QPointF(box.x2 + right, box.y2 + bottom))
        # Inwards no further than to the middle.
        half_x, half_y = (box.x2 - box.x1) / 2, (box.y2 - box.y1) / 2
        inner = QRectF(
            QPointF(box.x1 + min(left, half_x), box.y1 + min(top, half_y)),
            QPointF(box.x2 - min(right, half_x), box.y2 - min(bottom, half_y)),
        )
        side = QRectF(QPointF(box.x1, box.y1), QPointF(box.x2, box.y2))
        thin = min(1.0, _WIDE * max(side.width(), side.height()) / max(max(spread), 1e-6))
        self._shown = self._outer if within is None else self._outer & within
        self._bands = _bands(self._outer, side, inner, color, max(_LEAST_ALPHA, _ALPHA * thin))

    def boundingRect(self) -> QRectF:
        return self._shown

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.save()
        painter.setClipRect(self._shown, Qt.ClipOperation.IntersectClip)
        # Neighbouring bands would show a seam.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        for polygon, brush in self._bands:
            painter.setBrush(brush)
            painter.drawPolygon(polygon)
        painter.restore()


def is_soft(spread: Spread | None) -> bool:
    """Whether there is anything to be seen of it."""
    return spread is not None and max(spread) > _LEAST


def _bands(outer: QRectF, side: QRectF, inner: QRectF, color: QColor, alpha: float) -> list[tuple[QPolygonF, QBrush]]:
    """For each side a band outwards and one inwards. They meet in mitres, where their gradients are alike."""
    bands = []
    for other in (outer, inner):
        for first, second, start, end in (
            ("topLeft", "topRight", QPointF(0, side.top()), QPointF(0, other.top())),
            ("topRight", "bottomRight", QPointF(side.right(), 0), QPointF(other.right(), 0)),
            ("bottomRight", "bottomLeft", QPointF(0, side.bottom()), QPointF(0, other.bottom())),
            ("bottomLeft", "topLeft", QPointF(side.left(), 0), QPointF(other.left(), 0)),
        ):
            if start == end:
                continue
            corners = [getattr(side, first)(), getattr(side, second)()]
            corners += [getattr(other, second)(), getattr(other, first)()]
            gradient = QLinearGradient(start, end)
            for step in range(_STEPS + 1):
                part = step / _STEPS
                gradient.setColorAt(part, QColor(color.red(), color.green(), color.blue(), round(alpha * _fade(part))))
            bands.append((QPolygonF(corners), QBrush(gradient)))
    return bands


def _fade(part: float) -> float:
    """A bell from 1 at the side to 0 at one standard deviation, where it must not end in a line."""
    least = math.exp(-2.0)
    return (math.exp(-2.0 * part * part) - least) / (1 - least)
