"""What dragging with the left button does, and how slices are drawn."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QObject, Signal


class Tool(StrEnum):
    """What the left button does."""

    BOX = "box"
    CROSSHAIR = "crosshair"
    WINDOW = "window"
    PAN = "pan"
    LENGTH = "length"
    ANGLE = "angle"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"


class ToolModel(QObject):
    """changed : another tool. look_changed : views are to be drawn differently.

    smooth : pixels are interpolated when enlarged, on screen only.
    """

    changed = Signal()
    look_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool = Tool.BOX
        self.smooth = True
        self.regions_hidden = False
        self.texts_hidden = False

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
