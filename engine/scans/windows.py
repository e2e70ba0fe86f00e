"""The window a scan is shown with when its file names none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.scans.volume import Window

_SOFT_TISSUE_CT = Window(40.0, 400.0)

DOSE = "RTDOSE"
"""The modality of an RT Dose."""

AS_STORED = Window(128.0, 256.0)
"""Shows 8-bit values as they are: what is exported as a picture has been windowed already."""


def default_window(voxels: NDArray[Any], modality: str, padding: tuple[float, float] | None = None) -> Window:
    """Soft tissue for CT, from none to the highest for doses, for others by every 8th voxel along each long axis.

    Of those the 0.5th to 99.5th percentile. A dose is judged against its maximum, which a few voxels have.

    The two percentiles become black and white by DICOM's linear function, whose ramp is width - 1 wide round
    center - 0.5 (PS3.3 C.11.2.1.2.1).
    """
    if modality == "CT":
        return _SOFT_TISSUE_CT
    if modality == DOSE:
        highest = float(np.nan_to_num(voxels.max(initial=0)))
        return Window(highest / 2, highest) if highest > 0 else Window(0.5, 1.0)
    step = tuple(slice(None, None, 8 if extent > 64 else 1) for extent in voxels.shape)
    sample = voxels[step]
    if np.issubdtype(sample.dtype, np.floating):
        sample = sample[np.isfinite(sample)]
    if padding is not None:
        sample = sample[(sample < padding[0]) | (sample > padding[1])]
    if sample.size == 0:
        return Window(1.0, 2.0)
    low, high = (float(v) for v in np.percentile(sample, [0.5, 99.5]))
    if high <= low:
        # A nearly empty scan: its few other values must not all be white.
        low, high = float(sample.min()), float(sample.max())
    span = high - low if high > low else 1.0
    return Window(low + span / 2 + 0.5, span + 1)
