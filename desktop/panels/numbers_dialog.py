"""Asking for one number or two before something is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QDoubleSpinBox, QFormLayout, QWidget


@dataclass(frozen=True, slots=True)
class Number:
    """One field. unit : written behind the number, with a space before it where one belongs there."""

    name: str
    value: float
    low: float
    high: float
    decimals: int = 0
    unit: str = ""


class NumbersDialog(QDialog):
    """Open it with `open`; calls `take` with the numbers when they are agreed to."""

    def __init__(
        self, title: str, numbers: Sequence[Number], take: Callable[..., object], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._take = take
        form = QFormLayout(self)
        self.fields = [_field(number) for number in numbers]
        for number, field in zip(numbers, self.fields, strict=True):
            form.addRow(number.name, field)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form.addRow(buttons)
        self.accepted.connect(lambda: self._take(*(field.value() for field in self.fields)))
        self.fields[0].selectAll()
        self.fields[0].setFocus()


def _field(number: Number) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setDecimals(number.decimals)
    field.setRange(number.low, number.high)
    field.setValue(number.value)
    field.setSuffix(number.unit)
    field.setKeyboardTracking(False)
    return field
