"""Tables of figures to be read: who or what in the first column, numbers in the others."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

Cell = str | tuple[str, str]
"""A text, or a text with why it is what it is."""


def figure_table() -> QTableWidget:
    """An empty one; Tab leaves it."""
    table = QTableWidget()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.verticalHeader().hide()
    # What is marked is a row: bold heads would say that its columns are.
    table.horizontalHeader().setHighlightSections(False)
    table.setTabKeyNavigation(False)
    return table


def fill_table(table: QTableWidget, heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], words: int = 1) -> None:
    """Show these rows. words : so many columns from the left hold words, the others numbers."""
    table.setColumnCount(len(heads))
    table.setRowCount(len(rows))
    for column, head in enumerate(heads):
        table.setHorizontalHeaderItem(column, _item(head))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            item = _item(cell)
            if column >= words:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            table.setItem(number, column, item)
    table.resizeColumnsToContents()
    # Who, not the last number: that would stand far from the others.
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)


def _item(cell: Cell) -> QTableWidgetItem:
    text, why = cell if isinstance(cell, tuple) else (cell, "")
    item = QTableWidgetItem(text)
    item.setToolTip(why)
    return item
