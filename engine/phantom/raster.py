"""Cuts a phantom into slices: attenuation in HU and the exact label map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.phantom.anatomy import PHANTOM_LABELS, Phantom
from engine.regions import Box

_LABEL_VALUES = {label.id: value for value, label in enumerate(PHANTOM_LABELS, start=1)}
_AIR_HU = -1000.0


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSlice:
    """One axial slice.

    hu : (N, N) int16. labels : (N, N) uint8, 0 background, else the place in `PHANTOM_LABELS` from 1.
    pixel_mm : side of a pixel. origin_mm : LPS x, y of the centre of pixel (0, 0); z_mm : of the slice.
    """

    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    pixel_mm: float
    origin_mm: tuple[float, float]
    z_mm: float

    def boxes(self, label_id: str, min_pixels: int = 12) -> tuple[Box, ...]:
        """A box for each connected component of a label, largest first, specks left out."""
        mask = SimpleITK.GetImageFromArray((self.labels == _LABEL_VALUES[label_id]).astype(np.uint8))
        components = SimpleITK.ConnectedComponent(mask, True)
        statistics = SimpleITK.LabelShapeStatisticsImageFilter()
        statistics.Execute(components)
        found = sorted(statistics.GetLabels(), key=statistics.GetNumberOfPixels, reverse=True)
        boxes = []
        for value in found:
            if statistics.GetNumberOfPixels(value) >= min_pixels:
                x, y, width, height = statistics.GetBoundingBox(value)
                boxes.append(Box(x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5))
        return tuple(boxes)

    def present(self) -> tuple[str, ...]:
        """The label ids that have at least one box."""
        return tuple(id for id, value in _LABEL_VALUES.items() if (self.labels == value).any() and self.boxes(id))


def render_phantom_slice(phantom: Phantom, z_mm: float, size: int = 512) -> LabelledSlice:
    """Slice a phantom at `z_mm` into `size` x `size` pixels over its field of view.

    The noise of a slice depends on the phantom's seed and on z alone.
    """
    pixel_mm = phantom.fov_mm / size
    origin = tuple(center - phantom.fov_mm / 2 + pixel_mm / 2 for center in phantom.center_mm)
    x = origin[0] + pixel_mm * np.arange(size, dtype=np.float64)
    y = origin[1] + pixel_mm * np.arange(size, dtype=np.float64)
    rng = np.random.default_rng([phantom.seed, round(z_mm * 1000) + 10_000_000])
    hu = np.full((size, size), _AIR_HU, np.float32)
    labels = np.zeros((size, size), np.uint8)
    texture = np.zeros((size, size), np.float32)
    masks: dict[str, NDArray[np.bool_]] = {}
    for blob in phantom.blobs:
        reach = (
            1.35 * float(np.linalg.norm(blob.radii_mm[:2]))
            if blob.radii_mm[2] > 500
            else 1.35 * float(blob.radii_mm.max())
        )
        if blob.radii_mm[2] <= 500 and abs(z_mm - blob.center_mm[2]) > reach:
            continue
        columns = _span(x, blob.center_mm[0], reach)
        rows = _span(y, blob.center_mm[1], reach)
        if columns.stop <= columns.start or rows.stop <= rows.start:
            continue
        inside = blob.level(x[columns], y[rows], z_mm) < 1.0
        if blob.inside:
            host = masks.get(blob.inside)
            if host is None:
                continue
            inside &= host[rows, columns]
        if not inside.any():
            continue
        mask = masks.setdefault(blob.id, np.zeros((size, size), bool))
        mask[rows, columns] |= inside
        hu[rows, columns][inside] = blob.hu
        texture[rows, columns][inside] = blob.texture
        if blob.id in _LABEL_VALUES:
            labels[rows, columns][inside] = _LABEL_VALUES[blob.id]
        elif blob.id not in ("kidney-sinus", "disc"):
            labels[rows, columns][inside] = 0
    table = (np.abs(y - phantom.table_y_mm) < 4)[:, None] & (np.abs(x) < 190)[None, :] & (hu < -900)
    hu[table] = -250
    return LabelledSlice(_expose(hu, texture, phantom, pixel_mm, rng), labels, pixel_mm, (origin[0], origin[1]), z_mm)


def _span(axis: NDArray[np.float64], center: float, reach: float) -> slice:
    start, stop = np.searchsorted(axis, [center - reach, center + reach])
    return slice(int(start), int(stop))


def _expose(
    hu: NDArray[np.float32],
    texture: NDArray[np.float32],
    phantom: Phantom,
    pixel_mm: float,
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    """The scanner's blur and noise, the same in millimetres whatever the pixel size."""
    grain = _smooth(rng.standard_normal(hu.shape, np.float32), 2.2 / pixel_mm)
    grain /= max(float(grain.std()), 1e-6)
    noise = _smooth(rng.standard_normal(hu.shape, np.float32), 0.55 / pixel_mm)
    noise /= max(float(noise.std()), 1e-6)
    sharp = _smooth(hu + texture * grain, 0.6 / pixel_mm)
    exposed = np.clip(sharp + phantom.noise_hu * noise, -1024, 3071)
    return exposed.round().astype(np.int16)


def _smooth(image: NDArray[np.float32], sigma_pixels: float) -> NDArray[np.float32]:
    result = SimpleITK.DiscreteGaussian(SimpleITK.GetImageFromArray(image), sigma_pixels**2)
    smoothed: NDArray[np.float32] = SimpleITK.GetArrayFromImage(result)
    return smoothed
