"""What is written over the slice: orientation, slice, window, scale, and what this is not for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QTextOption

from engine.scans import Plane, Volume, plane_grid
from engine.scans.remembered import remembered

_TEXT = QColor("#e6edf3")
_SHADOW = QColor(0, 0, 0, 190)
_PLATE = QColor(5, 7, 10, 130)
_NOTE = QColor("#ffd166")
_AXES = (("R", "L"), ("A", "P"), ("I", "S"))
# A direction is also named after a second axis from this share of its length on: about 15 degrees.
_ASLANT = 0.26
# Half of the widest orientation letters, and what keeps them apart from other texts.
_LETTER_ROOM = 30
_BAR_LABEL = 60
_SIDES = {"R": QColor("#ff9f8a"), "L": QColor("#8ab8ff")}


@dataclass(frozen=True, slots=True)
class OverlayText:
    """The corners' texts, translated, and the orientation letters left, right, top, bottom.

    notes : what to know about how the scan was opened, one line or more each.
    """

    top_left: str = ""
    top_right: str = ""
    bottom_left: str = ""
    letters: tuple[str, str, str, str] = ("", "", "", "")
    mm_per_screen_pixel: float = 0.0
    notes: tuple[str, ...] = ()


@remembered
def orientation_letters(volume: Volume, plane: Plane) -> tuple[str, str, str, str]:
    """The patient directions at the picture's left, right, top and bottom edges (DICOM PS3.3 C.7.6.1.1.1).

    A direction aslant to the patient's axes has two letters or three. Empty without geometry.
    """
    if not volume.has_geometry:
        return ("", "", "", "")
    grid = plane_grid(volume, plane)
    ends: list[str] = []
    for axis, sign in (grid.columns, grid.rows):
        vector = volume.direction[:, axis] * sign
        ends += [direction_letters(-vector), direction_letters(vector)]
    left, right, top, bottom = ends
    return (left, right, top, bottom)


def direction_letters(vector: NDArray[np.float64]) -> str:
    """The patient directions of a (3,) unit LPS vector, the strongest first; aslant ones have two or three."""
    order = np.argsort(-np.abs(vector), kind="stable")
    used = [int(axis) for number, axis in enumerate(order) if number == 0 or abs(vector[axis]) >= _ASLANT]
    return "".join(_AXES[axis][1 if vector[axis] > 0 else 0] for axis in used)


def paint_overlay(painter: QPainter, area: QRect, text: OverlayText) -> None:
    """Paint in screen coordinates, inside `area`."""
    font = QFont()
    font.setPixelSize(13)
    painter.setFont(font)
    inner = area.adjusted(12, 10, -12, -10)
    flags = Qt.AlignmentFlag
    metrics = painter.fontMetrics()
    text = _arranged(text, inner.width(), metrics)
    corner, foot = metrics.size(0, text.top_left), metrics.size(0, text.bottom_left)
    # Where a corner's text reaches the middle, or the bar, these give way to it.
    half = inner.width() // 2 - _LETTER_ROOM
    below = corner.height() + 4 if max(corner.width(), metrics.size(0, text.top_right).width()) > half else 0
    above = foot.height() + 4 if foot.width() > half else 0
    bar_above = foot.height() + 4 if foot.width() > inner.width() - _bar_room(inner) else 0
    _shadowed(painter, inner, flags.AlignLeft | flags.AlignTop, text.top_left)
    _shadowed(painter, inner, flags.AlignRight | flags.AlignTop, text.top_right)
    _shadowed(painter, inner, flags.AlignLeft | flags.AlignBottom, text.bottom_left)
    _paint_notes(painter, inner, text.notes, inner.top() + corner.height() + 8.0)
    left, right, top, bottom = text.letters
    middle = flags.AlignVCenter
    for room, where, letters in (
        (inner, flags.AlignLeft | middle, left),
        (inner, flags.AlignRight | middle, right),
        (inner.adjusted(0, below, 0, 0), flags.AlignHCenter | flags.AlignTop, top),
        (inner.adjusted(0, 0, 0, -above), flags.AlignHCenter | flags.AlignBottom, bottom),
    ):
        paint_letters(painter, room, where, letters)
    if text.mm_per_screen_pixel > 0:
        _scale_bar(painter, inner.adjusted(0, 0, 0, -bar_above), text.mm_per_screen_pixel)


def _arranged(text: OverlayText, width: int, metrics: QFontMetrics) -> OverlayText:
    """Both upper corners' texts below each other where there is no room for them and a letter beside each other."""
    beside = metrics.size(0, text.top_left).width() + metrics.size(0, text.top_right).width()
    if not text.top_right or beside + 2 * _LETTER_ROOM <= width:
        return text
    return replace(text, top_left=f"{text.top_left}\n{text.top_right}", top_right="")


def _bar_room(area: QRect) -> int:
    """How much of the lower edge a scale bar may take."""
    return max(area.width() // 6, _BAR_LABEL) + 12


def _paint_notes(painter: QPainter, area: QRect, notes: tuple[str, ...], top: float) -> None:
    """Under the corner's text, as wide as leaves the picture's middle free; what is too long is wrapped."""
    width = max(160, area.width() * 2 // 5)
    wrapped = QTextOption(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    # Names of files have no word boundaries.
    wrapped.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    for note in notes:
        place = QRectF(area.left(), top, width, area.height())
        rect = painter.boundingRect(place, note, wrapped)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(rect.adjusted(-4, -1, 4, 1), 3, 3)
        painter.setPen(_NOTE)
        painter.drawText(place, note, wrapped)
        top = rect.bottom() + 6


def paint_letters(painter: QPainter, area: QRect, flags: Qt.AlignmentFlag, letters: str) -> None:
    """A direction at an edge of `area`.

    The patient's sides are markers on plates of their own: mixing them up is the worst mistake.
    """
    if not letters:
        return
    font = QFont(painter.font())
    font.setPixelSize(17)
    font.setBold(True)
    painter.setFont(font)
    side = _SIDES.get(letters[0])
    if side is None:
        _shadowed(painter, area, flags, letters)
        return
    rect = painter.fontMetrics().boundingRect(area, int(flags), letters).adjusted(-6, -2, 6, 2)
    rect.moveLeft(max(area.left() - 4, min(rect.left(), area.right() + 4 - rect.width())))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(10, 12, 16, 190))
    painter.drawRoundedRect(rect, 4, 4)
    painter.setPen(side)
    painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), letters)


def _shadowed(painter: QPainter, area: QRect, flags: Qt.AlignmentFlag, text: str) -> None:
    """On a faint plate: a shadow alone is not enough on a white picture."""
    if text:
        plate = painter.fontMetrics().boundingRect(area, int(flags), text).adjusted(-4, -1, 4, 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(plate, 3, 3)
        painter.setPen(_TEXT)
        painter.drawText(area, int(flags), text)


def _scale_bar(painter: QPainter, area: QRect, mm_per_pixel: float) -> None:
    """A bar of a round length, about a sixth of the view."""
    target = area.width() / 6 * mm_per_pixel
    steps = [step * 10.0**power for power in range(-4, 3) for step in (1, 2, 5)]
    length = max((step for step in steps if step <= target), default=steps[0])
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
    label = QRectF(area.right() - max(pixels, _BAR_LABEL), y - 22, max(pixels, _BAR_LABEL), 18)
    _shadowed(
        painter,
        label.toRect(),
        Qt.AlignmentFlag.AlignRight,
        f"{length:g} mm" if length >= 1 else f"{length * 1000:g} µm",
    )
