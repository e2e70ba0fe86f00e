"""The views of the window in their layout."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QMenu, QWidget

from desktop.model.layout import Pane
from desktop.model.session import ViewerModels
from desktop.viewer.slice_view import SliceView
from desktop.viewer.view_pane import ViewPane
from desktop.viewer.volume_pane import VolumePane

_COLUMNS = 2


class ViewGrid(QWidget):
    """active_changed : another view has the keys. moved : the active view was scrolled, zoomed or resized.

    menu_wanted : of the selected region, at a place on the screen. key_pressed : a key in some view.
    compare_menu_wanted : fill it with scans to compare with.
    """

    active_changed = Signal()
    moved = Signal()
    key_pressed = Signal(QKeyEvent)
    compare_menu_wanted = Signal(QMenu)
    menu_wanted = Signal(QPoint)

    def __init__(self, models: ViewerModels, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewGrid")
        self._models = models
        self._panes: dict[Pane, ViewPane] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for pane in Pane:
            state = models.layout.state_of(pane)
            if state is None:
                continue
            one = ViewPane(pane, models, state)
            one.view.key_pressed.connect(self.key_pressed)
            one.view.moved.connect(lambda view=one.view: self.moved.emit() if view.is_active else None)
            one.compare_menu_wanted.connect(self.compare_menu_wanted)
            one.view.menu_wanted.connect(self.menu_wanted)
            one.setParent(self)
            one.hide()
            self._panes[pane] = one
        self.volume_pane = VolumePane(models)
        self.volume_pane.setParent(self)
        self.volume_pane.hide()
        self.volume_pane.key_pressed.connect(self.key_pressed)
        models.layout.changed.connect(self._arrange)
        models.viewing.active_changed.connect(self._activated)
        self._arrange()

    @property
    def active_view(self) -> SliceView:
        """The view that has the keys and the tools."""
        layout = self._models.layout
        return self._panes[layout.pane_of(self._models.viewing.active)].view

    def focus_next(self) -> None:
        """Give the keys to the next view on screen; the 3-D view comes last."""
        layout, picture = self._models.layout, self.volume_pane.picture
        shown = [pane for pane in layout.panes if pane is not Pane.VOLUME]
        if not picture.isVisible():
            layout.next_view()
        elif picture.hasFocus() and shown:
            first = self._panes[shown[0]].view
            self._models.viewing.activate(first.state)
            first.setFocus()
        elif not shown or layout.pane_of(self._models.viewing.active) is shown[-1]:
            picture.setFocus()
        else:
            layout.next_view()

    def choose_prior(self) -> None:
        """Open the list of scans to compare with, for the arrows and Enter."""
        self._panes[Pane.PRIOR].open_compare()

    def view_of(self, pane: Pane) -> SliceView:
        """A pane's slice view."""
        return self._panes[pane].view

    def _widget(self, pane: Pane) -> QWidget:
        return self.volume_pane if pane is Pane.VOLUME else self._panes[pane]

    def _arrange(self) -> None:
        rows = self._models.layout.rows
        shown = {pane for row in rows for pane in row}
        for pane in Pane:
            widget = self._widget(pane)
            self._grid.removeWidget(widget)
            if pane not in shown:
                widget.hide()
        for number, row in enumerate(rows):
            for column, pane in enumerate(row):
                self._grid.addWidget(self._widget(pane), number, column)
                self._widget(pane).show()
        for number in range(_COLUMNS):
            self._grid.setRowStretch(number, 1 if number < len(rows) else 0)
            self._grid.setColumnStretch(number, 1 if number < len(rows[0]) else 0)

    def _activated(self) -> None:
        if not self.active_view.hasFocus() and self.isVisible() and self._has_focus_inside():
            self.active_view.setFocus()
        self.active_changed.emit()

    def _has_focus_inside(self) -> bool:
        focus = self.focusWidget()
        return focus is not None and focus.hasFocus()
