"""Shapes in image coordinates, and the names given to them.

One unit: continuous pixel coordinates of the stored slice, x right, y down, pixel centres at integers.
"""

from engine.labels.label import Label, LabelError, LabelSet
from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.handles import Handle, HandleRole
from engine.regions.shape import Shape
from engine.regions.shape_json import shape_from_json, shape_to_json
from engine.regions.shapes import Ellipse, Freehand, Line, Mask, Point, Polygon, RotatedBox

__all__ = [
    "Box",
    "Ellipse",
    "Freehand",
    "Handle",
    "HandleRole",
    "Label",
    "LabelError",
    "LabelSet",
    "Line",
    "Mask",
    "Point",
    "Polygon",
    "RegionError",
    "RotatedBox",
    "Shape",
    "shape_from_json",
    "shape_to_json",
]
