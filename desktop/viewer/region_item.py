"""One region on the slice: its outline, and its name beside it at screen size."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPen

from desktop.viewer.outline_item import OutlineItem
from desktop.viewer.shape_path import is_filled, shape_path
from desktop.viewer.soft_edge_item import SoftEdgeItem, Spread, is_soft
from desktop.viewer.tag_item import TagItem
from engine.regions import Shape
from engine.store import DECIDED_STATES, RegionRow

DECIDED_COLOR = QColor("#4ade80")
OPEN_COLOR = QColor("#ffd400")
_FILL_ALPHA = 60
_BETWEEN_ALPHA = 150
_HINT_ALPHA = 70


def region_color(row: RegionRow, label_color: QColor | None) -> QColor:
    """Of a region that waits for a decision, or of its label once it is decided."""
    if row.state not in DECIDED_STATES:
        return OPEN_COLOR
    return label_color or DECIDED_COLOR


class RegionItem(OutlineItem):
    """Solid when a person has decided, dashed until then, dotted between key slices; thick when selected.

    spread : of a box as the model wrote it, how sure it was of each side in pixels; drawn as a soft edge.
    within : the slice, which that edge does not leave.
    """

    def __init__(
        self,
        row: RegionRow,
        shape: Shape,
        tag: str,
        color: QColor,
        *,
        selected: bool,
        spread: Spread | None = None,
        within: QRectF | None = None,
    ) -> None:
        super().__init__()
        self.root_id = row.root_id
        self._color = color
        self._filled = is_filled(shape)
        self._selected = selected
        self._hinted = False
        decided = row.state in DECIDED_STATES
        line = QColor(color)
        if not row.is_key:
            line.setAlpha(_BETWEEN_ALPHA)
        pen = QPen(line, 3 if selected else 1.6)
        pen.setCosmetic(True)
        solid = Qt.PenStyle.SolidLine if row.is_key else Qt.PenStyle.DotLine
        pen.setStyle(solid if decided else Qt.PenStyle.DashLine)
        self.setPen(pen)
        self._fill()
        self.setZValue(2 if selected else 1)
        self._bounds = QRectF()
        self._tag: TagItem | None = None
        self._written = shape
        self._soft: SoftEdgeItem | None = None
        if spread is not None and is_soft(spread):
            self._soft = SoftEdgeItem(shape.bounds, spread, color, self, within)
        if tag:
            self._tag = TagItem(tag, color, QPointF(0, 0), QPointF(4, -22), self)
        self.show_shape(shape)

    def show_shape(self, shape: Shape) -> None:
        """Another place for it, while it is being dragged."""
        self.setPath(shape_path(shape))
        box = shape.bounds
        if self._soft is not None:
            # What a person makes of the box is theirs, and sure.
            self._soft.setVisible(shape == self._written)
        self._bounds = QRectF(QPointF(box.x1, box.y1), QPointF(box.x2, box.y2))
        if self._tag is not None:
            # Above it.
            self._tag.setPos(self._bounds.topLeft())

    def set_hinted(self, hinted: bool) -> None:
        """Fill it while a sentence points at it; a fill is seen whatever lines cross it."""
        if hinted == self._hinted:
            return
        self._hinted = hinted
        self._fill()
        pen = self.pen()
        pen.setWidthF(3 if self._selected or hinted else 1.6)
        self.setPen(pen)

    def _fill(self) -> None:
        if not self._hinted and not self._filled:
            self.setBrush(QBrush(Qt.BrushStyle.NoBrush))
            return
        fill = QColor(self._color)
        fill.setAlpha(_HINT_ALPHA if self._hinted else _FILL_ALPHA)
        self.setBrush(QBrush(fill))

    def rect(self) -> QRectF:
        """The box round it, in scene coordinates."""
        return self._bounds
