"""Overlay planes that a DICOM file lays over its slice, read when the slice is looked at."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import JobRunner
from desktop.model.open_scan import OpenScan
from desktop.model.plane_state import PlaneState
from desktop.model.viewing import ViewingModel
from engine.scans import Overlay, read_overlays

_KEPT_SLICES = 24
_Key = tuple[OpenScan, int]


class OverlaysModel(QObject):
    """changed : overlays were switched, or those of a slice have been read. failed : a message.

    shown : views draw them.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, viewing: ViewingModel, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.shown = True
        self._kept: OrderedDict[_Key, tuple[Overlay, ...]] = OrderedDict()
        self._waiting: set[_Key] = set()
        self._viewing = viewing
        viewing.opened.connect(self._forget)

    def set_shown(self, shown: bool) -> None:
        """Draw them, or not."""
        if shown != self.shown:
            self.shown = shown
            self.changed.emit()

    def exist_in(self, scan: OpenScan | None) -> bool:
        """Whether a scan's files have any."""
        return scan is not None and scan.volume.has_overlays

    def _forget(self) -> None:
        """Let go of scans that are open no longer. The new one's may be on their way: views ask before it is told."""
        open_scans = (self._viewing.current, self._viewing.prior.scan)
        for key in [key for key in self._kept if key[0] not in open_scans]:
            del self._kept[key]
        self._waiting = {key for key in self._waiting if key[0] in open_scans}

    def of(self, state: PlaneState) -> tuple[Overlay, ...]:
        """Those of the slice on screen; none until they have been read, which this begins. `changed` tells."""
        scan = state.scan
        if not self.shown or scan is None or not scan.volume.has_overlays or state.plane is not scan.volume.plane:
            return ()
        key = (scan, state.index)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._waiting:
            self._waiting.add(key)
            volume, index = scan.volume, state.index
            job = self._jobs.start(lambda job: read_overlays(volume, index))
            job.done.connect(lambda found: self._keep(key, found))
            job.failed.connect(lambda message: self._give_up(key, message))
        return ()

    def _keep(self, key: _Key, found: tuple[Overlay, ...]) -> None:
        # Those of a scan that has been closed meanwhile are nobody's any more.
        if key in self._waiting:
            self._waiting.discard(key)
            self._kept[key] = found
            while len(self._kept) > _KEPT_SLICES:
                self._kept.popitem(last=False)
            self.changed.emit()

    def _give_up(self, key: _Key, message: str) -> None:
        if key in self._waiting:
            self._keep(key, ())
            self.failed.emit(message)
