"""What is written over the slice: orientation, slice, window, scale, and what this is not for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from engine.scans import Plane, Volume, plane_grid

_TEXT = QColor("#e6edf3")
_SHADOW = QColor(0, 0, 0, 190)
_AXES = (("R", "L"), ("A", "P"), ("I", "S"))


@dataclass(frozen=True, slots=True)
class OverlayText:
    """The corners' texts, translated, and the orientation letters left, right, top, bottom."""

    top_left: str = ""
    top_right: str = ""
    bottom_left: str = ""
    letters: tuple[str, str, str, str] = ("", "", "", "")
    mm_per_screen_pixel: float = 0.0


def orientation_letters(volume: Volume, plane: Plane) -> tuple[str, str, str, str]:
    """The patient directions at the picture's left, right, top and bottom edges (DICOM PS3.3 C.7.6.1.1.1).

    Empty without geometry.
    """
    if not volume.has_geometry:
        return ("", "", "", "")
    grid = plane_grid(volume, plane)
    found = []
    for axis, sign in (grid.columns, grid.rows):
        vector = volume.direction[:, axis] * sign
        patient = int(np.argmax(np.abs(vector)))
        negative, positive = _AXES[patient]
        found.append((negative, positive) if vector[patient] > 0 else (positive, negative))
    (left, right), (top, bottom) = found
    return (left, right, top, bottom)


def paint_overlay(painter: QPainter, area: QRect, text: OverlayText) -> None:
    """Paint in screen coordinates, inside `area`."""
    font = QFont()
    font.setPixelSize(13)
    painter.setFont(font)
    inner = area.adjusted(12, 10, -12, -10)
    flags = Qt.AlignmentFlag
    _shadowed(painter, inner, flags.AlignLeft | flags.AlignTop, text.top_left)
    _shadowed(painter, inner, flags.AlignRight | flags.AlignTop, text.top_right)
    _shadowed(painter, inner, flags.AlignLeft | flags.AlignBottom, text.bottom_left)
    font.setPixelSize(17)
    font.setBold(True)
    painter.setFont(font)
    left, right, top, bottom = text.letters
    _shadowed(painter, inner, flags.AlignLeft | flags.AlignVCenter, left)
    _shadowed(painter, inner, flags.AlignRight | flags.AlignVCenter, right)
    _shadowed(painter, inner, flags.AlignHCenter | flags.AlignTop, top)
    _shadowed(painter, inner, flags.AlignHCenter | flags.AlignBottom, bottom)
    if text.mm_per_screen_pixel > 0:
        _scale_bar(painter, inner, text.mm_per_screen_pixel)


def _shadowed(painter: QPainter, area: QRect, flags: Qt.AlignmentFlag, text: str) -> None:
    if text:
        painter.setPen(_SHADOW)
        painter.drawText(area.translated(1, 1), int(flags), text)
        painter.setPen(_TEXT)
        painter.drawText(area, int(flags), text)


def _scale_bar(painter: QPainter, area: QRect, mm_per_pixel: float) -> None:
    """A bar of a round length, about a sixth of the view."""
    target = area.width() / 6 * mm_per_pixel
    length = max((step for step in (1, 2, 5, 10, 20, 50, 100, 200) if step <= target), default=1)
    pixels = length / mm_per_pixel
    if pixels > area.width() / 2:
        return
    y = area.bottom() - 4.0
    start, end = QPointF(area.right() - pixels, y), QPointF(float(area.right()), y)
    for color, width in ((_SHADOW, 4), (_TEXT, 2)):
        painter.setPen(QPen(color, width))
        painter.drawLine(start, end)
    font = painter.font()
    font.setPixelSize(12)
    font.setBold(False)
    painter.setFont(font)
    label = QRectF(area.right() - max(pixels, 60), y - 22, max(pixels, 60), 18)
    painter.drawText(label, int(Qt.AlignmentFlag.AlignRight), f"{length} mm")
