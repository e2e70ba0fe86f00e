"""The slice as the person sees it and as the model sees it, by one VTK pipeline without a screen.

``vtkImageReslice`` cuts on the voxel grid, ``vtkImageMapToWindowLevelColors`` maps grey values. In the plane a
series was stored in, a rendered pixel is the voxel of the `Volume`: as stored in DICOM, turned by `radiological` where
a format stores any order. In the other two planes the picture is turned to the radiological convention: the patient's
right on the picture's left (coronal), anterior on the left (sagittal), superior at the top; axial: anterior at the
top, the patient's right on the left.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm
from vtkmodules.vtkImagingColor import vtkImageMapToWindowLevelColors
from vtkmodules.vtkImagingCore import vtkImageCast, vtkImageReslice

from engine.scans.remembered import remembered
from engine.scans.voi import VoiShape
from engine.scans.volume import Plane, ScanError, Volume, Window

# The LPS axis that increases along a rendered row, down a column, and from slice to slice.
_RADIOLOGICAL = {
    Plane.AXIAL: ((0, 1), (1, 1), (2, 1)),
    Plane.CORONAL: ((0, 1), (2, -1), (1, 1)),
    Plane.SAGITTAL: ((1, 1), (2, -1), (0, 1)),
}
_STEP = 1e-9
_NORMAL_AXIS = {Plane.SAGITTAL: 0, Plane.CORONAL: 1, Plane.AXIAL: 2}


@dataclass(frozen=True, slots=True)
class PlaneGrid:
    """How the pixels of a plane lie on the voxel grid.

    columns, rows, slices : the voxel axis (0 x, 1 y, 2 z) and the direction (+1, -1) in which each increases.
    shape : (slices, height, width).
    """

    columns: tuple[int, int]
    rows: tuple[int, int]
    slices: tuple[int, int]
    shape: tuple[int, int, int]

    def pixel_to_voxel(self, x: float, y: float, index: float) -> tuple[float, float, float]:
        """Continuous voxel index (x, y, z) of pixel (x, y) of slice `index`."""
        voxel = [0.0, 0.0, 0.0]
        for (axis, sign), extent, value in zip(
            (self.slices, self.rows, self.columns), self.shape, (index, y, x), strict=True
        ):
            voxel[axis] = value if sign > 0 else extent - 1 - value
        return (voxel[0], voxel[1], voxel[2])

    def voxel_to_pixel(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """(x, y, slice index) of a continuous voxel index; the inverse of `pixel_to_voxel`."""
        voxel = (x, y, z)
        index, row, column = (
            voxel[axis] if sign > 0 else extent - 1 - voxel[axis]
            for (axis, sign), extent in zip((self.slices, self.rows, self.columns), self.shape, strict=True)
        )
        return (column, row, index)

    def cut(self, voxels: NDArray[Any], index: int | slice) -> NDArray[Any]:
        """(height, width) or (height, width, 3): the voxels under the pixels of slice `index`, not copied.

        Of several slices where `index` is a range of them, one behind the other.
        """
        axes = (self.slices, self.rows, self.columns)
        # Array axes are z, y, x, so voxel axis n is array axis 2 - n.
        turned = np.moveaxis(voxels, [2 - axis for axis, _ in axes], (0, 1, 2))
        values: NDArray[Any] = turned[tuple(slice(None, None, sign) for _, sign in axes)][index]
        return values


@remembered
def plane_grid(volume: Volume, plane: Plane) -> PlaneGrid:
    """Where the pixels of a plane come from. Raises `ScanError` for a plane that a flat image does not have."""
    extents = (volume.voxels.shape[2], volume.voxels.shape[1], volume.voxels.shape[0])
    if plane is volume.plane:
        return PlaneGrid((0, 1), (1, 1), (2, 1), (extents[2], extents[1], extents[0]))
    if not volume.has_geometry:
        raise ScanError(f"{volume.source} has no {plane.value} plane: it is not a volume in patient space")
    return radiological_grid(volume, plane)


def radiological_grid(volume: Volume, plane: Plane) -> PlaneGrid:
    """The pixels of a plane in the radiological convention, the stored plane too. For volumes in patient space."""
    extents = (volume.voxels.shape[2], volume.voxels.shape[1], volume.voxels.shape[0])
    nearest = _nearest_axes(volume)
    columns, rows, slices = ((nearest[axis][0], nearest[axis][1] * sign) for axis, sign in _RADIOLOGICAL[plane])
    return PlaneGrid(columns, rows, slices, (extents[slices[0]], extents[rows[0]], extents[columns[0]]))


def _nearest_axes(volume: Volume) -> dict[int, tuple[int, int]]:
    """For each LPS axis the voxel axis that stands for it and its sign.

    The slices' normal stands for the axis that names the stored plane, so that the other two planes always cut
    across the stored slices, however oblique these are.
    """
    direction = volume.direction
    strength = np.abs(direction)
    normal = _NORMAL_AXIS[volume.plane]
    first, second = (axis for axis in range(3) if axis != normal)
    straight = strength[first, 0] + strength[second, 1] >= strength[first, 1] + strength[second, 0]
    voxel_axis = {normal: 2, first: 0 if straight else 1, second: 1 if straight else 0}
    return {axis: (voxel, 1 if direction[axis, voxel] >= 0 else -1) for axis, voxel in voxel_axis.items()}


def slice_count(volume: Volume, plane: Plane) -> int:
    """How many slices the volume has in a plane."""
    return plane_grid(volume, plane).shape[0]


def slice_shape(volume: Volume, plane: Plane) -> tuple[int, int]:
    """(height, width) of a rendered slice: one pixel a voxel, never resampled."""
    return plane_grid(volume, plane).shape[1:]


def slice_spacing(volume: Volume, plane: Plane) -> tuple[float, float]:
    """(row, column) distance of a rendered slice's pixels in mm."""
    grid = plane_grid(volume, plane)
    return volume.spacing_mm[grid.rows[0]], volume.spacing_mm[grid.columns[0]]


class SliceRenderer:
    """Keeps one plane's pipeline, so that turning slices is fast. For one thread at a time."""

    def __init__(self, volume: Volume, plane: Plane) -> None:
        self._volume = volume
        self._grid = plane_grid(volume, plane)
        # VTK shares this memory and does not keep it alive.
        self._voxels = np.ascontiguousarray(volume.voxels)
        image = vtkImageData()
        # Index space: the grid is the pixel grid, geometry lives in `Volume` alone.
        image.SetDimensions(*self._voxels.shape[2::-1])
        scalars = self._voxels.reshape(-1, 3) if volume.is_color else self._voxels.ravel()
        image.GetPointData().SetScalars(numpy_to_vtk(scalars, deep=False))
        columns, rows, slices = (_unit(axis) for axis in (self._grid.columns, self._grid.rows, self._grid.slices))
        self._reslice = vtkImageReslice()
        self._reslice.SetInputData(image)
        self._reslice.SetOutputDimensionality(2)
        self._reslice.SetInterpolationModeToNearestNeighbor()
        self._reslice.SetResliceAxesDirectionCosines(*columns, *rows, *slices)
        _, height, width = self._grid.shape
        self._reslice.SetOutputExtent(0, width - 1, 0, height - 1, 0, 0)
        self._reslice.SetOutputSpacing(1, 1, 1)
        self._reslice.SetOutputOrigin(0, 0, 0)
        # On whole numbers VTK rounds the ends of the ramp, which narrow windows show.
        exact = vtkImageCast()
        exact.SetInputConnection(self._reslice.GetOutputPort())
        exact.SetOutputScalarTypeToDouble()
        self._colors = vtkImageMapToWindowLevelColors()
        self._colors.SetInputConnection(exact.GetOutputPort())
        self._colors.SetOutputFormatToRGB()
        self._table: tuple[Window | None, NDArray[np.uint8]] | None = None

    @property
    def grid(self) -> PlaneGrid:
        """Where the pixels come from."""
        return self._grid

    def grey(self, index: int, window: Window | None = None) -> NDArray[np.uint8]:
        """Slice `index` of a grey-scale volume as (H, W) uint8: any channel of `render`, bit for bit, but faster.

        Types of up to 16 bits go through a table of all their values, rendered once for a window: turning slices is
        then a look-up, without VTK's threads. Raises `ScanError` for colour and as `render` does.
        """
        if self._volume.is_color:
            raise ScanError(f"{self._volume.source} is in colour")
        kind = self._voxels.dtype
        if kind.kind not in "iu" or kind.itemsize > 2:
            return np.ascontiguousarray(self.render(index, window)[..., 0])
        if not 0 <= index < self._grid.shape[0]:
            raise ScanError(f"{self._volume.source} has slices 0 to {self._grid.shape[0] - 1}, not {index}")
        if self._table is None or self._table[0] != window:
            self._table = (window, self._render_every_value(window))
        values = np.ascontiguousarray(self._grid.cut(self._voxels, index))
        return np.take(self._table[1], values.view(f"u{kind.itemsize}"))

    def _render_every_value(self, window: Window | None) -> NDArray[np.uint8]:
        """(256,) or (65536,) the grey of each value, in the order of its bits read as an unsigned number."""
        kind = self._voxels.dtype
        every = np.arange(1 << 8 * kind.itemsize, dtype=f"u{kind.itemsize}").view(kind).reshape(1, -1, 256)
        # Rendered like any slice, so that whatever shapes a slice's greys shapes these.
        values = replace(self._volume, voxels=every)
        return np.ascontiguousarray(SliceRenderer(values, values.plane).render(0, window)[..., 0]).ravel()

    def render(self, index: int, window: Window | None = None) -> NDArray[np.uint8]:
        """Slice `index` as a new (H, W, 3) uint8 array.

        window : the volume's own when None; ignored for colour, which passes through. Raises `ScanError` when
        there is no such slice.
        """
        count, height, width = self._grid.shape
        if not 0 <= index < count:
            raise ScanError(f"{self._volume.source} has slices 0 to {count - 1}, not {index}")
        self._reslice.SetResliceAxesOrigin(*self._grid.pixel_to_voxel(0, 0, index))
        if self._volume.is_color:
            return _pixels(self._reslice, height, width)
        window = window or self._volume.window
        if window is None:
            raise ScanError(f"{self._volume.source} needs a window to be shown")
        shape = self._volume.curve.shape
        if shape in (VoiShape.SIGMOID, VoiShape.TABLE):
            return self._curved(window, height, width)
        if shape is VoiShape.LINEAR_EXACT:
            # PS3.3 C.11.2.1.3.2: the ramp runs from c - w / 2 to c + w / 2.
            self._colors.SetLevel(window.center)
            self._colors.SetWindow(-window.width if self._volume.inverted else window.width)
            return _pixels(self._colors, height, width)
        # DICOM PS3.3 C.11.2.1.2.1: the ramp runs from c - 0.5 - (w - 1) / 2 to c - 0.5 + (w - 1) / 2. Narrower
        # than this it is a step, and c - 0.5 itself is still black.
        span = max(window.width - 1, _STEP)
        self._colors.SetLevel(window.center - 0.5 + (span / 2 if span == _STEP else 0))
        self._colors.SetWindow(-span if self._volume.inverted else span)
        return _pixels(self._colors, height, width)

    def _curved(self, window: Window, height: int, width: int) -> NDArray[np.uint8]:
        """VTK knows ramps only: the other curves are looked up value by value."""
        self._reslice.Update()
        values = vtk_to_numpy(self._reslice.GetOutput().GetPointData().GetScalars()).reshape(height, width)
        greys = self._volume.curve.greys(values, window.center, window.width)
        shown = np.rint((1 - greys if self._volume.inverted else greys) * 255).astype(np.uint8)
        return np.repeat(shown[..., None], 3, axis=2)


def _pixels(source: vtkAlgorithm, height: int, width: int) -> NDArray[np.uint8]:
    source.Update()
    # A copy: VTK writes the next slice into the same memory.
    pixels: NDArray[np.uint8] = vtk_to_numpy(source.GetOutput().GetPointData().GetScalars()).copy()
    return pixels.reshape(height, width, 3)


def _unit(axis: tuple[int, int]) -> tuple[float, float, float]:
    vector = [0.0, 0.0, 0.0]
    vector[axis[0]] = float(axis[1])
    return (vector[0], vector[1], vector[2])


def render_slice(volume: Volume, plane: Plane, index: int, window: Window | None = None) -> NDArray[np.uint8]:
    """One slice as (H, W, 3) uint8; see `SliceRenderer.render`."""
    return SliceRenderer(volume, plane).render(index, window)


def image_sha256(rgb: NDArray[np.uint8]) -> str:
    """Names a rendered slice: SHA-256 of its shape and pixels, in hex."""
    digest = hashlib.sha256(repr(rgb.shape).encode())
    digest.update(np.ascontiguousarray(rgb).tobytes())
    return digest.hexdigest()
