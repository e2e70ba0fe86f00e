"""Right-drag changes the window: right is wider, up is darker, as in most viewers."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from engine.scans import Window
from engine.scans.presets import moved_window
from engine.scans.voi import VoiShape

_PIXELS_A_WIDTH = 300
"""How far on screen the mouse goes for a full width of the window; half as far to double the width."""


class WindowTool:
    """The gesture in work."""

    def __init__(self) -> None:
        self._start: QPointF | None = None
        self._window: Window | None = None
        self._shape = VoiShape.LINEAR

    @property
    def active(self) -> bool:
        """Whether the window is being changed."""
        return self._start is not None

    def press(self, point: QPointF, window: Window, shape: VoiShape) -> None:
        """Begin from the window on screen. shape : of the curve that lies on it."""
        self._start, self._window, self._shape = point, window, shape

    def move(self, point: QPointF) -> Window | None:
        """The window for where the mouse is now."""
        if self._start is None or self._window is None:
            return None
        offset = (point - self._start) / _PIXELS_A_WIDTH
        # Up is darker: the centre rises.
        return moved_window(self._window, 2 * offset.x(), offset.y(), self._shape)

    def release(self) -> None:
        """Done."""
        self._start = self._window = None
