"""The colour of each label, the same in every scan."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from PySide6.QtGui import QColor

from engine.regions import Label

_LIGHTNESS, _CHROMA = 74.0, 58.0
"""CIE LCh: as light to the eye whatever the hue, so that no name is hard to read on a dark picture."""
_FIRST_HUE, _HUES = 115.0, 300.0
"""Degrees; what lies about yellow is left to what waits for a decision."""


class LabelColors:
    """Colours from the label set in use; one made from its name for a label that has none there."""

    def __init__(self) -> None:
        self._own: dict[str, QColor] = {}
        self._made: dict[str, QColor] = {}

    def set_colors(self, colors: Mapping[str, str]) -> None:
        """label id to ``#rrggbb``."""
        self._own = {id: QColor(text) for id, text in colors.items()}

    def of(self, label: Label | None) -> QColor | None:
        """None for no label."""
        if label is None:
            return None
        key = label.id or label.en.casefold()
        if key in self._own:
            return self._own[key]
        if key not in self._made:
            self._made[key] = _made_from(key)
        return self._made[key]


def _made_from(key: str) -> QColor:
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
    hue = math.radians(_FIRST_HUE + _HUES * (number % 997) / 997)
    chroma = _CHROMA
    while True:
        channels = _srgb(_LIGHTNESS, chroma * math.cos(hue), chroma * math.sin(hue))
        if all(0.0 <= channel <= 1.0 for channel in channels):
            return QColor.fromRgbF(*channels)
        # Paler, not darker, where a screen has no such colour.
        chroma -= 2.0


def _srgb(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) as sRGB, IEC 61966-2-1; beyond 0..1 where no screen shows it."""
    fy = (lightness + 16) / 116
    x, y, z = (
        white * (f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29))
        for white, f in ((0.95047, fy + a / 500), (1.0, fy), (1.08883, fy - b / 200))
    )
    linear = (
        3.2404542 * x - 1.5371385 * y - 0.4985314 * z,
        -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
        0.0556434 * x - 0.2040259 * y + 1.0572252 * z,
    )
    red, green, blue = (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055 for value in linear)
    return red, green, blue
