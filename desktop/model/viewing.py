"""What is open: the scan, the one it is compared with, and which plane view has the keys and the tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.jobs import Job, JobRunner
from desktop.model.open_scan import OpenScan
from desktop.model.plane_state import PlaneState
from engine.scans import Plane, Volume, Window, read_volume
from engine.scans.frame_of_reference import frame_of_reference_uid
from engine.scans.positions import slice_values
from engine.scans.presets import auto_window
from engine.store import AnnotationStore, WorklistRow
from engine.suggest import ImageRef

_KEEP_AFTER_MS = 300


class ViewingModel(QObject):
    """The open scans. What is said of the slice is said of the active view's.

    loading : a job has begun. opened : a scan is there. prior_changed : another scan beside it, or none.
    slice_changed : another slice, plane, scan or view. active_changed : another view has the keys.
    window_changed : the active view's scan through another window, or inverted. failed : a message.
    """

    loading = Signal(object)
    opened = Signal()
    prior_changed = Signal()
    slice_changed = Signal()
    active_changed = Signal()
    window_changed = Signal()
    failed = Signal(str)

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._jobs = jobs
        self._job: Job | None = None
        self._prior_job: Job | None = None
        self.current: OpenScan | None = None
        self.states = {plane: PlaneState(plane, self) for plane in Plane}
        self.prior = PlaneState(Plane.AXIAL, self)
        self.active = self.states[Plane.AXIAL]
        # While the scan beside it has the keys, this is what is kept of the open one.
        self._last_own = self.active
        for state in self.all_states:
            state.slice_changed.connect(lambda state=state: self._moved(state))
            state.picture_changed.connect(lambda state=state: self._looks_different(state))
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
        if self._job is not None:
            self._job.cancel()
        job = self._job = self._read(item)
        job.done.connect(lambda found: self._show(job, item, *found))
        job.failed.connect(lambda message: self._report(job, message))
        self.loading.emit(job)

    def open_prior(self, item: WorklistRow) -> None:
        """Read a scan in the background and show it beside the open one."""
        if self._prior_job is not None:
            self._prior_job.cancel()
        job = self._prior_job = self._read(item)
        job.done.connect(lambda found: self._show_prior(job, item, *found))
        job.failed.connect(lambda message: self._report(job, message))
        self.loading.emit(job)

    def close_prior(self) -> None:
        """Show nothing beside the open scan."""
        if self.active is self.prior and self.current is not None:
            self.activate(self._last_own)
        self.prior.attach(None, Plane.AXIAL)
        self.prior_changed.emit()

    def _read(self, item: WorklistRow) -> Job:
        path, uid = Path(item.path), item.series_uid

        def work(job: Job) -> tuple[Volume, str]:
            volume = read_volume(path, uid, job)
            return volume, frame_of_reference_uid(volume)

        return self._jobs.start(work)

    def _report(self, job: Job, message: str) -> None:
        if job in (self._job, self._prior_job):
            self.failed.emit(message)

    def _show(self, job: Job, item: WorklistRow, volume: Volume, frame_uid: str) -> None:
        # A scan that was overtaken by a later choice is not shown.
        if job is not self._job:
            return
        self._job = None
        self.show(item, volume, frame_uid)

    def show(self, item: WorklistRow, volume: Volume, frame_uid: str) -> None:
        """Show a scan that has been read, where it was left."""
        scan = self.current = OpenScan(volume, item, frame_uid)
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

    def _show_prior(self, job: Job, item: WorklistRow, volume: Volume, frame_uid: str) -> None:
        if job is not self._prior_job:
            return
        self._prior_job = None
        scan = OpenScan(volume, item, frame_uid)
        plane = self.active.plane if self.active.plane in scan.planes else volume.plane
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

    def _moved(self, state: PlaneState) -> None:
        if state is self.active:
            self.slice_changed.emit()
            self._keep.start()

    def _looks_different(self, state: PlaneState) -> None:
        if state is self.active:
            self.window_changed.emit()
            self._keep.start()

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
        if state.volume is not None and not state.volume.is_color:
            window = auto_window(slice_values(state.volume, state.plane, state.index))
            if window is not None:
                self.set_window(window)

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
