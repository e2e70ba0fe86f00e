"""Turns a volume whose file keeps any order of voxels to the one that pictures are looked at in.

DICOM slices are made to be looked at and stay as they are. NIfTI and the like store what is convenient: a NIfTI
slice shown as stored has the patient's left on the left and the back at the top.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.scans.rendering import radiological_grid
from engine.scans.volume import Volume


def radiological(volume: Volume) -> Volume:
    """The volume with its stored plane in the radiological convention; see `engine.scans.rendering`.

    Voxel axes are only swapped in the plane and turned round, slices stay slices, and every value keeps its place in
    patient space: for the nearest axes the same as ITK's orientation "LPS" of axial slices, "LIP" of coronal ones,
    "PIL" of sagittal ones. Colour is left alone. The voxels are copied where anything changes.
    """
    if volume.is_color or not volume.has_geometry:
        return volume
    grid = radiological_grid(volume, volume.plane)
    axes = (grid.columns, grid.rows, grid.slices)
    if axes == ((0, 1), (1, 1), (2, 1)):
        return volume
    spacing_x, spacing_y, spacing_z = (volume.spacing_mm[axis] for axis, _ in axes)
    return replace(
        volume,
        voxels=np.ascontiguousarray(grid.cut(volume.voxels, slice(None))),
        spacing_mm=(spacing_x, spacing_y, spacing_z),
        origin_mm=volume.pixel_to_patient(*grid.pixel_to_voxel(0, 0, 0)),
        direction=np.stack([volume.direction[:, axis] * sign for axis, sign in axes], axis=1),
    )
