"""The right side of the window: the regions of the slice, or questions about it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.ask_panel import AskPanel
from desktop.panels.regions_panel import RegionsPanel

_ROOM_TO_READ = 340
"""Pixels of width: sentences need longer lines than names."""


class RightSide(QWidget):
    """Shows one of two panels, chosen above them."""

    def __init__(self, regions: RegionsPanel, questions: AskPanel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._regions = regions
        self._questions = questions
        self._group = QButtonGroup(self)
        self._stack = QStackedWidget()
        row = QHBoxLayout()
        row.setContentsMargins(8, 8, 8, 0)
        row.setSpacing(4)
        self.buttons: list[QToolButton] = []
        panels: tuple[QWidget, ...] = (regions, questions)
        for panel in panels:
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
    def current(self) -> int:
        """Which panel is shown."""
        return self._stack.currentIndex()

    def show_panel(self, number: int) -> None:
        """0 for the regions, 1 for the questions."""
        self.buttons[number].setChecked(True)
        self._stack.setCurrentIndex(number)
        splitter = self.parentWidget()
        if number == 1 and self.width() < _ROOM_TO_READ and isinstance(splitter, QSplitter):
            *others, middle, right = splitter.sizes()
            splitter.setSizes([*others, middle + right - _ROOM_TO_READ, _ROOM_TO_READ])

    def find_by_name(self) -> None:
        """Begin typing a name to look for."""
        self.show_panel(0)
        self._regions.focus_find()

    def walk_regions(self) -> None:
        """Walk through the regions with the keyboard."""
        self.show_panel(0)
        self._regions.focus_list()

    def ask(self) -> None:
        """Begin a question about the slice."""
        self.show_panel(1)
        self._questions.focus_form()

    def _retranslate(self) -> None:
        for button, text in zip(self.buttons, (self.tr("Regions"), self.tr("Ask and report")), strict=True):
            button.setText(text)
        self.buttons[0].setToolTip(self.tr("Find, labels, and the regions of this slice"))
        self.buttons[1].setToolTip(self.tr("Questions about the whole slice, reports, diagnoses (Ctrl+E)"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
