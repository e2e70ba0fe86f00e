"""Lengths, angles and value statistics on one slice.

Points are continuous pixels, x right, y down, centres at integers. Millimetres come from the volume's spacing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.regions import Box
from engine.scans.positions import slice_values
from engine.scans.rendering import slice_spacing
from engine.scans.volume import Plane, Volume

Pixel = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RoiStatistics:
    """Values of the pixels whose centre lies inside a region. sd : of the sample (n - 1), 0 for one pixel.

    area : mm², or squares of a pixel's width where the spacing is unknown.
    """

    mean: float
    sd: float
    minimum: float
    maximum: float
    area: float
    pixels: int


def length(volume: Volume, plane: Plane, start: Pixel, end: Pixel) -> float:
    """Distance of two pixels of a slice in mm, in widths of a pixel where the spacing is unknown."""
    dx, dy = _offset(volume, plane, start, end)
    return math.hypot(dx, dy)


def angle_degrees(volume: Volume, plane: Plane, first: Pixel, corner: Pixel, last: Pixel) -> float:
    """Angle at `corner` between the ways to the two others, 0 to 180; 0 when one of them is at the corner."""
    ax, ay = _offset(volume, plane, corner, first)
    bx, by = _offset(volume, plane, corner, last)
    return abs(math.degrees(math.atan2(ax * by - ay * bx, ax * bx + ay * by)))


def roi_statistics(volume: Volume, plane: Plane, index: int, box: Box, *, ellipse: bool) -> RoiStatistics | None:
    """Statistics of the stored values inside a box, or inside the ellipse that fills it.

    None for colour, and when no pixel centre lies inside.
    """
    if volume.is_color:
        return None
    values = slice_values(volume, plane, index)
    height, width = values.shape
    x1, x2 = max(0, math.ceil(box.x1)), min(width - 1, math.floor(box.x2))
    y1, y2 = max(0, math.ceil(box.y1)), min(height - 1, math.floor(box.y2))
    if x2 < x1 or y2 < y1:
        return None
    inside = values[y1 : y2 + 1, x1 : x2 + 1].astype(np.float64)
    if ellipse:
        x, y = np.arange(x1, x2 + 1), np.arange(y1, y2 + 1)[:, None]
        middle_x, middle_y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
        reach_x, reach_y = (box.x2 - box.x1) / 2, (box.y2 - box.y1) / 2
        chosen = inside[((x - middle_x) / reach_x) ** 2 + ((y - middle_y) / reach_y) ** 2 <= 1]
    else:
        chosen = inside.ravel()
    if chosen.size == 0:
        return None
    row_mm, column_mm = slice_spacing(volume, plane)
    drawn = (box.x2 - box.x1) * (box.y2 - box.y1) * row_mm * column_mm
    return RoiStatistics(
        float(chosen.mean()),
        float(chosen.std(ddof=1)) if chosen.size > 1 else 0.0,
        float(chosen.min()),
        float(chosen.max()),
        drawn * (math.pi / 4 if ellipse else 1.0),
        int(chosen.size),
    )


def _offset(volume: Volume, plane: Plane, start: Pixel, end: Pixel) -> tuple[float, float]:
    """From one pixel to another, right and down, in mm, in widths of a pixel where the spacing is unknown."""
    row_mm, column_mm = slice_spacing(volume, plane)
    return (end[0] - start[0]) * column_mm, (end[1] - start[1]) * row_mm
