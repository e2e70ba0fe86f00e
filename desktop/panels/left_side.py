"""The left side of the window: scans or tasks."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from desktop.panels.switched_side import SwitchedSide


class LeftSide(SwitchedSide):
    """0 shows the scans, 1 the tasks."""

    def __init__(self, scans: QWidget, tasks: QWidget, parent: QWidget | None = None) -> None:
        super().__init__((scans, tasks), parent)
        self._count = 0
        self._retranslate()

    @property
    def shows_tasks(self) -> bool:
        """Whether the tasks are on screen."""
        return self.current == 1

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
