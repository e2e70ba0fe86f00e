"""Mouse gestures on a slice view, from press to release.

Left-drag: the chosen tool. Shift+left-drag: the crosshair. Right-drag: window. Middle-drag or Space+drag: pan.
Wheel: slices. Ctrl+wheel: zoom. Double click: fit. A click selects the measurement or the smallest region under it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from desktop.model.measures import MeasureKind
from desktop.model.plane_state import PlaneState
from desktop.model.session import ViewerModels
from desktop.model.tools import Tool
from desktop.viewer.box_tool import BoxTool
from desktop.viewer.crosshair_tool import CrosshairTool
from desktop.viewer.measure_tool import MeasureTool
from desktop.viewer.window_tool import WindowTool

if TYPE_CHECKING:
    from desktop.viewer.slice_view import SliceView

_ZOOM_STEP = 1.18
_CLICK_REACH = 6.0
_MEASURES = {
    Tool.LENGTH: MeasureKind.LENGTH,
    Tool.ANGLE: MeasureKind.ANGLE,
    Tool.ELLIPSE: MeasureKind.ELLIPSE,
    Tool.RECTANGLE: MeasureKind.RECTANGLE,
}
_CURSORS = {Tool.PAN: Qt.CursorShape.OpenHandCursor, Tool.WINDOW: Qt.CursorShape.SizeAllCursor}


class Gestures:
    """The gesture in work on one view."""

    def __init__(self, view: SliceView, models: ViewerModels, state: PlaneState) -> None:
        self._view = view
        self._models = models
        self._state = state
        self._box = BoxTool(view.scene())
        self._window = WindowTool()
        self._crosshair = CrosshairTool(models.crosshair, state)
        self._measure = MeasureTool(view.scene(), models.measures)
        self._pan: QPointF | None = None
        self.space = False

    @property
    def drawing(self) -> bool:
        """Whether a shape is being drawn, which Esc gives up and another slice would spoil."""
        return self._box.active or self._measure.active

    def cancel(self) -> None:
        """Give up what is being drawn."""
        self._box.cancel()
        self._measure.cancel()

    def cursor(self) -> Qt.CursorShape:
        """The pointer for the chosen tool."""
        return _CURSORS.get(self._models.tools.tool, Qt.CursorShape.CrossCursor)

    def press(self, event: QMouseEvent) -> None:
        """A button goes down: this view is the active one from now on."""
        if self._state.scan is None:
            return
        self._models.viewing.activate(self._state)
        button, here = event.button(), event.position()
        point = self._view.to_pixel(here)
        tool = self._models.tools.tool
        left = button is Qt.MouseButton.LeftButton
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if button is Qt.MouseButton.MiddleButton or (left and (self.space or tool is Tool.PAN)):
            self._pan = here
            self._view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        elif button is Qt.MouseButton.RightButton or (left and tool is Tool.WINDOW):
            window = self._models.viewing.window
            if window is not None:
                self._window.press(here, window)
        elif left and (shift or tool is Tool.CROSSHAIR):
            self._crosshair.press(point)
        elif left and tool in _MEASURES:
            self._measure.press(point, _MEASURES[tool], self._view.image_rect)
        elif left:
            self._box.press(point)

    def move(self, event: QMouseEvent) -> None:
        """The mouse moves, with or without a button."""
        here = event.position()
        point = self._view.to_pixel(here)
        self._view.point_at_cursor(point)
        if self._pan is not None:
            self._view.pan_by(here - self._pan)
            self._pan = here
        elif self._window.active:
            window = self._window.move(here)
            if window is not None:
                self._models.viewing.set_window(window)
        elif self._crosshair.active:
            self._crosshair.move(point)
        elif self._measure.active:
            self._measure.move(point, self._view.image_rect)
        elif self._box.active:
            self._box.move(point, self._view.image_rect)

    def release(self, event: QMouseEvent) -> None:
        """A button goes up."""
        point = self._view.to_pixel(event.position())
        if self._pan is not None:
            self._pan = None
            self._view.viewport().unsetCursor()
        elif self._window.active:
            self._window.release()
        elif self._crosshair.active:
            self._crosshair.release()
        elif self._measure.active:
            if not self._measure.release(point, self._view.image_rect, self._view.pixels_for(_CLICK_REACH)):
                self._select(point)
        elif self._box.active:
            box = self._box.release(point, self._view.image_rect)
            if box is None:
                self._select(point)
            else:
                self._models.regions.draw(box)

    def double_click(self, event: QMouseEvent) -> None:
        """Fit; with a measuring tool it is two clicks."""
        if self._measure.active:
            self.press(event)
            return
        self.cancel()
        self._view.fit()

    def wheel(self, event: QWheelEvent) -> None:
        """Slices, or zoom. Towards the person is one slice on."""
        notches = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._view.zoom_by(_ZOOM_STEP**notches, event.position())
        elif notches and not self.drawing:
            self._state.step(-1 if notches > 0 else 1)

    def _select(self, point: QPointF) -> None:
        number = self._view.items_on_slice.measure_at(point, self._view.pixels_for(_CLICK_REACH))
        self._models.measures.select(number)
        if number is None:
            self._models.regions.select(self._view.items_on_slice.smallest_at(point))
