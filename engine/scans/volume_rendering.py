"""A scan in three dimensions: ray casting into an off-screen window, read back as pixels.

Without a display VTK falls back to EGL or OSMesa by itself. Where OpenGL is done in software, VTK's own
multi-threaded ray caster is faster than its shaders.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401 - registers the implementations
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import (
    vtkColorTransferFunction,
    vtkRenderer,
    vtkRenderWindow,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkSmartVolumeMapper

from engine.scans.volume import ScanError, Volume

MAX_VOXELS = 192**3
"""What is kept for drawing: more cannot be told apart in a pane, and software cannot turn it."""

_LEVELS = 4095
_SOFTWARE = ("llvmpipe", "softpipe", "swr", "swrast", "software")
_BACKGROUND = (0.02, 0.028, 0.04)


class VolumePreset(StrEnum):
    """What is made visible."""

    CT_BONE = "ct_bone"
    CT_SOFT = "ct_soft"
    MR = "mr"


@dataclass(frozen=True, slots=True)
class VolumeGrid:
    """A thinned-out scan, ready to be sent to another process.

    values : (Z, Y, X) uint16, the stored values spread over 0 to 4095. low, high : the stored values at both
    ends. directions : (3, 3), columns are the LPS unit vectors of x, y and z. spacing_mm : x, y, z.
    """

    values: NDArray[np.uint16]
    low: float
    high: float
    spacing_mm: tuple[float, float, float]
    directions: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sight:
    """Where from and how the volume is seen.

    azimuth, elevation : degrees round the patient; 0, 0 is from the front. zoom : 1 shows all. coarse : one ray
    for 3 x 3 pixels, while the person turns it.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    zoom: float = 1.0
    preset: VolumePreset = VolumePreset.CT_BONE
    coarse: bool = False


def volume_presets(modality: str) -> tuple[VolumePreset, ...]:
    """The presets that mean something for a modality, the best first."""
    if modality == "CT":
        return (VolumePreset.CT_BONE, VolumePreset.CT_SOFT)
    return (VolumePreset.MR,)


def thin_out(volume: Volume, max_voxels: int = MAX_VOXELS) -> VolumeGrid:
    """Every n-th voxel along each axis, the finest axis first, until few enough are left.

    Raises `ScanError` for colour and for scans that are not in patient space.
    """
    if volume.is_color or not volume.has_geometry or min(volume.voxels.shape[:3]) < 2:
        raise ScanError(f"{volume.source} is no grey-scale volume: it cannot be shown in three dimensions")
    steps = [1, 1, 1]
    shape = volume.voxels.shape[::-1]
    while np.prod([-(-extent // step) for extent, step in zip(shape, steps, strict=True)]) > max_voxels:
        finest = min(range(3), key=lambda axis: volume.spacing_mm[axis] * steps[axis])
        steps[finest] += 1
    kept = volume.voxels[:: steps[2], :: steps[1], :: steps[0]].astype(np.float32)
    if volume.modality == "CT":
        low, high = -1024.0, 3071.0
    else:
        finite = kept[np.isfinite(kept)]
        low, high = (float(v) for v in np.percentile(finite, [0.5, 99.8])) if finite.size else (0.0, 1.0)
    high = high if high > low else low + 1.0
    spread = np.nan_to_num((kept - low) / (high - low) * _LEVELS)
    values = np.clip(spread, 0, _LEVELS).astype(np.uint16)
    spacing = tuple(mm * step for mm, step in zip(volume.spacing_mm, steps, strict=True))
    return VolumeGrid(values, low, high, (spacing[0], spacing[1], spacing[2]), volume.direction)


class VolumeRenderer:
    """Draws one grid. To be made and used in one thread."""

    def __init__(self, grid: VolumeGrid) -> None:
        self._grid = grid
        # VTK shares this memory and does not keep it alive.
        self._values = np.ascontiguousarray(grid.values)
        image = vtkImageData()
        image.SetDimensions(*self._values.shape[::-1])
        image.SetSpacing(*grid.spacing_mm)
        image.GetPointData().SetScalars(numpy_to_vtk(self._values.ravel(), deep=False))
        self._property = vtkVolumeProperty()
        self._property.SetInterpolationTypeToLinear()
        self._property.ShadeOn()
        self._property.SetAmbient(0.4)
        self._property.SetDiffuse(0.95)
        self._property.SetSpecular(0.15)
        self._volume = vtkVolume()
        self._volume.SetProperty(self._property)
        # In the volume's own matrix: not every ray caster minds the image's direction.
        placed = np.eye(4)
        placed[:3, :3] = grid.directions
        matrix = vtkMatrix4x4()
        matrix.DeepCopy(placed.ravel().tolist())
        self._volume.SetUserMatrix(matrix)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(*_BACKGROUND)
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(64, 64)
        self._window.AddRenderer(self._renderer)
        self._software = self._is_software()
        self._mapper = vtkFixedPointVolumeRayCastMapper() if self._software else vtkSmartVolumeMapper()
        self._mapper.SetInputData(image)
        self._volume.SetMapper(self._mapper)
        self._renderer.AddVolume(self._volume)
        extent = (np.array(self._values.shape[::-1]) - 1) * np.array(grid.spacing_mm)
        self._middle = grid.directions @ (extent / 2)
        self._radius = float(np.linalg.norm(extent)) / 2
        self._preset: VolumePreset | None = None

    def _is_software(self) -> bool:
        self._window.Render()
        report = str(self._window.ReportCapabilities() or "").lower()
        return any(name in report for name in _SOFTWARE)

    @property
    def in_software(self) -> bool:
        """Whether there is no graphics processor to do it."""
        return self._software

    def render(self, sight: Sight, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8, row 0 at the top."""
        if sight.preset is not self._preset:
            self._use(sight.preset)
        self._window.SetSize(width, height)
        self._look(sight, min(1.0, width / height))
        if self._software:
            self._mapper.SetAutoAdjustSampleDistances(0)
            self._mapper.SetImageSampleDistance(3.0 if sight.coarse else 1.0)
            finest = min(self._grid.spacing_mm)
            self._mapper.SetSampleDistance(finest * (2.0 if sight.coarse else 0.6))
        self._window.Render()
        pixels = vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, width - 1, height - 1, 1, pixels, 0)
        rows: NDArray[np.uint8] = vtk_to_numpy(pixels).reshape(height, width, 3)
        return np.ascontiguousarray(rows[::-1])

    def _look(self, sight: Sight, narrow: float) -> None:
        """LPS: from the front is from -y, with the head (+z) up."""
        turn, lift = np.radians(sight.azimuth), np.radians(np.clip(sight.elevation, -89.9, 89.9))
        towards = np.array([np.sin(turn) * np.cos(lift), -np.cos(turn) * np.cos(lift), np.sin(lift)])
        camera = self._renderer.GetActiveCamera()
        camera.SetFocalPoint(*self._middle)
        camera.SetPosition(*(self._middle + towards * self._radius * 6))
        camera.SetViewUp(0, 0, 1)
        camera.ParallelProjectionOn()
        camera.SetParallelScale(self._radius * 0.72 / (sight.zoom * narrow))
        self._renderer.ResetCameraClippingRange()

    def _use(self, preset: VolumePreset) -> None:
        self._preset = preset
        colors, opacity = vtkColorTransferFunction(), vtkPiecewiseFunction()
        for value, red, green, blue, opaque in _POINTS[preset]:
            level = self._level(value, preset)
            colors.AddRGBPoint(level, red, green, blue)
            opacity.AddPoint(level, opaque)
        self._property.SetColor(colors)
        self._property.SetScalarOpacity(opacity)
        # Opacities are meant for a way of 1 mm through the patient.
        self._property.SetScalarOpacityUnitDistance(2.0)

    def _level(self, value: float, preset: VolumePreset) -> float:
        if preset is VolumePreset.MR:
            return value * _LEVELS
        return float(np.clip((value - self._grid.low) / (self._grid.high - self._grid.low), 0, 1) * _LEVELS)


# HU (MR: share of the brightest), red, green, blue, opacity.
_POINTS: dict[VolumePreset, tuple[tuple[float, float, float, float, float], ...]] = {
    VolumePreset.CT_BONE: (
        (-1024, 0.3, 0.1, 0.1, 0.0),
        (120, 0.65, 0.3, 0.22, 0.0),
        (220, 0.85, 0.55, 0.4, 0.18),
        (450, 0.96, 0.88, 0.76, 0.6),
        (3071, 1.0, 1.0, 0.97, 0.9),
    ),
    VolumePreset.CT_SOFT: (
        (-1024, 0.0, 0.0, 0.0, 0.0),
        (-250, 0.75, 0.5, 0.4, 0.0),
        (-120, 0.86, 0.64, 0.5, 0.05),
        (0, 0.84, 0.5, 0.42, 0.1),
        (80, 0.8, 0.36, 0.32, 0.24),
        (250, 0.95, 0.8, 0.7, 0.6),
        (3071, 1.0, 1.0, 0.97, 0.9),
    ),
    VolumePreset.MR: (
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (0.14, 0.3, 0.2, 0.18, 0.0),
        (0.3, 0.65, 0.5, 0.45, 0.14),
        (0.6, 0.88, 0.8, 0.72, 0.35),
        (1.0, 1.0, 0.98, 0.95, 0.7),
    ),
}
