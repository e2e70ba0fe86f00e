"""Copies or saves what the active view shows."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from desktop.viewer.snapshot import snapshot
from desktop.viewer.view_grid import ViewGrid
from desktop.viewer_actions import ViewerActions


class PictureTaker(QObject):
    """said : what came of it, for the person."""

    said = Signal(str)

    def __init__(self, grid: ViewGrid, actions: ViewerActions, parent: QObject) -> None:
        super().__init__(parent)
        self._grid = grid
        actions.copy_wanted.connect(self.copy)
        actions.save_wanted.connect(self.save)

    def _picture(self) -> QImage:
        return snapshot(self._grid.active_view, self.tr("Not for diagnostic use"))

    def copy(self) -> None:
        """Put it on the clipboard."""
        QGuiApplication.clipboard().setImage(self._picture())
        self.said.emit(self.tr("The view is on the clipboard"))

    def save(self) -> None:
        """Ask for a name and write it there."""
        title = self.tr("Save the view as a picture")
        name, _ = QFileDialog.getSaveFileName(self._grid, title, "view.png", "PNG (*.png)")
        if not name:
            return
        saved = self._picture().save(name)
        text = self.tr("Saved as {0}") if saved else self.tr("{0} cannot be written")
        self.said.emit(text.format(name))
