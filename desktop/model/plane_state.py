"""What one plane view shows: its scan, plane, slice, zoom and place. The one owner of these facts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.model.open_scan import OpenScan
from engine.scans import Plane, Volume, slice_spacing
from engine.scans.positions import Point, patient_to_pixel, pixel_to_patient
from engine.suggest import ImageRef, make_image_ref

_ZOOM_RANGE = (0.02, 200.0)


class PlaneState(QObject):
    """attached : another scan or plane, or none. slice_changed : another slice. picture_changed : the same slice
    looks different. zoom_changed : another part of it is shown. arrived : the shown slice has been read only now.
    progressed : it has not, but others have.

    zoom : logical screen pixels a millimetre. center : the pixel in the middle of the view. fitted : both follow
    from the view's size.
    """

    attached = Signal()
    slice_changed = Signal()
    picture_changed = Signal()
    zoom_changed = Signal()
    arrived = Signal()
    progressed = Signal()

    def __init__(self, plane: Plane, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scan: OpenScan | None = None
        self.plane = plane
        self.index = 0
        self.zoom = 1.0
        self.center = (0.0, 0.0)
        self.fitted = True
        self._had_slice = False

    def attach(self, scan: OpenScan | None, plane: Plane, index: int = 0) -> None:
        """Show a scan's plane, or nothing. A plane that the scan does not have shows nothing."""
        if self.scan is not None:
            self.scan.shown_changed.disconnect(self.picture_changed)
            self.scan.grown.disconnect(self._grown)
        self.scan = scan if scan is not None and plane in scan.planes else None
        self.plane = plane
        self.fitted = True
        self.index = max(0, min(index, self.slice_count - 1))
        if self.scan is not None:
            self.scan.shown_changed.connect(self.picture_changed)
            self.scan.grown.connect(self._grown)
        self._had_slice = self.has_slice
        self.attached.emit()

    @property
    def volume(self) -> Volume | None:
        """The shown scan's voxels."""
        return None if self.scan is None else self.scan.volume

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of its slices, in pixels."""
        return (0, 0) if self.scan is None else self.scan.renderer(self.plane).grid.shape[1:]

    @property
    def slice_count(self) -> int:
        """How many slices there are, 0 when nothing is shown."""
        return 0 if self.scan is None else self.scan.renderer(self.plane).grid.shape[0]

    @property
    def spacing(self) -> tuple[float, float]:
        """(row, column) mm of its pixels."""
        return (1.0, 1.0) if self.volume is None else slice_spacing(self.volume, self.plane)

    def step(self, count: int) -> None:
        """Go `count` slices on, stopping at the ends."""
        self.go_to(self.index + count)

    def go_to(self, index: int) -> None:
        """Show a slice, the nearest there is."""
        index = max(0, min(index, self.slice_count - 1))
        if self.scan is not None and index != self.index:
            self.index = index
            self._had_slice = self.has_slice
            self.slice_changed.emit()

    @property
    def has_slice(self) -> bool:
        """Whether the shown slice has been read; False when nothing is shown."""
        return self.scan is not None and self.scan.has_slice(self.plane, self.index)

    def _grown(self) -> None:
        if not self.has_slice:
            self.progressed.emit()
        elif not self._had_slice:
            self._had_slice = True
            self.arrived.emit()

    def point_at(self, x: float, y: float) -> Point | None:
        """LPS mm of a pixel of the shown slice; None without a scan in patient space."""
        if self.volume is None or not self.volume.has_geometry:
            return None
        return pixel_to_patient(self.volume, self.plane, x, y, self.index)

    def pixel_of(self, point: Point) -> Point | None:
        """(x, y, slice), continuous, of a place in LPS mm; None without a scan in patient space."""
        if self.volume is None or not self.volume.has_geometry:
            return None
        return patient_to_pixel(self.volume, self.plane, point)

    def go_to_point(self, point: Point) -> None:
        """Show the slice nearest to a place, the last one for a place beyond it."""
        pixel = self.pixel_of(point)
        if pixel is not None:
            self.go_to(round(pixel[2]))

    def set_zoom(self, zoom: float, center: tuple[float, float], *, fitted: bool) -> None:
        """Show another part of the slice."""
        low, high = _ZOOM_RANGE
        if self.volume is not None and self.volume.slide is not None:
            # A thousand times finer than what lies in a patient.
            low, high = low / min(self.spacing), high / min(self.spacing)
        zoom = max(low, min(high, zoom))
        if (zoom, center, fitted) != (self.zoom, self.center, self.fitted):
            self.zoom, self.center, self.fitted = zoom, center, fitted
            self.zoom_changed.emit()

    def rgb(self) -> NDArray[np.uint8] | None:
        """The slice as the model sees it, (H, W, 3) uint8; None when nothing is shown or it is not read yet."""
        return None if self.scan is None or not self.has_slice else self.scan.render(self.plane, self.index)

    def picture(self) -> NDArray[np.uint8] | None:
        """The slice as the person sees it, (H, W) grey or (H, W, 3) colour uint8; see `OpenScan.picture`.

        None when nothing is shown or it is not read yet.
        """
        return None if self.scan is None or not self.has_slice else self.scan.picture(self.plane, self.index)

    def image_ref(self) -> ImageRef | None:
        """The slice named so that it can be rendered again; None when it is not read yet."""
        return self.image_ref_of(self.index)

    def image_ref_of(self, index: int) -> ImageRef | None:
        """Another slice of the plane, through the same window; None when it is not there."""
        scan = self.scan
        if scan is None or not 0 <= index < self.slice_count or not scan.has_slice(self.plane, index):
            return None
        rgb = scan.render(self.plane, index)
        return make_image_ref(scan.volume, self.plane, index, scan.window, rgb)
