"""A grey-scale window in words: its numbers never stand without saying which is which."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from engine.scans import Window


def window_text(window: Window) -> str:
    """Width and centre with their letters, such as ``W 1500  C -600``."""
    text = QCoreApplication.translate("WindowText", "W {0}  C {1}")
    return text.format(_number(window.width), _number(window.center))


def _number(value: float) -> str:
    """Four digits, more where the number is larger: powers of ten are not read at a glance."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
