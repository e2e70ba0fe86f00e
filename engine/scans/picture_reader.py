"""Photographs and exported slices: PNG, JPEG, TIFF, BMP, WebP through Pillow."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.scans.limits import require_regular_file, require_sane_size
from engine.scans.volume import ScanError, Volume
from engine.scans.windows import default_window

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
_GREY_MODES = ("L", "1", "I", "I;16", "I;16B", "I;16L", "F")


def read_picture(path: Path) -> Volume:
    """A one-slice volume, turned upright by its EXIF orientation. Raises `ScanError` naming the file."""
    require_regular_file(path)
    try:
        with warnings.catch_warnings():
            # Pillow only warns at the first bomb threshold; our own bound is what counts.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                require_sane_size(path, opened.width, opened.height, len(opened.getbands()))
                image = ImageOps.exif_transpose(opened)
                if image.mode in _GREY_MODES:
                    values = np.asarray(image.convert("L") if image.mode == "1" else image)
                    voxels = values if values.dtype == np.uint8 else values.astype(np.float32)
                else:
                    voxels = np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise ScanError(f"cannot read the image {path}: {error}") from error
    is_color = voxels.ndim == 3
    return Volume(
        voxels=voxels[None],
        spacing_mm=(1.0, 1.0, 1.0),
        origin_mm=(0.0, 0.0, 0.0),
        direction=np.eye(3),
        modality="OT",
        window=None if is_color else default_window(voxels[None], "OT"),
        source=path,
        has_geometry=False,
    )
