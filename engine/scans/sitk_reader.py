"""NIfTI, NRRD, MetaImage and Analyze through SimpleITK, voxel order and LPS direction as stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.scans.limits import require_regular_file, require_sane_size
from engine.scans.volume import ScanError, Volume
from engine.scans.windows import default_window

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".img")


def read_sitk(path: Path) -> Volume:
    """One 2-D or 3-D volume. Raises `ScanError` naming the file."""
    require_regular_file(path)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        size, components = reader.GetSize(), reader.GetNumberOfComponents()
        require_sane_size(path, *size, components)
        if len(size) not in (2, 3):
            raise ScanError(f"{path} has {len(size)} dimensions: only 2 and 3 are shown")
        if components not in (1, 3):
            raise ScanError(f"{path} has {components} values a voxel: only 1 and RGB are shown")
        image = reader.Execute()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:200]
        raise ScanError(f"cannot read the volume {path}: {reason}") from error
    if len(size) == 2:
        image = SimpleITK.JoinSeries(image)
    voxels = SimpleITK.GetArrayFromImage(image)
    if components == 3 and voxels.dtype != np.uint8:
        raise ScanError(f"{path} has colours of type {voxels.dtype}: only 8-bit RGB is shown")
    # No modality is stored in these formats. Only CT has air far below zero in whole numbers.
    looks_ct = components == 1 and voxels.size > 0 and -1100 <= float(voxels.min()) <= -900
    modality = "CT" if looks_ct else "OT"
    voxels = _shown_type(voxels)
    return Volume(
        voxels=voxels,
        spacing_mm=tuple(image.GetSpacing()),
        origin_mm=tuple(image.GetOrigin()),
        direction=np.array(image.GetDirection()).reshape(3, 3),
        modality=modality,
        window=None if components == 3 else default_window(voxels, modality),
        source=path,
    )


def _shown_type(voxels: NDArray[Any]) -> NDArray[Any]:
    if voxels.dtype in (np.int16, np.int32, np.uint8, np.uint16, np.float32):
        return voxels
    if voxels.dtype in (np.int8,):
        return voxels.astype(np.int16)
    return voxels.astype(np.float32)
