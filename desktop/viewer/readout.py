"""What lies under the mouse, in words: the stored value and the place in the patient."""

from __future__ import annotations

import math

from PySide6.QtCore import QCoreApplication, QPointF

from desktop.model.plane_state import PlaneState
from engine.scans import Volume
from engine.scans.positions import slice_values

_AXES = (("R", "L"), ("A", "P"), ("I", "S"))


def unit_text(volume: Volume) -> str:
    """What stands behind a value of the volume: nothing where its unit is not known."""
    if volume.units == "relative":
        return " " + QCoreApplication.translate("Readout", "relative")
    return f" {volume.units}" if volume.units else ""


def cursor_text(state: PlaneState, pixel: QPointF | None) -> tuple[str, ...]:
    """The lines to show; none outside the picture.

    A place is written as distances to the patient's sides, such as ``L 12.0 P 3.5 S 40.0 mm``: signs are too
    easily misread.
    """
    volume = state.volume
    if volume is None or pixel is None or not state.has_slice:
        return ()
    height, width = state.shape
    # Pixels are squares round integers; round() would take halves to the even neighbour.
    x, y = math.floor(pixel.x() + 0.5), math.floor(pixel.y() + 0.5)
    if not (0 <= x < width and 0 <= y < height):
        return ()
    value = slice_values(volume, state.plane, state.index)[y, x]
    text = "R {} G {} B {}".format(*value) if volume.is_color else f"{value:g}{unit_text(volume)}"
    lines = [f"{text}   x {x} y {y}"]
    point = state.point_at(pixel.x(), pixel.y())
    if point is not None:
        sides = (f"{_AXES[axis][1 if mm >= 0 else 0]} {abs(mm):.1f}" for axis, mm in enumerate(point))
        lines.append("  ".join(sides) + " mm")
    return tuple(lines)
