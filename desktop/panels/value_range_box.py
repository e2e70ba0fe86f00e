"""Which values the brush paints: all, or those from one to another."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QDoubleSpinBox, QVBoxLayout, QWidget

from desktop.model.tools import Tool, ToolModel
from desktop.model.viewing import ViewingModel

_WIDTH = 58


class ValueRangeBox(QWidget):
    """Two numbers one above the other, so that it fits the narrow bar; off until it is ticked."""

    def __init__(self, tools: ToolModel, viewing: ViewingModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = tools
        self._viewing = viewing
        self.limited = QCheckBox()
        self.limited.toggled.connect(self._limit)
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 4, 2, 4)
        column.setSpacing(3)
        column.addWidget(self.limited)
        # The larger one on top, as on a scale.
        for field in (self.high, self.low):
            field.setDecimals(0)
            field.setRange(-1e6, 1e6)
            field.setFixedWidth(_WIDTH)
            field.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
            field.setKeyboardTracking(False)
            field.valueChanged.connect(self._set)
            field.hide()
            column.addWidget(field)
        viewing.opened.connect(lambda: self.limited.setChecked(False))
        self._retranslate()

    @staticmethod
    def is_for(tool: Tool) -> bool:
        """Whether a tool heeds it."""
        return tool in (Tool.BRUSH, Tool.ERASER)

    def _limit(self, on: bool) -> None:
        window = self._viewing.window
        if on and window is not None:
            # What is seen as grey, neither black nor white.
            for field, value in ((self.low, -1.0), (self.high, 1.0)):
                field.blockSignals(True)
                field.setValue(window.center + value * window.width / 2)
                field.blockSignals(False)
        for field in (self.low, self.high):
            field.setVisible(on)
        self._set()

    def _set(self) -> None:
        low, high = sorted((self.low.value(), self.high.value()))
        self._tools.set_value_range((low, high) if self.limited.isChecked() else None)

    def _retranslate(self) -> None:
        self.limited.setText(self.tr("Values"))
        self.limited.setToolTip(self.tr("Paint and erase only pixels whose value lies between these two"))
        self.low.setToolTip(self.tr("Lowest value that is painted"))
        self.high.setToolTip(self.tr("Highest value that is painted"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
