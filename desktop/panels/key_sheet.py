"""The sheet of all keys, in groups."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.viewer_actions import KeyGroup

_COLUMNS = 4
_FRAME = 60


class KeySheet(QDialog):
    """Closes on Esc, like every dialog."""

    def __init__(self, viewer_groups: Sequence[KeyGroup], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        groups, room = (*self._own_groups(), *viewer_groups), parent.window().size()
        # Turning the wheel is enough: nobody should have to scroll sideways too.
        for count in range(_COLUMNS, 0, -1):
            body = _body(groups, count)
            if body.sizeHint().width() + _FRAME <= room.width():
                break
        area = QScrollArea()
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        hint = body.sizeHint()
        self.resize(min(hint.width() + _FRAME, room.width() - 20), min(hint.height() + 50, room.height() - 20))

    def _own_groups(self) -> tuple[KeyGroup, ...]:
        """What is no action of the views."""
        regions = (
            (self.tr("Drag"), self.tr("draw a box; the model is asked on release")),
            (self.tr("Enter"), self.tr("accept the suggestion")),
            (self.tr("Letters"), self.tr("type another name (Esc first for the other keys)")),
            (self.tr("1 … 9"), self.tr("a label's key: name the region, or take the label in hand")),
            (self.tr("1 … 9 on the card"), self.tr("take the name of that number")),
            (self.tr("F5"), self.tr("ask the model again")),
            (self.tr("F2"), self.tr("name a region anew")),
            (self.tr("Delete"), self.tr("reject the region; delete the measurement")),
            (self.tr("Tab"), self.tr("next region that waits for a decision")),
            (self.tr("Esc"), self.tr("give up the box; select nothing; let go of the label in hand")),
            (self.tr("F7"), self.tr("walk through the list of regions")),
            (self.tr("F"), self.tr("find by name")),
            (self.tr("Ctrl+E"), self.tr("ask about the whole slice; Enter asks, Esc gives up")),
            (self.tr("L"), self.tr("names in English or Chinese")),
            (self.tr("Ctrl+Z, Ctrl+Shift+Z"), self.tr("undo, redo")),
        )
        mouse = (
            (self.tr("Wheel, ↑ ↓, PgUp, PgDown"), self.tr("slices")),
            (self.tr("Home, End"), self.tr("first, last slice")),
            (self.tr("Right-drag"), self.tr("window and level")),
            (self.tr("Ctrl+wheel"), self.tr("zoom")),
            (self.tr("Middle-drag, Space+drag"), self.tr("pan")),
            (self.tr("Shift+drag"), self.tr("crosshair")),
            (self.tr("Double click"), self.tr("fit; on a title: fill the window")),
        )
        volume = (
            (self.tr("Drag, ← → ↑ ↓"), self.tr("turn; Shift with an arrow: by one degree")),
            (self.tr("Wheel, +, -"), self.tr("zoom")),
            (self.tr("Double click, 0"), self.tr("from the front again")),
            (self.tr("Click, F6"), self.tr("give the 3-D view the keys")),
        )
        window = (
            (self.tr("Ctrl+O"), self.tr("add files")),
            (self.tr("Ctrl+Shift+O"), self.tr("add a folder")),
            (self.tr("Ctrl+F"), self.tr("search the list of scans")),
            (self.tr("N, P"), self.tr("next, previous scan")),
            (self.tr("Enter"), self.tr("in the list: open the scan; Esc: back to the image")),
            (self.tr("Ctrl+Shift+L"), self.tr("train the model on corrections")),
            (self.tr("?, F1"), self.tr("this sheet")),
            (self.tr("Ctrl+Q"), self.tr("quit")),
        )
        return (
            KeyGroup(self.tr("Regions"), regions),
            KeyGroup(self.tr("Mouse and slices"), mouse),
            KeyGroup(self.tr("3-D view"), volume),
            KeyGroup(self.tr("Window and scans"), window),
        )


def _body(groups: Sequence[KeyGroup], count: int) -> QWidget:
    """The groups in `count` columns."""
    body = QWidget()
    row = QHBoxLayout(body)
    row.setSpacing(28)
    for column in _spread(groups, count):
        label = QLabel("<br>".join(_table(group) for group in column))
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setAlignment(Qt.AlignmentFlag.AlignTop)
        row.addWidget(label)
    return body


def _spread(groups: Sequence[KeyGroup], count: int) -> list[list[KeyGroup]]:
    """The groups in order over `count` columns of about the same height."""
    lines = sum(len(group.rows) + 2 for group in groups)
    columns: list[list[KeyGroup]] = [[]]
    used = 0
    for group in groups:
        height = len(group.rows) + 2
        if columns[-1] and used + height / 2 > lines / count and len(columns) < count:
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
