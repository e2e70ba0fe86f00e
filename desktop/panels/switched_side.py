"""A side of the window that shows one of several panels, chosen above them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget


class SwitchedSide(QWidget):
    """buttons : one a panel, in their order; `_retranslate` gives them their texts.

    focus : how the buttons get it; a window's are passed over, in a dialog everything is reached with Tab.
    """

    def __init__(
        self,
        panels: Sequence[QWidget],
        parent: QWidget | None = None,
        *,
        focus: Qt.FocusPolicy = Qt.FocusPolicy.NoFocus,
    ) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._stack = QStackedWidget()
        row = QHBoxLayout()
        row.setContentsMargins(8, 8, 8, 0)
        row.setSpacing(4)
        self.buttons: list[QToolButton] = []
        for panel in panels:
            button = QToolButton()
            button.setObjectName("sideButton")
            button.setCheckable(True)
            button.setFocusPolicy(focus)
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

    @property
    def current(self) -> int:
        """Which panel is shown."""
        return self._stack.currentIndex()

    def show_panel(self, number: int) -> None:
        """Show a panel, by its place."""
        self.buttons[number].setChecked(True)
        self._stack.setCurrentIndex(number)

    def _retranslate(self) -> None:
        raise NotImplementedError

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
