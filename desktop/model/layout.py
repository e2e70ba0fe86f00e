"""Which views are on screen and where: the layouts, and one view filling the window."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from desktop.model.plane_state import PlaneState
from desktop.model.viewing import ViewingModel
from engine.scans import Plane
from engine.store import AnnotationStore


class Layout(StrEnum):
    """One view; the scan beside another; the three planes with a 3-D view."""

    SINGLE = "1x1"
    PAIR = "1x2"
    PLANES = "2x2"


class Pane(StrEnum):
    """The views there are. A plane's value is its `Plane`'s."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"
    PRIOR = "prior"
    VOLUME = "volume"


Rows = tuple[tuple[Pane, ...], ...]


def arrangement(layout: Layout, own: Pane, maximized: Pane | None) -> Rows:
    """The panes row by row. own : the open scan's plane that has or last had the keys."""
    if layout is Layout.PLANES:
        rows: Rows = ((Pane.AXIAL, Pane.CORONAL), (Pane.SAGITTAL, Pane.VOLUME))
    elif layout is Layout.PAIR:
        rows = ((own, Pane.PRIOR),)
    else:
        rows = ((own,),)
    if maximized is not None and any(maximized in row for row in rows):
        return ((maximized,),)
    return rows


class LayoutModel(QObject):
    """changed : other panes are on screen. The layout is remembered for each modality."""

    changed = Signal()

    def __init__(self, store: AnnotationStore, viewing: ViewingModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._own = Pane.AXIAL
        self.wanted = Layout.SINGLE
        self.maximized: Pane | None = None
        viewing.opened.connect(self._opened)
        viewing.active_changed.connect(self._activated)

    @property
    def layout(self) -> Layout:
        """What is shown: a flat picture has no planes to show beside each other."""
        scan = self._viewing.current
        if self.wanted is Layout.PLANES and (scan is None or not scan.is_solid):
            return Layout.SINGLE
        return self.wanted

    @property
    def rows(self) -> Rows:
        """The panes on screen, row by row."""
        return arrangement(self.layout, self._own, self.maximized)

    @property
    def panes(self) -> tuple[Pane, ...]:
        """The panes on screen."""
        return tuple(pane for row in self.rows for pane in row)

    def can(self, layout: Layout) -> bool:
        """Whether the open scan can be shown so."""
        scan = self._viewing.current
        return layout is not Layout.PLANES or (scan is not None and scan.is_solid)

    def state_of(self, pane: Pane) -> PlaneState | None:
        """The plane view that a pane shows; None for the 3-D view."""
        if pane is Pane.VOLUME:
            return None
        return self._viewing.prior if pane is Pane.PRIOR else self._viewing.states[Plane(pane.value)]

    def pane_of(self, state: PlaneState) -> Pane:
        """The pane that shows a plane view."""
        return Pane.PRIOR if state is self._viewing.prior else Pane(state.plane.value)

    def choose(self, layout: Layout) -> None:
        """Show another layout, and this modality's scans in it from now on."""
        self.wanted = layout
        self.maximized = None
        if self._viewing.current is not None:
            self._store.set_setting(self._key(), layout.value)
        self._show_active()
        self.changed.emit()

    def toggle_maximized(self, pane: Pane | None = None) -> None:
        """Let one view fill the window, the active one unless another is named; or go back."""
        if self.maximized is not None:
            self.maximized = None
        else:
            self.maximized = pane or self.pane_of(self._viewing.active)
        self._show_active()
        self.changed.emit()

    def next_view(self) -> None:
        """Give the keys to the next plane view on screen."""
        states = [state for state in map(self.state_of, self.panes) if state is not None and state.scan is not None]
        if states:
            active = self._viewing.active
            number = states.index(active) + 1 if active in states else 0
            self._viewing.activate(states[number % len(states)])

    def _key(self) -> str:
        scan = self._viewing.current
        return f"layout.{'' if scan is None else scan.volume.modality}"

    def _opened(self) -> None:
        kept = self._store.setting(self._key(), Layout.SINGLE.value)
        # A setting from a newer version may name a layout that is not known here.
        self.wanted = Layout(kept) if kept in list(Layout) else Layout.SINGLE
        self.maximized = None
        self._own = self.pane_of(self._viewing.active)
        self.changed.emit()

    def _activated(self) -> None:
        pane = self.pane_of(self._viewing.active)
        before = self.rows
        if pane is not Pane.PRIOR:
            self._own = pane
        # Another view was asked for by its key while one filled the window.
        if self.maximized not in (None, Pane.VOLUME):
            self.maximized = pane
        if self.rows != before:
            self.changed.emit()

    def _show_active(self) -> None:
        """The view with the keys must be one that is on screen."""
        if self._viewing.active is self._viewing.prior and Pane.PRIOR not in self.panes:
            self._viewing.activate(self._viewing.states[Plane(self._own.value)])
