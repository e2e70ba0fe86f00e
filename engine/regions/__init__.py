"""Shapes in image coordinates, and the names given to them.

One unit: continuous pixel coordinates of the stored slice, x right, y down, pixel centres at integers.
"""

from engine.regions.box import Box, RegionError
from engine.regions.label import Label, LabelError, LabelSet

__all__ = ["Box", "Label", "LabelError", "LabelSet", "RegionError"]
