"""A field to look for a name in, with what fits under it: for dialogs."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidgetItem, QVBoxLayout, QWidget

from desktop.model.labels import LabelsModel
from desktop.panels.label_rows import LabelRows, match_row
from engine.labels import plain_choice
from engine.regions import Label

_SHOWN = 60


class LabelSearch(QWidget):
    """chosen : a label, by Enter or a click. Enter takes none that is not plainly named."""

    chosen = Signal(object)

    def __init__(self, labels: LabelsModel, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels = labels
        self._language = language
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(self.tr("Name in either language, or pinyin …"))
        self.edit.textChanged.connect(self._fill)
        self.edit.installEventFilter(self)
        self.rows = LabelRows()
        self.rows.itemClicked.connect(self._clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit)
        layout.addWidget(self.rows, 1)
        self.setFocusProxy(self.edit)
        self._fill("")

    @property
    def label(self) -> Label | None:
        """What is chosen in the list."""
        row = self.rows.chosen
        return None if row is None else row.label

    def _fill(self, text: str) -> None:
        matches = self._labels.search(text)
        self.rows.clear()
        for match in matches[:_SHOWN]:
            self.rows.add(match_row(match, self._language))
        plain = plain_choice(matches, text)
        self.rows.setCurrentRow(-1 if plain is None or plain >= _SHOWN else plain)

    def _clicked(self, item: QListWidgetItem) -> None:
        self.rows.setCurrentItem(item)
        self._take()

    def _take(self) -> None:
        if self.label is not None:
            self.chosen.emit(self.label)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.edit and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = event.key()
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take()
                return True
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self.rows.choose(1 if key == Qt.Key.Key_Down else -1)
                return True
        return False
