"""A generated patient: an upper-abdominal CT with named organs and lesions and exact ground truth.

Used for the demo worklist, for training data and for tests, so that no third-party scan has to be shipped.
"""

from engine.phantom.anatomy import PHANTOM_LABELS, Phantom
from engine.phantom.raster import LabelledSlice, render_phantom_slice
from engine.phantom.series import write_phantom_series

__all__ = ["PHANTOM_LABELS", "LabelledSlice", "Phantom", "render_phantom_slice", "write_phantom_series"]
