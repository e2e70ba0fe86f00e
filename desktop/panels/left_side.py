"""The left side of the window: scans or tasks."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget


class LeftSide(QWidget):
    """Shows one of two panels, chosen above them."""

    def __init__(self, scans: QWidget, tasks: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._group = QButtonGroup(self)
        self._stack = QStackedWidget()
        row = QHBoxLayout()
        row.setContentsMargins(8, 8, 8, 0)
        row.setSpacing(4)
        self.buttons: list[QToolButton] = []
        for panel in (scans, tasks):
            button = QToolButton()
            button.setObjectName("sideButton")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._group.addButton(button, len(self.buttons))
            self.buttons.append(button)
            row.addWidget(button)
            self._stack.addWidget(panel)
        row.addStretch(1)
        self._group.idClicked.connect(self.show_panel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self._stack, 1)
        self.buttons[0].setChecked(True)
        self._retranslate()

    @property
    def shows_tasks(self) -> bool:
        """Whether the tasks are on screen."""
        return self._stack.currentIndex() == 1

    def show_panel(self, number: int) -> None:
        """0 for the scans, 1 for the tasks."""
        self.buttons[number].setChecked(True)
        self._stack.setCurrentIndex(number)

    def toggle(self) -> None:
        """The other panel; it has the keys."""
        self.show_panel(0 if self.shows_tasks else 1)
        panel = self._stack.currentWidget()
        if panel is not None:
            panel.setFocus()

    def set_open_count(self, count: int) -> None:
        """How many tasks there are to do."""
        self._count = count
        self._retranslate()

    def _retranslate(self) -> None:
        self.buttons[0].setText(self.tr("Scans"))
        tasks = self.tr("Tasks")
        self.buttons[1].setText(f"{tasks} · {self._count}" if self._count else tasks)
        for button in self.buttons:
            button.setToolTip(self.tr("Scans or tasks (Ctrl+T)"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
