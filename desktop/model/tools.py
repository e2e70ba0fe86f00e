"""What dragging with the left button does, and how slices are drawn."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QObject, Signal


class Tool(StrEnum):
    """What the left button does.

    `ELLIPSE` and `RECTANGLE` measure values; `OVAL` draws a region.
    """

    SELECT = "select"
    BOX = "box"
    ROTATED_BOX = "rotated_box"
    OVAL = "oval"
    POLYGON = "polygon"
    FREEHAND = "freehand"
    POINT = "point"
    LINE = "line"
    BRUSH = "brush"
    ERASER = "eraser"
    CROSSHAIR = "crosshair"
    WINDOW = "window"
    PAN = "pan"
    LENGTH = "length"
    ANGLE = "angle"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"


REGION_TOOLS = (
    Tool.BOX,
    Tool.ROTATED_BOX,
    Tool.OVAL,
    Tool.POLYGON,
    Tool.FREEHAND,
    Tool.POINT,
    Tool.LINE,
    Tool.BRUSH,
    Tool.ERASER,
)
"""What draws regions."""

_RADII = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0)


class ToolModel(QObject):
    """changed : another tool. look_changed : views are to be drawn differently. brush_changed : another brush.

    smooth : pixels are interpolated when enlarged, on screen only. brush_radius : pixels of the finer spacing.
    value_range : the brush paints only values from low to high, None for all.
    """

    changed = Signal()
    look_changed = Signal()
    brush_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool = Tool.BOX
        self.smooth = True
        self.regions_hidden = False
        self.texts_hidden = False
        self.brush_radius = 6.0
        self.value_range: tuple[float, float] | None = None

    def choose(self, tool: Tool) -> None:
        """Take a tool."""
        if tool is not self.tool:
            self.tool = tool
            self.changed.emit()

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate, or show pixels as squares."""
        self.smooth = smooth
        self.look_changed.emit()

    def set_regions_hidden(self, hidden: bool) -> None:
        """Hide or show regions and measurements."""
        self.regions_hidden = hidden
        self.look_changed.emit()

    def set_texts_hidden(self, hidden: bool) -> None:
        """Hide or show what is written over the slices."""
        self.texts_hidden = hidden
        self.look_changed.emit()

    def widen_brush(self, steps: int) -> None:
        """The next wider brush, or with -1 the next narrower."""
        nearest = min(range(len(_RADII)), key=lambda number: abs(_RADII[number] - self.brush_radius))
        self.brush_radius = _RADII[max(0, min(len(_RADII) - 1, nearest + steps))]
        self.brush_changed.emit()

    def set_value_range(self, value_range: tuple[float, float] | None) -> None:
        """Let the brush paint only these values, or all."""
        if value_range != self.value_range:
            self.value_range = value_range
            self.brush_changed.emit()
