"""Mouse gestures on a slice view, from press to release.

Left-drag: the chosen tool. Shift+left-drag: the crosshair. Right-drag: window. Middle-drag or Space+drag: pan.
Wheel: slices. Ctrl+wheel: zoom. Shift+wheel: width of the brush. Double click: fit. A click selects the measurement
or the smallest region under it; a right click opens the region's menu. Of the selected region the grips are dragged
to reshape it, its outline (or with Alt, or the select tool, its inside) to move it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from desktop.model.measures import MeasureKind
from desktop.model.plane_state import PlaneState
from desktop.model.session import ViewerModels
from desktop.model.tools import REGION_TOOLS, Tool
from desktop.viewer.crosshair_tool import CrosshairTool
from desktop.viewer.drawing import Drawing
from desktop.viewer.handles_item import handle_cursor
from desktop.viewer.measure_tool import MeasureTool
from desktop.viewer.region_editing import RegionEditing
from desktop.viewer.window_tool import WindowTool

if TYPE_CHECKING:
    from desktop.viewer.slice_view import SliceView

_ZOOM_STEP = 1.18
_NOTCH = 120
_CLICK_REACH = 6.0
_MEASURES = {
    Tool.LENGTH: MeasureKind.LENGTH,
    Tool.ANGLE: MeasureKind.ANGLE,
    Tool.ELLIPSE: MeasureKind.ELLIPSE,
    Tool.RECTANGLE: MeasureKind.RECTANGLE,
}
_CURSORS = {
    Tool.PAN: Qt.CursorShape.OpenHandCursor,
    Tool.WINDOW: Qt.CursorShape.SizeAllCursor,
    Tool.SELECT: Qt.CursorShape.ArrowCursor,
}
_ALT = Qt.KeyboardModifier.AltModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier


class Gestures:
    """The gesture in work on one view."""

    def __init__(self, view: SliceView, models: ViewerModels, state: PlaneState) -> None:
        self._view = view
        self._models = models
        self._state = state
        self.shapes = Drawing(view.scene(), models, state)
        self._editing = RegionEditing(models.regions, view.items_on_slice)
        self._window = WindowTool()
        self._crosshair = CrosshairTool(models.crosshair, state)
        self._measure = MeasureTool(view.scene(), models.measures)
        self._pan: QPointF | None = None
        self._right: QPointF | None = None
        # A press that may be a click on a region as well as the beginning of a shape.
        self._pressed: QPointF | None = None
        self._turned = 0
        self.space = False

    @property
    def drawing(self) -> bool:
        """Whether a shape is being drawn, which Esc gives up and another slice would spoil."""
        return self.shapes.active or self._measure.active or self._editing.active

    def cancel(self) -> None:
        """Give up what is being drawn."""
        self.shapes.cancel()
        self._measure.cancel()
        if self._editing.active:
            self._editing.cancel()
            self._view.items_on_slice.show_regions()

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
        if button is Qt.MouseButton.MiddleButton or (left and (self.space or tool is Tool.PAN)):
            self._pan = here
            self._view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        elif button is Qt.MouseButton.RightButton or (left and tool is Tool.WINDOW):
            self._right = here if button is Qt.MouseButton.RightButton else None
            scan = self._state.scan
            if scan.window is not None:
                self._window.press(here, scan.window, scan.volume.curve.shape)
        elif left and not self.shapes.active and self._take_hold(event, point):
            pass
        elif left and (event.modifiers() & _SHIFT or tool is Tool.CROSSHAIR):
            self._crosshair.press(point)
        elif left and tool in _MEASURES:
            self._measure.press(point, _MEASURES[tool], self._view.image_rect)
        elif left and tool in REGION_TOOLS:
            self._pressed = point
            self.shapes.press(point, self._view.image_rect, self._view.pixels_for(_CLICK_REACH))
        elif left:
            self._pressed = point

    def _take_hold(self, event: QMouseEvent, point: QPointF) -> bool:
        """Of a measurement's point, or of the selected region."""
        items, reach = self._view.items_on_slice, self._view.pixels_for(_CLICK_REACH)
        if not self._measure.active:
            held = items.handle_at(point, reach)
            if held is not None:
                self._measure.take_hold(*held)
                return True
        tools, alt = self._models.tools, bool(event.modifiers() & _ALT)
        row = self._models.regions.selected_row
        if tools.tool is Tool.SELECT or alt:
            under = items.smallest_at(point, reach)
            if under is not None and (row is None or not (items.is_at(row, point, reach) or self._grip(point))):
                self._models.regions.select(under)
                row = self._models.regions.selected_row
        if row is None or row.locked or row.root_id in self._models.regions.hidden:
            return False
        shape, grip = items.shape(row), self._grip(point)
        if grip is not None and alt and self._editing.remove_vertex(row.root_id, shape, grip):
            return True
        paints = tools.tool in (Tool.BRUSH, Tool.ERASER)
        anywhere = (tools.tool is Tool.SELECT or alt) and items.is_at(row, point, reach)
        if grip is None and not anywhere and (paints or not items.is_on_outline(row, point, reach)):
            return False
        if grip is not None and paints:
            return False
        self._editing.press(row.root_id, shape, grip, point)
        self._pressed = point
        return True

    def _grip(self, point: QPointF):  # type: ignore[no-untyped-def]
        return self._view.items_on_slice.grip_at(point, *self._view.pixels_each_way(_CLICK_REACH + 2))

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
            if window is not None and (self._right is None or (here - self._right).manhattanLength() > _CLICK_REACH):
                self._right = None
                self._models.viewing.set_window(window)
        elif self._crosshair.active:
            self._crosshair.move(point)
        elif self._measure.active:
            self._measure.move(point, self._view.image_rect)
        elif self._editing.active:
            self._editing.move(point, keep_aspect=bool(event.modifiers() & _SHIFT))
        else:
            self.shapes.move(point, self._view.image_rect)
            self._show_cursor(point)

    def _show_cursor(self, point: QPointF) -> None:
        """Another pointer over a grip, and over the outline that moves the region."""
        regions, tool = self._models.regions, self._models.tools.tool
        row = regions.selected_row
        if row is None or row.locked or self.shapes.active or tool in (Tool.BRUSH, Tool.ERASER):
            self._view.viewport().unsetCursor()
            return
        grip = self._grip(point)
        items, reach = self._view.items_on_slice, self._view.pixels_for(_CLICK_REACH)
        if grip is not None:
            self._view.viewport().setCursor(handle_cursor(grip))
        elif items.is_on_outline(row, point, reach):
            self._view.viewport().setCursor(Qt.CursorShape.SizeAllCursor)
        else:
            self._view.viewport().unsetCursor()

    def release(self, event: QMouseEvent) -> None:
        """A button goes up."""
        point = self._view.to_pixel(event.position())
        reach = self._view.pixels_for(_CLICK_REACH)
        if self._pan is not None:
            self._pan = None
            self._view.viewport().unsetCursor()
        elif self._window.active or self._right is not None:
            self._window.release()
            if self._right is not None:
                self._right = None
                self._open_menu(point, event)
        elif self._crosshair.active:
            self._crosshair.release()
        elif self._measure.active:
            # A click on a measurement chooses it.
            free = self._view.items_on_slice.measure_at(point, reach) is None
            if not self._measure.release(point, self._view.image_rect, reach, clicks=free):
                self._select(point)
        elif self._editing.active:
            if not self._editing.release(reach / 3):
                self._select(point)
        elif self._pressed is not None and not self.shapes.release(point, self._view.image_rect):
            self._select(point)
        self._pressed = None

    def double_click(self, event: QMouseEvent) -> None:
        """Fit; on the selected region's edge a new corner; with tools of several clicks it is two clicks."""
        point = self._view.to_pixel(event.position())
        if self._measure.active:
            self.press(event)
            return
        if self.shapes.active:
            self.shapes.finish()
            return
        row, reach = self._models.regions.selected_row, self._view.pixels_for(_CLICK_REACH)
        items = self._view.items_on_slice
        on_edge = row is not None and not row.locked and items.is_on_outline(row, point, reach)
        free = on_edge and self._grip(point) is None
        if row is not None and free and self._editing.insert_vertex(row.root_id, items.shape(row), point):
            return
        self.cancel()
        self._view.fit()

    def wheel(self, event: QWheelEvent) -> None:
        """Slices, zoom, or the brush. Towards the person is one slice on."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        notches = turned / _NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._view.zoom_by(_ZOOM_STEP**notches, event.position())
        elif event.modifiers() & _SHIFT and self._models.tools.tool in (Tool.BRUSH, Tool.ERASER):
            self._models.tools.widen_brush(1 if notches > 0 else -1)
            self.shapes.hover(self._view.to_pixel(event.position()))
        elif notches and not self.drawing:
            # A touchpad sends parts of a notch, a fast wheel several at once.
            self._turned = turned if self._turned * turned < 0 else self._turned + turned
            whole = abs(self._turned) // _NOTCH * (1 if self._turned > 0 else -1)
            self._turned -= whole * _NOTCH
            self._state.step(-whole)

    def leave_slice(self) -> None:
        """Another slice is shown: a half-drawn shape waits on its own one."""
        self.shapes.leave_slice()
        self._measure.cancel()
        self._editing.cancel()

    def leave(self) -> None:
        """The mouse is elsewhere."""
        self.shapes.hover(None)

    def _select(self, point: QPointF) -> None:
        reach = self._view.pixels_for(_CLICK_REACH)
        number = self._view.items_on_slice.measure_at(point, reach)
        self._models.measures.select(number)
        if number is None:
            root = self._view.items_on_slice.smallest_at(point, reach)
            crossing = None if root is not None else self._view.items_on_slice.crossing_at(point)
            if crossing is None:
                self._models.regions.select(root)
            else:
                self._models.crossings.turn_to(crossing, self._state, point.x(), point.y())

    def _open_menu(self, point: QPointF, event: QMouseEvent) -> None:
        root = self._view.items_on_slice.smallest_at(point, self._view.pixels_for(_CLICK_REACH))
        self._models.regions.select(root)
        self._view.menu_wanted.emit(event.globalPosition().toPoint())
