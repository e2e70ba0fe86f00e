"""Another name for every region of this scan that has the selected region's."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.model.labels import LabelsModel
from desktop.model.relabelling import RelabellingModel
from desktop.panels.label_search import LabelSearch
from engine.regions import Label


class ChangeLabelDialog(QDialog):
    """Says how many there are before anything changes. Choosing a name makes the change."""

    def __init__(
        self, label: Label, labels: LabelsModel, relabelling: RelabellingModel, language: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Change a label everywhere"))
        self._labels = labels
        self._relabelling = relabelling
        self._found = relabelling.find(label)
        count, locked = len(self._found.free), self._found.locked
        text = self.tr("Regions of this scan named {1}: {0}").format(count, label.name(language) or label.en)
        if locked:
            text += " · " + self.tr("locked, and stay as they are: {0}").format(locked)
        self.counted = QLabel(text)
        self.counted.setTextFormat(Qt.TextFormat.PlainText)
        self.counted.setWordWrap(True)
        self.search = LabelSearch(labels, language)
        self.search.setEnabled(count > 0)
        self.search.chosen.connect(self._change)
        self.search.rows.currentRowChanged.connect(lambda _: self._follow())
        buttons = QDialogButtonBox()
        self._apply = QPushButton(self.tr("Change all {0}").format(count))
        # Enter belongs to the field: it takes only what is plainly named.
        self._apply.setAutoDefault(False)
        cancel = QPushButton(self.tr("Cancel"))
        cancel.setAutoDefault(False)
        buttons.addButton(self._apply, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        self._apply.clicked.connect(lambda: self._change(self.search.label))
        cancel.clicked.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.counted)
        layout.addWidget(QLabel(self.tr("New name for all of them:")))
        layout.addWidget(self.search, 1)
        layout.addWidget(buttons)
        self.resize(420, 460)
        self.search.setFocus()
        self._follow()

    def _follow(self) -> None:
        self._apply.setEnabled(bool(self._found.free) and self.search.label is not None)

    def _change(self, label: Label | None) -> None:
        if label is not None:
            self._relabelling.change(self._found, label)
            self._labels.used(label)
            self.accept()
