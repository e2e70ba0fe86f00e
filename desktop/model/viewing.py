"""What is open: the scan, the one it is compared with, and which plane view has the keys and the tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.jobs import JobRunner
from desktop.model.open_scan import OpenScan
from desktop.model.plane_state import PlaneState
from desktop.model.scan_reading import ScanReading
from engine.scans import Plane, Volume, Window
from engine.scans.positions import slice_values
from engine.scans.presets import auto_window, moved_window
from engine.store import AnnotationStore, WorklistRow
from engine.suggest import ImageRef

_KEEP_AFTER_MS = 300


class ViewingModel(QObject):
    """The open scans. What is said of the slice is said of the active view's.

    loading : a job has begun. opened : a scan is there, with one slice at least. completed : an `OpenScan` whose
    slices are all there now. prior_changed : another scan beside it, or none.
    slice_changed : another slice, plane, scan or view. active_changed : another view has the keys.
    window_changed : the active view's scan through another window, or inverted. titles_changed : scans are
    called something else. failed : a message.
    """

    loading = Signal(object)
    opened = Signal()
    completed = Signal(object)
    prior_changed = Signal()
    slice_changed = Signal()
    active_changed = Signal()
    window_changed = Signal()
    titles_changed = Signal()
    failed = Signal(str)

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._reading = ScanReading(jobs, self)
        self._prior_reading = ScanReading(jobs, self)
        # As people may see it: names can be hidden.
        self.title_of: Callable[[WorklistRow], str] = lambda item: item.title_en
        self.hides_names: Callable[[], bool] = lambda: False
        self.current: OpenScan | None = None
        self.states = {plane: PlaneState(plane, self) for plane in Plane}
        self.prior = PlaneState(Plane.AXIAL, self)
        self.active = self.states[Plane.AXIAL]
        # While the scan beside it has the keys, this is what is kept of the open one.
        self._last_own = self.active
        for state in self.all_states:
            state.slice_changed.connect(lambda state=state: self._moved(state))
            state.picture_changed.connect(lambda state=state: self._looks_different(state))
            state.attached.connect(lambda state=state: self._look_for(state))
            state.slice_changed.connect(lambda state=state: self._look_for(state))
        for reading, show in ((self._reading, self.show), (self._prior_reading, self._show_prior)):
            reading.loading.connect(self.loading)
            reading.opened.connect(show)
            reading.completed.connect(self.completed)
            reading.failed.connect(self.failed)
        # Turning the wheel is not worth a transaction a notch.
        self._keep = QTimer(self, singleShot=True, interval=_KEEP_AFTER_MS)
        self._keep.timeout.connect(self.keep_view)

    @property
    def all_states(self) -> tuple[PlaneState, ...]:
        """The three planes of the open scan, and the scan beside it."""
        return (*self.states.values(), self.prior)

    def open_item(self, item: WorklistRow) -> None:
        """Read a scan in the background and show it where it was left."""
        self.keep_view()
        self._reading.open(item)

    def open_prior(self, item: WorklistRow) -> None:
        """Read a scan in the background and show it beside the open one."""
        self._prior_reading.open(item)

    def close_prior(self) -> None:
        """Show nothing beside the open scan."""
        self._prior_reading.stop()
        if self.active is self.prior and self.current is not None:
            self.activate(self._last_own)
        self.prior.attach(None, Plane.AXIAL)
        self.prior_changed.emit()

    def show(self, scan: OpenScan) -> None:
        """Show a scan of which one slice at least has been read, where it was left."""
        item, volume = scan.item, scan.volume
        self.current = scan
        left = item.plane if item.plane in scan.planes else None
        plane = left or volume.plane
        for one, state in self.states.items():
            middle = (scan.renderer(one).grid.shape[0] // 2) if one in scan.planes else 0
            state.attach(scan, one, item.slice if one is plane else middle)
        self.active = self._last_own = self.states[plane]
        self.opened.emit()
        self.active_changed.emit()
        self.slice_changed.emit()
        self._keep.start()

    def _show_prior(self, scan: OpenScan) -> None:
        plane = self.active.plane if self.active.plane in scan.planes else scan.volume.plane
        self.prior.attach(scan, plane, scan.renderer(plane).grid.shape[0] // 2)
        self.prior_changed.emit()
        if self.active is self.prior:
            self.slice_changed.emit()

    def activate(self, state: PlaneState) -> None:
        """Give a view the keys and the tools. One that shows nothing is left alone."""
        if state is not self.active and state.scan is not None:
            self.active = state
            if state is not self.prior:
                self._last_own = state
                self._turn_prior(state.plane)
            self.active_changed.emit()
            self.slice_changed.emit()
            self._keep.start()

    def _turn_prior(self, plane: Plane) -> None:
        """The scan beside the open one is seen in the same plane, if it has it."""
        scan = self.prior.scan
        if scan is not None and plane in scan.planes and plane is not self.prior.plane:
            self.prior.attach(scan, plane, scan.renderer(plane).grid.shape[0] // 2)
            self.prior_changed.emit()

    def activate_plane(self, plane: Plane) -> None:
        """Turn to another plane of the open scan."""
        self.activate(self.states[plane])

    def look_again(self) -> None:
        """Another person looks at what is open: every view begins anew with its slice."""
        for state in self.all_states:
            state.slice_changed.emit()

    def _moved(self, state: PlaneState) -> None:
        if state is self.active:
            self.slice_changed.emit()
            self._keep.start()

    def _look_for(self, state: PlaneState) -> None:
        """What a person looks at is read first, also when reading was cancelled before it came to that."""
        scan = state.scan
        if scan is not None and not scan.has_slice(state.plane, state.index):
            # Planes across the stored one need all slices.
            if state.plane is scan.volume.plane:
                scan.want(state.index)
            for reading in (self._reading, self._prior_reading):
                reading.read_on(scan)

    def _looks_different(self, state: PlaneState) -> None:
        if state is self.active:
            self.window_changed.emit()
            self._keep.start()

    @property
    def own(self) -> PlaneState:
        """The open scan's view that has the keys, or had them before the scan beside it."""
        return self._last_own

    @property
    def item(self) -> WorklistRow | None:
        """The open scan's row of the worklist."""
        return None if self.current is None else self.current.item

    @property
    def volume(self) -> Volume | None:
        """The active view's voxels."""
        return self.active.volume

    @property
    def plane(self) -> Plane:
        """The active view's plane."""
        return self.active.plane

    @property
    def index(self) -> int:
        """The active view's slice."""
        return self.active.index

    @property
    def slice_count(self) -> int:
        """How many slices the active view has, 0 when nothing is open."""
        return self.active.slice_count

    @property
    def window(self) -> Window | None:
        """The window of the active view's scan; None for colour."""
        return None if self.active.scan is None else self.active.scan.window

    def step(self, count: int) -> None:
        """Go `count` slices on in the active view, stopping at the ends."""
        self.active.step(count)

    def go_to(self, index: int) -> None:
        """Show a slice in the active view, the nearest there is."""
        self.active.go_to(index)

    def set_window(self, window: Window) -> None:
        """Show the active view's scan through another window; colour has none."""
        if self.active.scan is not None:
            self.active.scan.set_window(window)

    def reset_window(self) -> None:
        """Back to the scan's own window."""
        if self.volume is not None and self.volume.window is not None:
            self.set_window(self.volume.window)

    def fit_window(self) -> None:
        """The window that shows the values of the slice on screen."""
        state = self.active
        if state.volume is not None and state.has_slice and not state.volume.is_color:
            values = slice_values(state.volume, state.plane, state.index)
            window = auto_window(values, state.volume.curve.shape)
            if window is not None and state.scan is not None:
                state.scan.fit_window(window)

    def move_window(self, wider: float, brighter: float) -> None:
        """Change the active view's window by shares of its width, as `moved_window` does."""
        scan = self.active.scan
        if scan is not None and scan.window is not None:
            scan.set_window(moved_window(scan.window, wider, brighter, scan.volume.curve.shape))

    def toggle_inverted(self) -> None:
        """Show white for black in all views of the active scan, or no longer."""
        if self.active.scan is not None:
            self.active.scan.set_inverted(not self.active.scan.inverted)

    def rgb(self) -> NDArray[np.uint8] | None:
        """The active slice as the model sees it, (H, W, 3) uint8; None when nothing is open."""
        return self.active.rgb()

    def image_ref(self) -> ImageRef | None:
        """The active slice, named so that it can be rendered again."""
        return self.active.image_ref()

    def keep_view(self) -> None:
        """Write down what is on screen, so that the next start begins here."""
        self._keep.stop()
        scan = self.current
        if scan is not None:
            state = self._last_own
            self._store.keep_view(Path(scan.item.path), scan.item.series_uid, state.plane, state.index, scan.window)
