"""Colours that read on whatever lies under them: lines with a dark edge, and text light enough for its plate."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

PLATE = QColor(10, 12, 16)
"""What texts on a slice stand on."""

_LEAST_CONTRAST = 4.5
_CASING = QColor(0, 0, 0, 150)
_CASING_WIDTH = 2.0


def draw_casing(painter: QPainter, path: QPainterPath, pen: QPen) -> None:
    """A dark edge round a line that is drawn next: thin coloured lines are lost on skin and stained tissue."""
    casing = QPen(_CASING, pen.widthF() + _CASING_WIDTH)
    casing.setCosmetic(True)
    casing.setCapStyle(pen.capStyle())
    painter.setPen(casing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)


def readable(color: QColor) -> QColor:
    """A colour, lighter where it has to be for text on `PLATE` (WCAG 2.2, 1.4.3: contrast of 4.5)."""
    found = QColor(color)
    while contrast(found, PLATE) < _LEAST_CONTRAST:
        hue, saturation = max(found.hslHue(), 0), found.hslSaturation()
        found = QColor.fromHsl(hue, saturation, min(255, found.lightness() + 8))
    return found


def contrast(first: QColor, second: QColor) -> float:
    """The contrast of two opaque colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: QColor) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (color.redF(), color.greenF(), color.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
