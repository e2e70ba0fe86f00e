"""Which values the brush paints: all, or those from one to another."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.tools import Tool, ToolModel
from desktop.model.viewing import ViewingModel
from desktop.viewer.icons import icon


class ValueRangeBox(QWidget):
    """A button as narrow as the bar it stands in, with the limits below it while there are any; a click asks for them.

    limited : off until it is ticked, and for each scan anew.
    """

    def __init__(self, tools: ToolModel, viewing: ViewingModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = tools
        self._viewing = viewing
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.clicked.connect(self._ask)
        self._limits = QLabel()
        self._limits.setObjectName("brushWidth")
        self._limits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.button)
        column.addWidget(self._limits)
        self._make_fields()
        viewing.opened.connect(lambda: self.limited.setChecked(False))
        self._retranslate()
        self.retheme()
        self._show()

    def _make_fields(self) -> None:
        self.fields = QWidget(self, Qt.WindowType.Popup)
        self.fields.setObjectName("popup")
        self.limited = QCheckBox()
        self.limited.toggled.connect(self._limit)
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        self._low_name, self._high_name = QLabel(), QLabel()
        form = QFormLayout(self.fields)
        form.addRow(self.limited)
        for name, field in ((self._low_name, self.low), (self._high_name, self.high)):
            field.setDecimals(0)
            field.setRange(-1e6, 1e6)
            field.setMinimumWidth(90)
            field.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
            field.setKeyboardTracking(False)
            field.valueChanged.connect(self._set)
            form.addRow(name, field)

    @staticmethod
    def is_for(tool: Tool) -> bool:
        """Whether a tool heeds it."""
        return tool in (Tool.BRUSH, Tool.ERASER)

    def retheme(self) -> None:
        """Draw the icon in the theme's colour."""
        self.button.setIcon(icon("values", self.palette()))

    def _ask(self) -> None:
        self.fields.adjustSize()
        self.fields.move(self.button.mapToGlobal(self.button.rect().topRight()))
        self.fields.show()
        self.limited.setFocus()
        # The click has turned it over; it says whether there are limits.
        self._show()

    def _limit(self, on: bool) -> None:
        window = self._viewing.window
        if on and window is not None:
            # What is seen as grey, neither black nor white.
            for field, value in ((self.low, -1.0), (self.high, 1.0)):
                field.blockSignals(True)
                field.setValue(window.center + value * window.width / 2)
                field.blockSignals(False)
        self._set()

    def _set(self) -> None:
        low, high = sorted((self.low.value(), self.high.value()))
        self._tools.set_value_range((low, high) if self.limited.isChecked() else None)
        self._show()

    def _show(self) -> None:
        limits = self._tools.value_range
        self.button.setChecked(limits is not None)
        self._limits.setVisible(limits is not None)
        # The larger one on top, as on a scale.
        self._limits.setText("" if limits is None else f"{limits[1]:.0f}\n{limits[0]:.0f}")
        for field in (self.low, self.high):
            field.setEnabled(self.limited.isChecked())

    def _retranslate(self) -> None:
        tip = self.tr("Paint and erase only pixels whose value lies between two limits")
        self.button.setToolTip(tip)
        self.button.setAccessibleName(tip)
        self._limits.setToolTip(tip)
        self.limited.setText(self.tr("Only these values"))
        self.limited.setToolTip(tip)
        self._low_name.setText(self.tr("From"))
        self._high_name.setText(self.tr("To"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self.retheme()
