"""From a rendered slice to what the vision tower takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def to_model_image(rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Stretch (H, W, 3) uint8 to (size, size, 3) with Pillow's bicubic filter.

    A plain stretch without padding, as MedRegA does; done by us and not by mtmd, which tiles anything larger
    than the tower's size.
    """
    if rgb.shape[:2] == (size, size):
        return np.ascontiguousarray(rgb)
    return np.asarray(Image.fromarray(rgb).resize((size, size), Image.Resampling.BICUBIC))
