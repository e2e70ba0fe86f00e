"""Opens a scan in the background: it is shown with its first slice, and the others follow.

Until the first slice is there, or when it cannot be read, the scan on screen is read on.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.jobs import Job, JobRunner
from desktop.model.open_scan import OpenScan
from engine.scans import Volume, VolumeLoader
from engine.scans.frame_of_reference import frame_of_reference_uid
from engine.store import WorklistRow

_LOOK_MS = 60
"""How often slices that have arrived are shown: each one would cost more than it tells."""


class ScanReading(QObject):
    """Reads one scan at a time; a newer one takes its place once it has opened.

    loading : a job that shows its progress and can be cancelled. opened : an `OpenScan` with one slice at least.
    completed : all of it is there. failed : a message.
    """

    loading = Signal(object)
    opened = Signal(object)
    completed = Signal(object)
    failed = Signal(str)

    def __init__(self, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._opening: Job | None = None
        # Of the scan on screen.
        self._job: Job | None = None
        self._scan: OpenScan | None = None
        self._loader: VolumeLoader | None = None
        # Once reading has failed, turning to a slice that is not there must not begin it again and again.
        self._given_up = False
        self._look = QTimer(self, singleShot=True, interval=_LOOK_MS)
        self._look.timeout.connect(self._grow)

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._job is not None or self._opening is not None

    def open(self, item: WorklistRow) -> None:
        """Begin with the slice where the scan was left."""
        self._stop_opening()
        loader = VolumeLoader(Path(item.path), item.series_uid, first=item.slice)
        job = self._opening = self._jobs.start(loader.open)
        job.done.connect(lambda volume: self._opened(job, item, loader, volume))
        job.failed.connect(lambda message: self._not_opened(job, message))
        job.cancelled_.connect(lambda: self._not_opened(job, ""))
        self.loading.emit(job)

    def read_on(self, scan: OpenScan) -> None:
        """Go on where reading was cancelled."""
        if scan is self._scan and self._job is None and not scan.is_complete and not self._given_up:
            self._load()

    def stop(self) -> None:
        """Give up what is being opened or read."""
        self._stop_opening()
        self._stop_loading()

    def _stop_opening(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        self._opening = None

    def _stop_loading(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job = self._scan = self._loader = None
        self._look.stop()

    def _not_opened(self, job: Job, message: str) -> None:
        if job is self._opening:
            self._opening = None
            if message:
                self.failed.emit(message)

    def _opened(self, job: Job, item: WorklistRow, loader: VolumeLoader, volume: Volume) -> None:
        # A scan that was overtaken by a later choice is not shown.
        if job is not self._opening:
            return
        self._opening = None
        self._stop_loading()
        whole = bool(loader.loaded.all())
        scan = OpenScan(volume, item, frame_of_reference_uid(volume), None if whole else loader)
        self._given_up = False
        if not whole:
            self._scan, self._loader = scan, loader
            self._load()
        self.opened.emit(scan)
        if whole:
            self.completed.emit(scan)

    def _load(self) -> None:
        loader = self._loader
        assert loader is not None
        job = self._job = self._jobs.start(loader.load)
        job.progressed.connect(lambda *_: self._look.isActive() or self._look.start())
        job.done.connect(lambda volume: self._complete(job, volume))
        job.failed.connect(lambda message: self._failed(job, message))
        job.cancelled_.connect(lambda: self._ended(job))
        self.loading.emit(job)

    def _grow(self) -> None:
        if self._scan is not None:
            self._scan.grow()

    def _complete(self, job: Job, volume: Volume) -> None:
        if job is self._job and self._scan is not None:
            scan = self._scan
            self._stop_loading()
            scan.complete(volume)
            self.completed.emit(scan)

    def _failed(self, job: Job, message: str) -> None:
        if job is self._job:
            self._job = None
            self._given_up = True
            self._grow()
            self.failed.emit(message)

    def _ended(self, job: Job) -> None:
        if job is self._job:
            self._job = None
            self._grow()
