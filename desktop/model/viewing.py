"""What is on screen: the volume, plane, slice and window. The one owner of these facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.jobs import Job, JobRunner
from engine.scans import Plane, SliceRenderer, Volume, Window, read_volume, slice_spacing
from engine.store import AnnotationStore, WorklistRow
from engine.suggest import ImageRef, make_image_ref

_KEEP_AFTER_MS = 300


class ViewingModel(QObject):
    """The open scan.

    loading : a job has begun. opened : a volume is there. slice_changed : another slice, plane or volume.
    window_changed : the same slice through another window. failed : a message.
    """

    loading = Signal(object)
    opened = Signal()
    slice_changed = Signal()
    window_changed = Signal()
    failed = Signal(str)

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._jobs = jobs
        self._job: Job | None = None
        self._renderer: SliceRenderer | None = None
        self.volume: Volume | None = None
        self.item: WorklistRow | None = None
        self.plane = Plane.AXIAL
        self.index = 0
        self.window: Window | None = None
        # Turning the wheel is not worth a transaction a notch.
        self._keep = QTimer(self, singleShot=True, interval=_KEEP_AFTER_MS)
        self._keep.timeout.connect(self.keep_view)

    def open_item(self, item: WorklistRow) -> None:
        """Read a scan in the background and show it where it was left."""
        self.keep_view()
        if self._job is not None:
            self._job.cancel()
        path, uid = Path(item.path), item.series_uid
        job = self._job = self._jobs.start(lambda job: read_volume(path, uid, job))
        job.done.connect(lambda volume: self._show(job, item, volume))
        job.failed.connect(lambda message: self._report(job, message))
        self.loading.emit(job)

    def _report(self, job: Job, message: str) -> None:
        if job is self._job:
            self.failed.emit(message)

    def _show(self, job: Job, item: WorklistRow, volume: Volume) -> None:
        # A scan that was overtaken by a later choice is not shown.
        if job is not self._job:
            return
        self._job = None
        self.volume, self.item = volume, item
        self.plane = volume.plane
        self._renderer = SliceRenderer(volume, self.plane)
        self.index = max(0, min(item.slice, self.slice_count - 1))
        self.window = None if volume.is_color else item.window or volume.window
        self.opened.emit()
        self.slice_changed.emit()
        self._keep.start()

    @property
    def slice_count(self) -> int:
        """Slices of the open volume, 0 when there is none."""
        return 0 if self._renderer is None else self._renderer.grid.shape[0]

    @property
    def spacing(self) -> tuple[float, float]:
        """(row, column) mm of the shown slice's pixels."""
        return (1.0, 1.0) if self.volume is None else slice_spacing(self.volume, self.plane)

    def step(self, count: int) -> None:
        """Go `count` slices on, stopping at the ends."""
        self.go_to(self.index + count)

    def go_to(self, index: int) -> None:
        """Show a slice, the nearest there is."""
        index = max(0, min(index, self.slice_count - 1))
        if self.volume is not None and index != self.index:
            self.index = index
            self.slice_changed.emit()
            self._keep.start()

    def set_window(self, window: Window) -> None:
        """Show the slice through another window; colour has none."""
        if self.volume is not None and not self.volume.is_color and window != self.window:
            self.window = window
            self.window_changed.emit()
            self._keep.start()

    def reset_window(self) -> None:
        """Back to the scan's own window."""
        if self.volume is not None and self.volume.window is not None:
            self.set_window(self.volume.window)

    def rgb(self) -> NDArray[np.uint8] | None:
        """The slice on screen, (H, W, 3) uint8; None when nothing is open."""
        return None if self._renderer is None else self._renderer.render(self.index, self.window)

    def image_ref(self) -> ImageRef | None:
        """The slice on screen, named so that it can be rendered again."""
        rgb = self.rgb()
        if rgb is None or self.volume is None:
            return None
        return make_image_ref(self.volume, self.plane, self.index, self.window, rgb)

    def keep_view(self) -> None:
        """Write down what is on screen, so that the next start begins here."""
        self._keep.stop()
        if self.item is not None:
            self._store.keep_view(Path(self.item.path), self.item.series_uid, self.plane, self.index, self.window)
