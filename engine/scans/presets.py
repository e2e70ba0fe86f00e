"""Grey-scale windows by the name a radiologist gives them, and one fitted to what is on screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.scans.volume import Window


@dataclass(frozen=True, slots=True)
class WindowPreset:
    """A named window in HU. id : language-neutral name."""

    id: str
    window: Window


_CT = (
    WindowPreset("soft_tissue", Window(40, 400)),
    WindowPreset("lung", Window(-600, 1500)),
    WindowPreset("bone", Window(400, 1800)),
    WindowPreset("brain", Window(40, 80)),
    WindowPreset("liver", Window(60, 160)),
    WindowPreset("mediastinum", Window(50, 350)),
    WindowPreset("angiography", Window(300, 600)),
)


def window_presets(modality: str) -> tuple[WindowPreset, ...]:
    """The presets of a modality, in the order of their keys.

    Only CT has any: other modalities' values mean nothing from scan to scan, see `auto_window`.
    """
    return _CT if modality == "CT" else ()


def auto_window(values: NDArray[Any]) -> Window | None:
    """From the 1st to the 99th percentile of some values, those of one slice for instance.

    The percentiles become black and white by DICOM's linear function (PS3.3 C.11.2.1.2.1). None when all values
    are the same or none is finite.
    """
    flat = values[:: max(1, values.shape[0] // 256), :: max(1, values.shape[1] // 256)].ravel()
    if np.issubdtype(flat.dtype, np.floating):
        flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        return None
    low, high = (float(value) for value in np.percentile(flat, [1, 99]))
    if high <= low:
        low, high = float(flat.min()), float(flat.max())
    if high <= low:
        return None
    return Window(low + (high - low) / 2 + 0.5, high - low + 1)
