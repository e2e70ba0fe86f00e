"""One region on the slice: its box, and its name beside it at screen size."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QGraphicsRectItem

from desktop.viewer.tag_item import TagItem
from engine.store import DECIDED_STATES, RegionRow

DECIDED_COLOR = QColor("#4ade80")
OPEN_COLOR = QColor("#ffd400")


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
            # Above the box.
            TagItem(tag, color, QPointF(box.x1, box.y1), QPointF(4, -22), self)
