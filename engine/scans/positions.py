"""Between pixels of a slice and places in the patient, also from one scan to another.

Pixels are continuous, x right and y down, centres at integers; patient coordinates are LPS millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.scans.remembered import remembered
from engine.scans.rendering import plane_grid
from engine.scans.volume import Plane, Volume

Point = tuple[float, float, float]
Line = tuple[tuple[float, float], tuple[float, float]]

_PARALLEL = 1e-6


def pixel_to_patient(volume: Volume, plane: Plane, x: float, y: float, index: float) -> Point:
    """LPS mm of pixel (x, y) of slice `index` of a plane."""
    return volume.pixel_to_patient(*plane_grid(volume, plane).pixel_to_voxel(x, y, index))


def patient_to_pixel(volume: Volume, plane: Plane, point: Point) -> Point:
    """(x, y, slice index) of a place in LPS mm, continuous and perhaps outside; inverse of `pixel_to_patient`."""
    return plane_grid(volume, plane).voxel_to_pixel(*volume.patient_to_pixel(*point))


def slice_normal(volume: Volume, plane: Plane) -> NDArray[np.float64]:
    """(3,) unit vector at right angles to a plane's slices, in the direction in which their index increases."""
    return _frame(volume, plane).normal


def intersection_line(
    volume: Volume, plane: Plane, index: float, other: Volume, other_plane: Plane, other_index: float
) -> Line | None:
    """Where another slice cuts this one: two points on this slice's edge, in its pixels.

    Both scans must lie in one frame of reference. None where the slices are parallel or the line misses the
    picture.
    """
    own, cutting = _frame(volume, plane), _frame(other, other_plane)
    _, height, width = plane_grid(volume, plane).shape
    way = cutting.origin + other_index * cutting.on - own.origin - index * own.on
    # A pixel (x, y) lies in the other slice where a x + b y = c.
    a, b, c = (float(cutting.normal @ vector) for vector in (own.across, own.down, way))
    if max(abs(a) / own.column_mm, abs(b) / own.row_mm) < _PARALLEL:
        return None
    low, right, bottom = -0.5, width - 0.5, height - 0.5
    found: list[tuple[float, float]] = []
    if abs(b) > _PARALLEL:
        found += [(x, (c - a * x) / b) for x in (low, right)]
    if abs(a) > _PARALLEL:
        found += [((c - b * y) / a, y) for y in (low, bottom)]
    slack = 1e-6
    inside = [p for p in found if low - slack <= p[0] <= right + slack and low - slack <= p[1] <= bottom + slack]
    if len(inside) < 2:
        return None
    first = inside[0]
    last = max(inside[1:], key=lambda p: (p[0] - first[0]) ** 2 + (p[1] - first[1]) ** 2)
    return (first, last)


def slice_values(volume: Volume, plane: Plane, index: int) -> NDArray[Any]:
    """(H, W) or (H, W, 3): the stored values under the pixels of a slice, as a view without a copy."""
    return plane_grid(volume, plane).cut(volume.voxels, index)


@dataclass(frozen=True, slots=True)
class _Frame:
    """How a plane lies in the patient: LPS mm, arrays of (3,) float64.

    origin : of pixel (0, 0, 0). across, down, on : one pixel right, one down, one slice on. normal : see
    `slice_normal`. column_mm, row_mm : how long `across` and `down` are.
    """

    origin: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    on: NDArray[np.float64]
    normal: NDArray[np.float64]
    column_mm: float
    row_mm: float


@remembered
def _frame(volume: Volume, plane: Plane) -> _Frame:
    grid = plane_grid(volume, plane)
    origin = np.array(volume.pixel_to_patient(*grid.pixel_to_voxel(0, 0, 0)))
    across, down, on = (
        volume.direction[:, axis] * (volume.spacing_mm[axis] * sign)
        for axis, sign in (grid.columns, grid.rows, grid.slices)
    )
    normal = np.cross(across, down)
    normal = normal * np.sign(normal @ on) / np.linalg.norm(normal)
    normal.flags.writeable = False
    return _Frame(origin, across, down, on, normal, float(np.linalg.norm(across)), float(np.linalg.norm(down)))
