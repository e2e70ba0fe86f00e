"""Grey-scale windows by the name a radiologist gives them, and one fitted to what is on screen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.scans.voi import VoiShape
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


def auto_window(values: NDArray[Any], shape: VoiShape = VoiShape.LINEAR) -> Window | None:
    """From the 1st to the 99th percentile of some values, those of one slice for instance.

    shape : of the curve that lies on the window. The percentiles become black and white by DICOM's linear function
    (PS3.3 C.11.2.1.2.1), or by the exact one (C.11.2.1.3.2). None when all values are the same or none is finite.
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
    narrower = 0 if shape is VoiShape.LINEAR_EXACT else 1
    return Window(low + (high - low) / 2 + narrower / 2, high - low + narrower)


def moved_window(window: Window, wider: float, brighter: float, shape: VoiShape = VoiShape.LINEAR) -> Window:
    """A window that is changed by shares of its own width: by hand or by keys.

    wider : of the width, added to it. brighter : of the width, taken off the centre. The numbers are rounded to what
    can be seen. A window of the linear function is 1 wide at least (PS3.3 C.11.2.1.2.1), others may be narrower.
    """
    is_linear = shape is VoiShape.LINEAR
    step = max(window.width, 2.0) if is_linear else window.width
    decimals = 1 if is_linear else max(1, 3 - math.floor(math.log10(step)))
    width = round(window.width + wider * step, decimals)
    return Window(round(window.center - brighter * step, decimals), max(1.0 if is_linear else 10.0**-decimals, width))
