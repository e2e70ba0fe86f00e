"""The colour of each label, the same in every scan."""

from __future__ import annotations

import colorsys
import hashlib

from PySide6.QtGui import QColor

from engine.regions import Label


class LabelColors:
    """Colours from the project's labels; one made from its name for a label that has none."""

    def __init__(self) -> None:
        self._own: dict[str, QColor] = {}

    def set_colors(self, colors: dict[str, str]) -> None:
        """label id to ``#rrggbb``."""
        self._own = {id: QColor(text) for id, text in colors.items()}

    def of(self, label: Label | None) -> QColor | None:
        """None for no label."""
        if label is None:
            return None
        key = label.id or label.en.casefold()
        if key not in self._own:
            self._own[key] = _made_from(key)
        return self._own[key]


def _made_from(key: str) -> QColor:
    """Bright enough for dark pictures; yellow is left to what waits for a decision."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
    hue = (0.22 + 0.88 * (number % 997) / 997) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.66, 0.85)
    return QColor.fromRgbF(red, green, blue)
