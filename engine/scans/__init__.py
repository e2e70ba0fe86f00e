"""Scans from files to voxels with geometry, and from voxels to the slice that people and models see.

DICOM, NIfTI, NRRD, MetaImage, PNG, JPEG, TIFF. No Qt; rendering is VTK without a screen.
"""

from engine.scans.index import FileProblem, SeriesEntry, SeriesIndex, index_files, index_path, read_volume
from engine.scans.rendering import (
    PlaneGrid,
    SliceRenderer,
    image_sha256,
    plane_grid,
    render_slice,
    slice_count,
    slice_shape,
    slice_spacing,
)
from engine.scans.volume import Plane, ScanError, StudyFacts, Volume, Window

__all__ = [
    "FileProblem",
    "Plane",
    "PlaneGrid",
    "ScanError",
    "SeriesEntry",
    "SeriesIndex",
    "SliceRenderer",
    "StudyFacts",
    "Volume",
    "Window",
    "image_sha256",
    "index_files",
    "index_path",
    "plane_grid",
    "read_volume",
    "render_slice",
    "slice_count",
    "slice_shape",
    "slice_spacing",
]
