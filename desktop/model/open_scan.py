"""One open volume and how its grey values are shown: what all views on it share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.scans import Plane, ScanError, SliceRenderer, Volume, VolumeLoader, Window, plane_grid
from engine.store import WorklistRow


class OpenScan(QObject):
    """shown_changed : the same voxels through another window, or inverted. grown : more slices are there.

    frame_uid : names the coordinate system the volume lies in; empty when nothing names it. loader : what is still
    reading the slices; None when all are there. fitted_window : the last one that was fitted to a slice.
    """

    shown_changed = Signal()
    grown = Signal()

    def __init__(
        self,
        volume: Volume,
        item: WorklistRow,
        frame_uid: str,
        loader: VolumeLoader | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.volume = volume
        self.item = item
        self.frame_uid = frame_uid
        self.window: Window | None = None if volume.is_color else item.window or volume.window
        self.fitted_window: Window | None = None
        self.inverted = False
        self._loader = loader
        self._renderers: dict[Plane, SliceRenderer] = {}

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes it can be cut in: a flat picture has one."""
        return tuple(plane for plane in Plane if self._has(plane))

    @property
    def is_solid(self) -> bool:
        """Whether it has an extent in all three directions, so that cutting it across shows something."""
        return len(self.planes) == 3 and min(self.volume.voxels.shape[:3]) > 1

    @property
    def is_complete(self) -> bool:
        """Whether all slices are there."""
        return self._loader is None

    @property
    def loaded_count(self) -> int:
        """How many stored slices are there."""
        return len(self.volume.voxels) if self._loader is None else int(self._loader.loaded.sum())

    def has_slice(self, plane: Plane, index: int) -> bool:
        """Whether a slice is there to be looked at: those across the stored ones are when all of them are."""
        if self._loader is None:
            return True
        loaded = self._loader.loaded
        return bool(plane is self.volume.plane and 0 <= index < len(loaded) and loaded[index])

    def want(self, index: int) -> None:
        """Have the stored slices near to this one read first."""
        if self._loader is not None:
            self._loader.wanted = index

    def grow(self) -> None:
        """Take over what was read meanwhile: the voxels' type may have widened."""
        if self._loader is not None:
            if self._loader.volume is not self.volume:
                self._take(self._loader.volume)
            self.grown.emit()

    def complete(self, volume: Volume) -> None:
        """All slices are there; the scan's own window is known for good."""
        self._loader = None
        as_guessed = self.window == self.volume.window
        self._take(volume)
        if as_guessed and self.window != volume.window:
            self.window = volume.window
            self.shown_changed.emit()
        self.grown.emit()

    def _take(self, volume: Volume) -> None:
        self.volume = volume
        self._renderers.clear()

    def _has(self, plane: Plane) -> bool:
        try:
            plane_grid(self.volume, plane)
        except ScanError:
            return False
        return True

    def renderer(self, plane: Plane) -> SliceRenderer:
        """The plane's pipeline, kept. Raises `ScanError` for a plane that it does not have."""
        if plane not in self._renderers:
            self._renderers[plane] = SliceRenderer(self.volume, plane)
        return self._renderers[plane]

    def render(self, plane: Plane, index: int) -> NDArray[np.uint8]:
        """A slice as (H, W, 3) uint8 through the window, not inverted: what the model is asked about."""
        return self.renderer(plane).render(index, self.window)

    def picture(self, plane: Plane, index: int) -> NDArray[np.uint8]:
        """A slice as the person sees it: the grey of `render` as (H, W), perhaps inverted, or colour as it is."""
        renderer = self.renderer(plane)
        picture = renderer.render(index) if self.volume.is_color else renderer.grey(index, self.window)
        return 255 - picture if self.inverted else picture

    def set_window(self, window: Window) -> None:
        """Show the voxels through another window; colour has none."""
        if not self.volume.is_color and window != self.window:
            self.window = window
            self.shown_changed.emit()

    def fit_window(self, window: Window) -> None:
        """Show the voxels through a window that was fitted to a slice."""
        self.fitted_window = window
        self.set_window(window)

    def set_inverted(self, inverted: bool) -> None:
        """Show white for black. On screen only: the model is asked about, and records keep, the plain picture."""
        if inverted != self.inverted:
            self.inverted = inverted
            self.shown_changed.emit()
