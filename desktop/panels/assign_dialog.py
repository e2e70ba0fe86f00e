"""Giving scans to readers: who reads first, and who reads blind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.task_words import TaskWords
from engine.store import TaskRow

_READINGS = 5


class AssignDialog(QDialog):
    """Stays open while something is wrong, and says what. assign : returns what went wrong, "" for nothing."""

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        given: Sequence[TaskRow],
        assign: Callable[[Sequence[tuple[str, int]]], str],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Assign"))
        self._assign = assign
        self._words = TaskWords(self)
        self.choices: dict[str, QComboBox] = {}
        heading = QLabel(title)
        heading.setObjectName("panelTitle")
        heading.setTextFormat(Qt.TextFormat.PlainText)
        heading.setWordWrap(True)
        body = QWidget()
        self._grid = QGridLayout(body)
        self._grid.setColumnStretch(1, 1)
        self._taken = {task.annotator: task for task in given}
        for name in [*names, *(one for one in self._taken if one not in names)]:
            self._add_row(name)
        area = QScrollArea()
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("Another reader's name"))
        self._add = QPushButton(self.tr("Add"))
        self._add.setAutoDefault(False)
        self._add.clicked.connect(self._add_reader)
        row = QHBoxLayout()
        row.addWidget(self.name, 1)
        row.addWidget(self._add)
        self.message = QLabel()
        self.message.setObjectName("readOnly")
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.hide()
        hint = QLabel(
            self.tr("No reader sees another's regions until all have submitted; blind readers not the model's either.")
        )
        hint.setObjectName("hint")
        hint.setWordWrap(True)
        self.box = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = self.box.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setText(self.tr("Assign"))
        self.box.accepted.connect(self._take)
        self.box.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(heading)
        layout.addWidget(area, 1)
        layout.addLayout(row)
        for widget in (hint, self.message, self.box):
            layout.addWidget(widget)
        self.resize(460, min(320 + 40 * len(self.choices), 640))

    def _add_row(self, name: str) -> None:
        label = QLabel(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        number = self._grid.rowCount()
        self._grid.addWidget(label, number, 0)
        task = self._taken.get(name)
        if task is not None:
            done = QLabel(f"{self._words.reading(task.reading)} · {self._words.state(task.state)}")
            done.setObjectName("hint")
            self._grid.addWidget(done, number, 1)
            return
        choice = QComboBox()
        choice.setAccessibleName(name)
        choice.addItem(self.tr("does not read it"), 0)
        free = set(range(1, _READINGS + 1)) - {one.reading for one in self._taken.values()}
        for reading in sorted(free):
            choice.addItem(self._words.reading(reading), reading)
        self.choices[name] = choice
        self._grid.addWidget(choice, number, 1)
        label.setBuddy(choice)

    def _add_reader(self) -> None:
        name = self.name.text().strip()
        if name and name not in self.choices and name not in self._taken:
            self._add_row(name)
            # Added to read it, most likely as the next reader.
            taken = {choice.currentData() for choice in self.choices.values()}
            choice = self.choices[name]
            free = [place for place in range(1, choice.count()) if choice.itemData(place) not in taken]
            choice.setCurrentIndex(free[0] if free else 0)
        self.name.clear()
        self.choices[name].setFocus() if name in self.choices else self.name.setFocus()

    def _take(self) -> None:
        if self.name.text().strip():
            # Enter in the field of names ends there.
            self._add_reader()
            return
        readers = [(name, choice.currentData()) for name, choice in self.choices.items() if choice.currentData()]
        message = self._assign(readers) if readers else self.tr("Choose who reads it")
        if message:
            self.message.setText(message)
            self.message.show()
        else:
            self.accept()
