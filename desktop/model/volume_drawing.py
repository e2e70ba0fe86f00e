"""The 3-D picture of the open scan: where it is seen from, and drawing it off the GUI thread."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.jobs import Job, JobRunner
from desktop.model.open_scan import OpenScan
from desktop.model.viewing import ViewingModel
from engine.scans.volume_process import VolumeProcess
from engine.scans.volume_rendering import Sight, VolumePreset, thin_out, volume_presets

_FINE_AFTER_MS = 180
_LONGEST_SIDE = 720
"""Finer than this a ray caster in software keeps a person waiting; the picture is enlarged instead."""
_ZOOM_RANGE = (0.3, 12.0)


class _Drawer:
    """The process for the scan that is drawn, used by one job at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scan: OpenScan | None = None
        self._process: VolumeProcess | None = None

    def draw(self, scan: OpenScan, sight: Sight, size: tuple[int, int], job: Job) -> NDArray[np.uint8]:
        """Runs on the job's thread."""
        with self._lock:
            if scan is not self._scan or self._process is None:
                self._end()
                self._process = VolumeProcess(thin_out(scan.volume), job.cancelled)
                self._scan = scan
            try:
                return self._process.render(sight, *size, cancelled=job.cancelled)
            except Exception:
                # Whatever it was: an answer that comes later would be taken for the next one.
                self._end()
                raise

    def end(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.close()
        self._process, self._scan = None, None


class VolumeDrawing(QObject):
    """drawn : (H, W, 3) uint8. failed : why there is none. changed : another scan or preset.

    sight : from where it is wanted. drawn_sight : from where the picture that came last was drawn.
    """

    drawn = Signal(object)
    failed = Signal(str)
    changed = Signal()

    def __init__(self, viewing: ViewingModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewing = viewing
        self._jobs = JobRunner(1, self)
        self._drawer = _Drawer()
        self._job: Job | None = None
        self._again = False
        self._shown = False
        self._size = (1, 1)
        self.sight = self.drawn_sight = Sight()
        self._fine = QTimer(self, singleShot=True, interval=_FINE_AFTER_MS)
        self._fine.timeout.connect(self._draw_fine)
        viewing.opened.connect(self._opened)
        viewing.completed.connect(self._completed)

    @property
    def presets(self) -> tuple[VolumePreset, ...]:
        """What can be made visible in the open scan; empty for a scan that is flat."""
        scan = self._viewing.current
        return volume_presets(scan.volume.modality) if scan is not None and scan.is_solid else ()

    @property
    def waiting(self) -> bool:
        """Whether slices must be read before there is anything to draw."""
        scan = self._viewing.current
        return scan is not None and scan.is_solid and not scan.is_complete

    @property
    def busy(self) -> bool:
        """Whether a picture is being drawn or will be in a moment."""
        return self._job is not None or self._fine.isActive()

    def show(self, shown: bool) -> None:
        """Whether somebody is looking. Nothing is drawn for nobody."""
        self._shown = shown
        if shown:
            self._draw_fine()

    def resize(self, width: int, height: int) -> None:
        """The picture's size on screen, in its pixels."""
        shrink = min(1.0, _LONGEST_SIDE / max(width, height, 1))
        size = (max(16, round(width * shrink)), max(16, round(height * shrink)))
        if size != self._size:
            self._size = size
            self._fine.start()

    def turn(self, right: float, up: float) -> None:
        """Turn by some degrees."""
        elevation = max(-90.0, min(90.0, self.sight.elevation + up))
        self._look(replace(self.sight, azimuth=(self.sight.azimuth + right) % 360, elevation=elevation))

    def zoom(self, factor: float) -> None:
        """Come nearer, or go back."""
        low, high = _ZOOM_RANGE
        self._look(replace(self.sight, zoom=max(low, min(high, self.sight.zoom * factor))))

    def reset(self) -> None:
        """From the front, all of it."""
        self._look(Sight(preset=self.sight.preset))

    def choose(self, preset: VolumePreset) -> None:
        """Make something else visible."""
        self._look(replace(self.sight, preset=preset))
        self.changed.emit()

    def close(self) -> None:
        """End the drawing process."""
        self._fine.stop()
        self._jobs.stop()
        self._drawer.end()

    def _opened(self) -> None:
        if self._job is not None:
            self._job.cancel()
        # Another scan is seen from the front, all of it.
        self.sight = Sight(preset=self.sight.preset)
        presets = self.presets
        if presets and self.sight.preset not in presets:
            self.sight = replace(self.sight, preset=presets[0])
        self.changed.emit()
        self._draw_fine()

    def _completed(self, scan: OpenScan) -> None:
        if scan is self._viewing.current:
            self.changed.emit()
            self._draw_fine()

    def _look(self, sight: Sight) -> None:
        # Coarse while the person moves, fine when they stop.
        self.sight = replace(sight, coarse=True)
        self._fine.start()
        self._draw()

    def _draw_fine(self) -> None:
        self.sight = replace(self.sight, coarse=False)
        self._draw()

    def _draw(self) -> None:
        scan = self._viewing.current
        if not self._shown or scan is None or not scan.is_complete or not self.presets:
            return
        if self._job is not None:
            # Drawn when the one in work is done, from wherever the eye is then.
            self._again = True
            return
        sight, size = self.sight, self._size
        job = self._job = self._jobs.start(lambda job: self._drawer.draw(scan, sight, size, job))
        job.done.connect(lambda picture: self._arrived(scan, sight, picture))
        job.failed.connect(self.failed)
        job.finished.connect(self._finished)

    def _arrived(self, scan: OpenScan, sight: Sight, picture: NDArray[np.uint8]) -> None:
        if scan is self._viewing.current:
            self.drawn_sight = sight
            self.drawn.emit(picture)

    def _finished(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self._draw()
