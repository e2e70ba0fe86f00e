"""Scans from files to voxels with geometry, and from voxels to the slice that people and models see.

DICOM, NIfTI, NRRD, MetaImage, Analyze, PNG, JPEG, TIFF, BMP, WebP. No Qt; rendering is VTK without a screen.
"""

from engine.scans.archive import is_archive
from engine.scans.dicom_overlays import Overlay, read_overlays
from engine.scans.index import FileProblem, SeriesEntry, SeriesIndex, index_files, index_path
from engine.scans.loader import VolumeLoader, read_volume
from engine.scans.notes import NoteKind, ScanNote
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
from engine.scans.voi import VoiCurve, VoiShape
from engine.scans.volume import Plane, ScanError, StudyFacts, Volume, Window, WindowPreset

__all__ = [
    "FileProblem",
    "NoteKind",
    "Overlay",
    "Plane",
    "PlaneGrid",
    "ScanError",
    "ScanNote",
    "SeriesEntry",
    "SeriesIndex",
    "SliceRenderer",
    "StudyFacts",
    "VoiCurve",
    "VoiShape",
    "Volume",
    "VolumeLoader",
    "Window",
    "WindowPreset",
    "image_sha256",
    "index_files",
    "index_path",
    "is_archive",
    "plane_grid",
    "read_overlays",
    "read_volume",
    "render_slice",
    "slice_count",
    "slice_shape",
    "slice_spacing",
]
