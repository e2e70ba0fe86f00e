"""Copies or saves what the active view shows."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QIODevice, QObject, QSaveFile, QStandardPaths, Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter
from PySide6.QtWidgets import QFileDialog

from desktop.viewer.snapshot import snapshot
from desktop.viewer.view_grid import ViewGrid
from desktop.viewer_actions import ViewerActions

# Without anything of the scan in it: titles and file names may be a patient's name.
_NAME = "view"
_SUFFIX = "png"


class PictureTaker(QObject):
    """said : what came of it, for the person. failed : what could not be written, and why."""

    said = Signal(str)
    failed = Signal(str)

    def __init__(self, grid: ViewGrid, actions: ViewerActions, parent: QObject) -> None:
        super().__init__(parent)
        self._grid = grid
        pictures = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation))
        self._folder = pictures if pictures.is_dir() else Path.home()
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
        # As the view is now: it may go on playing while a name is chosen.
        picture = self._picture()
        dialog = QFileDialog(self._grid, self.tr("Save the view as a picture"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(f"PNG (*.{_SUFFIX})")
        dialog.setDefaultSuffix(_SUFFIX)
        # Qt's own words for these are English in every language.
        dialog.setLabelText(QFileDialog.DialogLabel.LookIn, self.tr("Folder:"))
        dialog.setLabelText(QFileDialog.DialogLabel.FileType, self.tr("Kind:"))
        dialog.setDirectory(str(self._folder))
        dialog.selectFile(self._free_name())
        dialog.fileSelected.connect(lambda name: self._write(picture, Path(name)))
        dialog.open()

    def _free_name(self) -> str:
        """A name that nothing has yet, so that many pictures are saved one after another."""
        number = 1
        while (self._folder / (name := f"{_NAME}{number}.{_SUFFIX}")).exists():
            number += 1
        return name

    def _write(self, picture: QImage, path: Path) -> None:
        file = QSaveFile(str(path))
        # Half a picture never stands under its name.
        if (
            file.open(QIODevice.OpenModeFlag.WriteOnly)
            and QImageWriter(file, _SUFFIX.encode()).write(picture)
            and file.commit()
        ):
            self._folder = path.parent
            self.said.emit(self.tr("Saved as {0}").format(path))
        else:
            self.failed.emit(self.tr("{0} cannot be written: {1}").format(path, file.errorString()))
