"""The regions of the slice on screen, each with its name, state and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from desktop.model.asking import AskingModel
from desktop.model.label_colors import LabelColors
from desktop.model.regions import RegionsModel
from desktop.panels.attributes_editor import worded
from desktop.panels.swatch import swatch
from desktop.theme import is_dark
from desktop.viewer.region_item import DECIDED_COLOR, OPEN_COLOR, region_color
from engine.protocol import Language
from engine.store import DECIDED_STATES, Origin, RegionRow, RegionState, SaidName, shape_kind

_ROOT_ROLE = Qt.ItemDataRole.UserRole
_OWN_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End)


class RegionList(QListWidget):
    """done : the view should have the keyboard again. go_wanted : to where a region is.

    key_pressed : a key that is not the list's own, for whoever knows what keys mean.
    """

    done = Signal()
    go_wanted = Signal(int)
    key_pressed = Signal(QKeyEvent)

    def __init__(
        self,
        regions: RegionsModel,
        asking: AskingModel,
        colors: LabelColors,
        size_text: Callable[[RegionRow], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._regions = regions
        self._asking = asking
        self._colors = colors
        self._size_text = size_text
        self._filling = False
        # With the keyboard only: a click leaves the keys with the view.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(self._clicked)
        self.itemDoubleClicked.connect(lambda item: self.go_wanted.emit(item.data(_ROOT_ROLE)))
        self.currentItemChanged.connect(self._current_changed)
        regions.changed.connect(self.refresh)
        regions.selected.connect(self._mark)

    def sizeHint(self) -> QSize:
        # Some seven regions: of what is beside it the list takes most.
        return QSize(super().sizeHint().width(), 14 * (self.fontMetrics().height() + 8))

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 5 * (self.fontMetrics().height() + 8))

    def refresh(self) -> None:
        """Show the regions model's rows."""
        self._filling = True
        self.clear()
        for row in self._regions.rows:
            size = self._size_text(row)
            said = worded(row, self._asking.language.value)
            lines = [self._name(row), self._details(row), *([said] if said else []), *([size] if size else [])]
            item = QListWidgetItem("\n".join(lines))
            item.setData(_ROOT_ROLE, row.root_id)
            item.setToolTip(item.text())
            # A line of Chinese is taller than the view expects from the first font it finds.
            item.setSizeHint(QSize(0, len(lines) * (self.fontMetrics().height() + 8)))
            color = DECIDED_COLOR if row.state in DECIDED_STATES else OPEN_COLOR
            hidden = row.root_id in self._regions.hidden
            item.setIcon(swatch(region_color(row, self._colors.of(row.label)), hollow=hidden))
            # The colours on the slice are too bright for a light panel.
            item.setForeground(color if is_dark(self.palette()) else color.darker(240))
            self.addItem(item)
        self._filling = False
        self._mark()

    def _mark(self) -> None:
        self._filling = True
        self.setCurrentRow(-1)
        for number in range(self.count()):
            item = self.item(number)
            if item.data(_ROOT_ROLE) == self._regions.selected_root:
                self.setCurrentItem(item)
                self.scrollToItem(item)
        self._filling = False

    def _clicked(self, item: QListWidgetItem) -> None:
        self._regions.select(item.data(_ROOT_ROLE))
        self.done.emit()

    def _current_changed(self, item: QListWidgetItem | None) -> None:
        if item is not None and not self._filling:
            self._regions.select(item.data(_ROOT_ROLE))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _OWN_KEYS and not event.modifiers():
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape:
            self.done.emit()
        else:
            self.key_pressed.emit(event)

    def _name(self, row: RegionRow) -> str:
        if row.label is None:
            said = self._regions.said(row)
            if said is None:
                return self.tr("unnamed")
            if said.answer.abstained:
                return self.tr("not sure")
            return self.tr("{0}?").format(self._said(said))
        other = row.label.en if self._asking.language is Language.ZH else row.label.zh
        name = row.label.name(self._asking.language.value) or row.label.en
        return f"{name}  {other}" if other and other != name else name

    def _details(self, row: RegionRow) -> str:
        states = {
            RegionState.DRAWN: self.tr("waits for a name"),
            RegionState.SUGGESTED: self.tr("followed from another slice")
            if row.origin is Origin.PROPAGATED
            else self.tr("suggested by the model"),
            RegionState.ACCEPTED: self.tr("accepted"),
            RegionState.EDITED: "" if self._is_fixed(row) else self.tr("named by {0}").format(row.who),
        }
        said = [self._kind(row), self._probability(row), states.get(row.state, ""), self._author(row)]
        said += [self.tr("changed by {0}").format(row.who)] if self._is_fixed(row) else []
        said += [self.tr("locked")] if row.locked else []
        said += [self.tr("hidden")] if row.root_id in self._regions.hidden else []
        return " · ".join(filter(None, said))

    def _kind(self, row: RegionRow) -> str:
        """What shape it has, where it is not the box that most have."""
        kinds = {
            "rotated_box": self.tr("turned box"),
            "ellipse": self.tr("ellipse"),
            "polygon": self.tr("polygon"),
            "freehand": self.tr("outline"),
            "line": self.tr("line"),
            "point": self.tr("point"),
            "mask": self.tr("mask"),
        }
        return kinds.get(shape_kind(row.shape) or "", "")

    def _author(self, row: RegionRow) -> str:
        """Whose region it is, where it is not one's own and nothing else says it."""
        author = self._regions.author(row)
        known = row.state is RegionState.EDITED and row.who == author
        if row.state is RegionState.SUGGESTED or author == self._regions.who or known:
            return ""
        return self.tr("of {0}").format(author)

    def _is_fixed(self, row: RegionRow) -> bool:
        """Whether a reviewer has changed what a reader handed in."""
        return row.reading_id is not None and row.who != self._regions.author(row)

    def _probability(self, row: RegionRow) -> str:
        said = self._regions.said(row)
        if said is None or said.probability is None:
            return ""
        sure = f"{said.probability:.0%}"
        # Beside a name stands only how sure the model is of that name.
        return self.tr("asked what it is: {0} {1}").format(self._said(said), sure) if said.contrary else sure

    def _said(self, said: SaidName) -> str:
        return said.label.name(self._asking.language.value) or said.label.en

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # Not of a window that is closed: its database may be.
        if event.type() in (QEvent.Type.LanguageChange, QEvent.Type.PaletteChange) and self.window().isVisible():
            self.refresh()
