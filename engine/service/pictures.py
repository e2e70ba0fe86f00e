"""From a request's picture to the slice that the model is asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.scans import Plane, Volume, Window, render_slice, slice_count
from engine.service.forms import PictureForm


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice, as `engine.suggest.suggest` takes it."""

    volume: Volume
    plane: Plane
    index: int
    window: Window | None

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8, as it is shown. Raises `ScanError`."""
        return render_slice(self.volume, self.plane, self.index, self.window)


def middle_slice(volume: Volume) -> Slice:
    """What is shown of a scan when nobody says which slice."""
    return Slice(volume, volume.plane, slice_count(volume, volume.plane) // 2, None)


def wanted_slice(volume: Volume, form: PictureForm) -> Slice:
    """The slice that a request is about. Raises `ScanError` for a plane or a window that cannot be."""
    if form.modality is not None:
        volume = replace(volume, modality=form.modality)
    if form.body_part is not None:
        volume = replace(volume, body_part=form.body_part)
    plane = form.plane or volume.plane
    count = slice_count(volume, plane)
    window = None if form.window is None else Window(*form.window)
    return Slice(volume, plane, count // 2 if form.slice is None else form.slice, window)
