"""Right-drag changes the window: right is wider, up is darker, as in most viewers."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from engine.scans import Window


class WindowTool:
    """The gesture in work. A full window width takes 300 screen pixels."""

    def __init__(self) -> None:
        self._start: QPointF | None = None
        self._window: Window | None = None

    @property
    def active(self) -> bool:
        """Whether the window is being changed."""
        return self._start is not None

    def press(self, point: QPointF, window: Window) -> None:
        """Begin from the window on screen."""
        self._start, self._window = point, window

    def move(self, point: QPointF) -> Window | None:
        """The window for where the mouse is now."""
        if self._start is None or self._window is None:
            return None
        step = max(self._window.width, 2.0) / 300
        offset = point - self._start
        return Window(
            round(self._window.center - offset.y() * step, 1),
            max(1.0, round(self._window.width + offset.x() * step * 2, 1)),
        )

    def release(self) -> None:
        """Done."""
        self._start = self._window = None
