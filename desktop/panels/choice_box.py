"""A choice with an arrow: the theme's own boxes have none, and look like fields to type in."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QComboBox

from desktop.panels.chevron import draw_chevron

_ARROW_FROM_RIGHT = 13.0


class ChoiceBox(QComboBox):
    """As wide as there is room; what has no room is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        group = QPalette.ColorGroup.Normal if self.isEnabled() else QPalette.ColorGroup.Disabled
        painter = QPainter(self)
        center = QPointF(self.width() - _ARROW_FROM_RIGHT, self.height() / 2)
        draw_chevron(painter, center, self.palette().color(group, QPalette.ColorRole.Text))
        painter.end()
