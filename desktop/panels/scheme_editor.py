"""Edits one label set: its names, and its labels with their order, colours and keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.labels import LabelsModel
from desktop.panels.label_search import LabelSearch
from desktop.panels.swatch import swatch
from engine.labels import SHORTCUT_KEYS, LabelError, LabelScheme, SchemeEntry
from engine.regions import Label

_ENTRY_ROLE = Qt.ItemDataRole.UserRole


class SchemeEditor(QWidget):
    """changed : another content, a `LabelScheme`. failed : why something cannot be so; nothing has changed then."""

    changed = Signal(object)
    failed = Signal(str)

    def __init__(self, labels: LabelsModel, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._language = language
        self._scheme: LabelScheme | None = None
        self._filling = False
        self.en, self.zh = QLineEdit(), QLineEdit()
        self.en.editingFinished.connect(self._rename)
        self.zh.editingFinished.connect(self._rename)
        self.table = QListWidget()
        self.table.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.table.model().rowsMoved.connect(lambda: self._take_order())
        self.table.currentRowChanged.connect(lambda _: self._follow())
        self.table.installEventFilter(self)
        self.color, self.key = QPushButton(self.tr("Colour …")), QComboBox()
        self.key.addItem(self.tr("no key"), "")
        for key in SHORTCUT_KEYS:
            self.key.addItem(key, key)
        self.key.textActivated.connect(lambda _: self._set_key())
        self.remove = QPushButton(self.tr("Remove"))
        self.color.clicked.connect(self._choose_color)
        self.remove.clicked.connect(self._remove)
        self.search = LabelSearch(labels, language)
        self.search.chosen.connect(self._add)
        names, deeds = QHBoxLayout(), QHBoxLayout()
        for text, edit in ((self.tr("English"), self.en), (self.tr("Chinese"), self.zh)):
            names.addWidget(QLabel(text))
            names.addWidget(edit, 1)
        deeds.addWidget(self.color)
        deeds.addWidget(QLabel(self.tr("Key")))
        deeds.addWidget(self.key)
        deeds.addStretch(1)
        deeds.addWidget(self.remove)
        hint = QLabel(self.tr("Drag, or Alt+↑ Alt+↓, changes the order."))
        hint.setObjectName("hint")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(names)
        layout.addWidget(self.table, 3)
        layout.addWidget(hint)
        layout.addLayout(deeds)
        layout.addWidget(QLabel(self.tr("Add a label:")))
        layout.addWidget(self.search, 2)
        for button in (self.color, self.remove):
            button.setAutoDefault(False)

    def show_scheme(self, scheme: LabelScheme, row: int = 0) -> None:
        """Show a set. row : which label to choose."""
        self._scheme = scheme
        self._filling = True
        self.en.setText(scheme.en)
        self.zh.setText(scheme.zh)
        # The beginning of a long name says more than its end.
        self.en.setCursorPosition(0)
        self.zh.setCursorPosition(0)
        self.table.clear()
        for entry in scheme:
            name, other = entry.label.name(self._language), entry.label.name("en" if self._language == "zh" else "zh")
            item = QListWidgetItem(swatch(QColor(entry.colour)), f"{entry.key or ' '}   {name}   {other}")
            item.setData(_ENTRY_ROLE, entry)
            item.setToolTip(entry.label.code)
            self.table.addItem(item)
        self.table.setCurrentRow(min(row, len(scheme) - 1))
        self._filling = False
        self._follow()

    @property
    def _entry(self) -> SchemeEntry | None:
        item = self.table.currentItem()
        entry: SchemeEntry | None = None if item is None else item.data(_ENTRY_ROLE)
        return entry

    def _follow(self) -> None:
        entry = self._entry
        for widget in (self.color, self.key, self.remove):
            widget.setEnabled(entry is not None)
        if entry is not None:
            self.key.setCurrentIndex(self.key.findData(entry.key))

    def _keep(self, entries: Sequence[SchemeEntry], row: int) -> None:
        assert self._scheme is not None
        try:
            scheme = replace(self._scheme, entries=tuple(entries))
        except LabelError as error:
            self.failed.emit(str(error))
            scheme = self._scheme
        else:
            self.changed.emit(scheme)
        self.show_scheme(scheme, row)

    def _rename(self) -> None:
        en, zh = self.en.text().strip(), self.zh.text().strip()
        if self._scheme is None or self._filling or (en, zh) == (self._scheme.en, self._scheme.zh):
            return
        try:
            self._scheme = replace(self._scheme, en=en, zh=zh)
        except LabelError as error:
            self.failed.emit(str(error))
            self.show_scheme(self._scheme, self.table.currentRow())
        else:
            self.changed.emit(self._scheme)

    def _take_order(self) -> None:
        if not self._filling:
            rows = [self.table.item(number).data(_ENTRY_ROLE) for number in range(self.table.count())]
            self._keep(rows, self.table.currentRow())

    def _move(self, step: int) -> None:
        row = self.table.currentRow()
        if self._scheme is None or row < 0 or not 0 <= row + step < len(self._scheme):
            return
        entries = list(self._scheme.entries)
        entries.insert(row + step, entries.pop(row))
        self._keep(entries, row + step)

    def _change(self, entry: SchemeEntry) -> None:
        assert self._scheme is not None
        row = self.table.currentRow()
        entries = list(self._scheme.entries)
        entries[row] = entry
        self._keep(entries, row)

    def _choose_color(self) -> None:
        entry = self._entry
        if entry is not None:
            color = QColorDialog.getColor(QColor(entry.colour), self)
            if color.isValid():
                self._change(replace(entry, colour=color.name().upper()))

    def _set_key(self) -> None:
        entry, key = self._entry, self.key.currentData()
        if entry is None or self._scheme is None or entry.key == key:
            return
        row = self.table.currentRow()
        # A key goes from one label to another: it is never on two.
        freed = [replace(one, key="") if key and one.key == key else one for one in self._scheme.entries]
        freed[row] = replace(entry, key=key)
        self._keep(freed, row)

    def _add(self, label: Label) -> None:
        if self._scheme is None:
            return
        if self._scheme.entry(label.id) is not None:
            self.failed.emit(self.tr("{0} is in this set already").format(label.name(self._language)))
            return
        scheme = self._scheme.with_label(label)
        self.search.edit.clear()
        self._keep(scheme.entries, len(scheme) - 1)

    def _remove(self) -> None:
        row = self.table.currentRow()
        if self._scheme is not None and row >= 0:
            self._keep([one for number, one in enumerate(self._scheme.entries) if number != row], row)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.table and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in (
                Qt.Key.Key_Up,
                Qt.Key.Key_Down,
            ):
                self._move(-1 if event.key() == Qt.Key.Key_Up else 1)
                return True
            if event.key() == Qt.Key.Key_Delete:
                self._remove()
                return True
        return False
