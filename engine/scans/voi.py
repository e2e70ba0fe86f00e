"""The curve from values to grey that a window lies on: DICOM's VOI LUT functions and tables (PS3.3 C.11.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class VoiShape(StrEnum):
    """VOI LUT Function (0028,1056), and the table of a VOI LUT Sequence."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear-exact"
    SIGMOID = "sigmoid"
    TABLE = "table"


@dataclass(frozen=True, slots=True, eq=False)
class VoiCurve:
    """The shape that every window of an image has.

    A property of the image, like the file says it, not of one window: centre and width alone then name what is
    shown, also when a person changes them.

    table : for `TABLE` the (n,) greys from 0 to 1, spread over the window from its lower to its upper end;
        exactly the file's table when the window is the table's own (as `Volume.window` is).
    """

    shape: VoiShape = VoiShape.LINEAR
    table: NDArray[np.float64] | None = None

    def greys(self, values: NDArray[Any], center: float, width: float) -> NDArray[np.float64]:
        """Greys from 0 to 1 of modality values; values that are no numbers are black. PS3.3 C.11.2.1.2, C.11.2.1.3."""
        x = np.asarray(values, np.float64)
        match self.shape:
            case VoiShape.LINEAR if width <= 1:
                greys = (x > center - 0.5).astype(np.float64)
            case VoiShape.LINEAR:
                greys = (x - (center - 0.5)) / (width - 1) + 0.5
            case VoiShape.LINEAR_EXACT:
                greys = (x - center) / width + 0.5
            case VoiShape.SIGMOID:
                # The exponential overflows far outside of the window, where the answer is known.
                greys = 1 / (1 + np.exp(np.clip(-4 * (x - center) / width, -50, 50)))
            case VoiShape.TABLE:
                assert self.table is not None
                count = len(self.table)
                place = np.nan_to_num((x - (center - width / 2)) / width * count, nan=0, posinf=count, neginf=0)
                # A thousandth of an entry forgives rounding where a value lies on the edge between two.
                greys = self.table[np.clip(np.floor(place + 1e-3), 0, count - 1).astype(np.intp)]
        return np.nan_to_num(np.clip(greys, 0, 1), nan=0)


LINEAR = VoiCurve()
"""What an image has whose file says nothing."""

EXACT = VoiCurve(VoiShape.LINEAR_EXACT)
"""For values so small that the 1 by which the ramp of `LINEAR` is narrower than its window would matter."""
