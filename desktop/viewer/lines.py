"""Crosshair and reference lines over a slice, in the colours of the planes they belong to."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from desktop.model.layout import Pane
from desktop.model.plane_state import PlaneState
from desktop.model.session import ViewerModels

PANE_COLORS = {
    Pane.AXIAL: QColor("#ff6b6b"),
    Pane.CORONAL: QColor("#51cf66"),
    Pane.SAGITTAL: QColor("#fcc419"),
    Pane.PRIOR: QColor("#b197fc"),
    Pane.VOLUME: QColor("#74c0fc"),
}
_GAP = 14.0


def paint_lines(
    painter: QPainter, models: ViewerModels, state: PlaneState, to_screen: Callable[[float, float], QPointF]
) -> None:
    """Where the other views on screen cut this one, and the crosshair's place. Paints in screen coordinates.

    to_screen : from pixels of the slice to the viewport.
    """
    crosshair, layout = models.crosshair, models.layout
    if not crosshair.shown or state.volume is None:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pixel = crosshair.pixel(state)
    center = None if pixel is None else to_screen(*pixel)
    others = [pane for pane in layout.panes if layout.state_of(pane) not in (None, state)]
    for pane in others:
        other = layout.state_of(pane)
        line = None if other is None else crosshair.line(state, other)
        if line is not None:
            pen = QPen(PANE_COLORS[pane], 1.2)
            pen.setStyle(Qt.PenStyle.SolidLine if pane is not Pane.PRIOR else Qt.PenStyle.DashLine)
            painter.setPen(pen)
            _with_gap(painter, to_screen(*line[0]), to_screen(*line[1]), center)
    if center is not None and not others:
        # One view alone: the place is marked, without lines across the picture.
        painter.setPen(QPen(QColor(255, 255, 255, 150), 1.2))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start = center + QPointF(dx * 5, dy * 5)
            painter.drawLine(start, start + QPointF(dx * 9, dy * 9))


def _with_gap(painter: QPainter, start: QPointF, end: QPointF, center: QPointF | None) -> None:
    """A line that leaves the crosshair's place itself free to be seen."""
    along = end - start
    length = (along.x() ** 2 + along.y() ** 2) ** 0.5
    if length == 0:
        return
    unit = along / length
    if center is None:
        painter.drawLine(start, end)
        return
    at = QPointF.dotProduct(center - start, unit)
    off = center - (start + unit * at)
    if off.x() ** 2 + off.y() ** 2 > _GAP**2:
        painter.drawLine(start, end)
        return
    if at - _GAP > 0:
        painter.drawLine(start, start + unit * min(at - _GAP, length))
    if at + _GAP < length:
        painter.drawLine(start + unit * max(at + _GAP, 0.0), end)
