"""Between pixels of a slice and places in the patient, also from one scan to another.

Pixels are continuous, x right and y down, centres at integers; patient coordinates are LPS millimetres.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    _, across, down, on = _frame(volume, plane)
    normal = np.cross(across, down)
    normal = normal * np.sign(normal @ on)
    unit: NDArray[np.float64] = normal / np.linalg.norm(normal)
    return unit


def intersection_line(
    volume: Volume, plane: Plane, index: float, other: Volume, other_plane: Plane, other_index: float
) -> Line | None:
    """Where another slice cuts this one: two points on this slice's edge, in its pixels.

    Both scans must lie in one frame of reference. None where the slices are parallel or the line misses the
    picture.
    """
    origin, across, down, on = _frame(volume, plane)
    corner = origin + index * on
    _, height, width = plane_grid(volume, plane).shape
    normal = slice_normal(other, other_plane)
    start, _, _, other_on = _frame(other, other_plane)
    place = start + other_index * other_on
    # A pixel (x, y) lies in the other slice where a x + b y = c.
    a, b, c = float(normal @ across), float(normal @ down), float(normal @ (place - corner))
    if max(abs(a) / np.linalg.norm(across), abs(b) / np.linalg.norm(down)) < _PARALLEL:
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


def _frame(
    volume: Volume, plane: Plane
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Patient position of pixel (0, 0, 0), and the (3,) mm of one pixel right, one down, one slice on."""
    grid = plane_grid(volume, plane)
    origin = np.array(volume.pixel_to_patient(*grid.pixel_to_voxel(0, 0, 0)))
    across, down, on = (
        volume.direction[:, axis] * (volume.spacing_mm[axis] * sign)
        for axis, sign in (grid.columns, grid.rows, grid.slices)
    )
    return origin, across, down, on
