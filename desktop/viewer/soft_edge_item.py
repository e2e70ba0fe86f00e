"""Where the sides of a suggested box may lie: a band along each, fading from the side outwards and inwards."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QGraphicsPathItem

from engine.regions import Box

Spread = tuple[float, float, float, float]

_LAYERS = 6
# All layers together darken the side by a quarter: what lies under the band must stay readable.
_ALPHA = 11
# Thinner than the dashed line itself it would be seen as dirt.
_LEAST = 0.75


class SoftEdgeItem(QGraphicsPathItem):
    """One standard deviation to both sides of each side of a box; clicks go through it.

    spread : of left, top, right and bottom, in pixels of the slice.
    """

    def __init__(self, box: Box, spread: Spread, color: QColor, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setPen(Qt.PenStyle.NoPen)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemStacksBehindParent)
        self._layers: list[QGraphicsPathItem] = []
        brush = QBrush(QColor(color.red(), color.green(), color.blue(), _ALPHA))
        for layer in range(1, _LAYERS + 1):
            part = layer / _LAYERS
            path = QPainterPath()
            path.addRect(_moved(box, spread, part))
            path.addRect(_moved(box, spread, -part))
            # Odd-even, the default: what lies between the two is filled, and most layers lie at the side itself.
            one = QGraphicsPathItem(path, self)
            one.setPen(Qt.PenStyle.NoPen)
            one.setBrush(brush)
            one.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
            self._layers.append(one)


def is_soft(spread: Spread | None) -> bool:
    """Whether there is anything to be seen of it."""
    return spread is not None and max(spread) > _LEAST


def _moved(box: Box, spread: Spread, part: float) -> QRectF:
    """The box with each side moved out by a part of its spread, or in, no further than to the middle."""
    left, top, right, bottom = (part * one for one in spread)
    middle_x, middle_y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
    x1, x2 = min(box.x1 - left, middle_x), max(box.x2 + right, middle_x)
    y1, y2 = min(box.y1 - top, middle_y), max(box.y2 + bottom, middle_y)
    return QRectF(x1, y1, x2 - x1, y2 - y1)
