"""One gesture a file: how each shape is drawn with the mouse. Scene coordinates are pixels of the slice.

A tool knows nothing of regions: it gives a finished shape, or a stroke, to whoever asked it.
"""

from desktop.viewer.tools.base import DrawingTool, Preview
from desktop.viewer.tools.brush_tool import BrushTool
from desktop.viewer.tools.drag_tool import DragTool
from desktop.viewer.tools.freehand_tool import FreehandTool
from desktop.viewer.tools.point_tool import PointTool
from desktop.viewer.tools.polygon_tool import PolygonTool

__all__ = ["BrushTool", "DragTool", "DrawingTool", "FreehandTool", "PointTool", "PolygonTool", "Preview"]
