"""The sheet of all keys, in groups."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.viewer_actions import KeyGroup

_COLUMNS = 3


class KeySheet(QDialog):
    """Closes on Esc, like every dialog."""

    def __init__(self, groups: Sequence[KeyGroup], title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        body = QWidget()
        row = QHBoxLayout(body)
        row.setSpacing(28)
        columns = _spread(groups)
        for column in columns:
            label = QLabel("<br>".join(_table(group) for group in column))
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            row.addWidget(label)
        area = QScrollArea()
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        hint = body.sizeHint()
        room = parent.window().size()
        self.resize(min(hint.width() + 60, room.width() - 20), min(hint.height() + 50, room.height() - 20))


def _spread(groups: Sequence[KeyGroup]) -> list[list[KeyGroup]]:
    """The groups in order over columns of about the same height."""
    lines = sum(len(group.rows) + 2 for group in groups)
    columns: list[list[KeyGroup]] = [[]]
    used = 0
    for group in groups:
        height = len(group.rows) + 2
        if columns[-1] and used + height / 2 > lines / _COLUMNS and len(columns) < _COLUMNS:
            columns.append([])
            used = 0
        columns[-1].append(group)
        used += height
    return columns


def _table(group: KeyGroup) -> str:
    cells = "".join(
        f"<tr><td style='white-space: nowrap'><b>{html.escape(key)}</b>&nbsp;&nbsp;&nbsp;</td>"
        f"<td>{html.escape(what)}</td></tr>"
        for key, what in group.rows
    )
    return f"<h3>{html.escape(group.title)}</h3><table cellpadding=2>{cells}</table>"
