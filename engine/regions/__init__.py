"""Shapes in image coordinates, and the names given to them.

One unit: continuous pixel coordinates of the stored slice, x right, y down, pixel centres at integers.
"""

from engine.labels.label import Label, LabelError, LabelSet
from engine.regions.box import Box, RegionError

__all__ = ["Box", "Label", "LabelError", "LabelSet", "RegionError"]
