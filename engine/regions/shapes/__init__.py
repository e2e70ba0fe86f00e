"""One file for each shape beside the box; `shape_to_json` and `shape_from_json` store any of them."""

from engine.regions.shapes.ellipse import Ellipse
from engine.regions.shapes.freehand import Freehand
from engine.regions.shapes.line import Line
from engine.regions.shapes.mask import Mask
from engine.regions.shapes.point import Point
from engine.regions.shapes.polygon import Polygon
from engine.regions.shapes.rotated_box import RotatedBox

__all__ = ["Ellipse", "Freehand", "Line", "Mask", "Point", "Polygon", "RotatedBox"]
