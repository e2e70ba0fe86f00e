"""The window a scan is shown with when its file names none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.scans.volume import Window

_SOFT_TISSUE_CT = Window(40.0, 400.0)


def default_window(voxels: NDArray[Any], modality: str) -> Window:
    """Soft tissue for CT, otherwise the 0.5th to 99.5th percentile of every 8th voxel along each axis."""
    if modality == "CT":
        return _SOFT_TISSUE_CT
    step = tuple(slice(None, None, 8 if extent > 64 else 1) for extent in voxels.shape)
    sample = voxels[step]
    sample = sample[np.isfinite(sample)] if np.issubdtype(sample.dtype, np.floating) else sample
    if sample.size == 0:
        return Window(0, 1)
    low, high = (float(v) for v in np.percentile(sample, [0.5, 99.5]))
    return Window((low + high) / 2, max(high - low, 1.0))
