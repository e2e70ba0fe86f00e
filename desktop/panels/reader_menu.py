"""The choice of who is at work."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from desktop.model.reader import ReaderModel


class ReaderMenu(QMenu):
    """The annotators, and one to add. Under Settings and in the status line. chosen : another one is at work."""

    chosen = Signal()

    def __init__(self, reader: ReaderModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._reader = reader
        self._group: QActionGroup | None = None
        self.aboutToShow.connect(self.fill)
        reader.changed.connect(self.fill)
        reader.changed.connect(self.chosen)
        self.fill()

    @property
    def name(self) -> str:
        """Who is at work."""
        return self._reader.name

    def fill(self) -> None:
        """List who there is."""
        self.clear()
        self.setTitle(self.tr("Reader"))
        self._group = QActionGroup(self)
        for name in self._reader.names:
            # An ampersand in a name is no key.
            action = self.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(name == self._reader.name)
            action.triggered.connect(lambda _=False, name=name: self._reader.choose(name))
            self._group.addAction(action)
        self.addSeparator()
        self.addAction(self.tr("Add a reader …")).triggered.connect(self.ask_name)

    def ask_name(self) -> None:
        """Ask for a name, without stopping what goes on."""
        dialog = QInputDialog(self.parentWidget())
        dialog.setWindowTitle(self.tr("Add a reader"))
        dialog.setLabelText(self.tr("Name under which regions are kept:"))
        dialog.textValueSelected.connect(self._add)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _add(self, name: str) -> None:
        if name.strip():
            self._reader.add(name)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.fill()
