"""Colours of texts over a slice that can be read on their plate."""

from __future__ import annotations

from PySide6.QtGui import QColor

PLATE = QColor(10, 12, 16)
"""What texts on a slice stand on."""

_LEAST_CONTRAST = 4.5


def readable(color: QColor) -> QColor:
    """A colour, lighter where it has to be for text on `PLATE` (WCAG 2.2, 1.4.3: contrast of 4.5)."""
    found = QColor(color)
    while contrast(found, PLATE) < _LEAST_CONTRAST:
        # Grey has no hue, which is written as -1.
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
