"""The right side of the window: the regions of the slice, or questions about it."""

from __future__ import annotations

from PySide6.QtWidgets import QSplitter, QWidget

from desktop.panels.ask_panel import AskPanel
from desktop.panels.regions_panel import RegionsPanel
from desktop.panels.switched_side import SwitchedSide

_ROOM_TO_READ = 340
"""Pixels of width: sentences need longer lines than names."""


class RightSide(SwitchedSide):
    """0 shows the regions, 1 the questions."""

    def __init__(self, regions: RegionsPanel, questions: AskPanel, parent: QWidget | None = None) -> None:
        super().__init__((regions, questions), parent)
        self._regions = regions
        self._questions = questions
        self._retranslate()

    def show_panel(self, number: int) -> None:
        """Show a panel, with room to read."""
        super().show_panel(number)
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
