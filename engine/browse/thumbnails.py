"""The picture beside a scan: its middle slice, small. Pixels only, no text and no identifiers."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from engine.scans import read_volume, render_slice, slice_count, slice_spacing
from engine.scans.dicom_header import is_dicom, read_header
from engine.scans.slide_dicom import is_pyramid_file

THUMBNAIL_PIXELS = 96
"""Longer side: sharp at twice the size in which it is shown."""


def make_thumbnail(path: Path, series_uid: str, middle_file: Path | None, start: int | None = None) -> bytes:
    """Read one slice of a scan and make a PNG of it, at most `THUMBNAIL_PIXELS` long and in true proportions.

    middle_file : is read instead of the whole series where the scan is a folder of files. start : the slice of a scan
    that lies in one file, None for the middle. Raises `ScanError` for a scan that cannot be read.
    """
    alone = path.is_dir() and middle_file is not None and middle_file.is_file() and not _is_of_slide(middle_file)
    volume = read_volume(middle_file) if alone and middle_file is not None else read_volume(path, series_uid)
    count = slice_count(volume, volume.plane)
    index = count // 2 if alone or start is None else min(max(start, 0), count - 1)
    picture = Image.fromarray(render_slice(volume, volume.plane, index))
    row_mm, column_mm = slice_spacing(volume, volume.plane)
    width, height = picture.width * column_mm, picture.height * row_mm
    scale = THUMBNAIL_PIXELS / max(width, height)
    small = picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def _is_of_slide(file: Path) -> bool:
    """One file of a slide is one level of it, which may be too large to be looked at."""
    return is_dicom(file) and is_pyramid_file(read_header(file))
