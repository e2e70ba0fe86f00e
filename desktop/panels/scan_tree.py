"""The study browser's tree as a widget: its keys, and the arrows before what can be unfolded."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import QAbstractItemView, QTreeView

from desktop.panels.chevron import draw_chevron


class ScanTree(QTreeView):
    """left : Escape. entered_row : Enter on a row."""

    left = Signal()
    entered_row = Signal(QModelIndex)

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.setIndentation(14)
        self.setExpandsOnDoubleClick(False)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def drawBranches(self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex) -> None:
        # Qt's own arrow of a chosen row is white, on a row that is light in the light theme.
        if not self.model().hasChildren(index):
            return
        center = QPointF(rect.right() - self.indentation() / 2 + 1, rect.center().y())
        color = self.palette().color(QPalette.ColorRole.Text)
        color.setAlphaF(0.7)
        draw_chevron(painter, center, color, quarter_turns=0 if self.isExpanded(index) else 3)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.entered_row.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
