"""Left-drag with the crosshair tool: every view turns to the place under the mouse."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from desktop.model.crosshair import CrosshairModel
from desktop.model.plane_state import PlaneState


class CrosshairTool:
    """The gesture in work."""

    def __init__(self, crosshair: CrosshairModel, state: PlaneState) -> None:
        self._crosshair = crosshair
        self._state = state
        self.active = False

    def press(self, point: QPointF) -> None:
        """Begin, and go there."""
        self.active = True
        self.move(point)

    def move(self, point: QPointF) -> None:
        """Go there."""
        self._crosshair.place(self._state, point.x(), point.y())

    def release(self) -> None:
        """Done."""
        self.active = False
