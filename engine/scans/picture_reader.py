"""Photographs and exported slices: PNG, JPEG, TIFF, BMP, WebP through Pillow."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence

from engine.scans.limits import require_plausible_compression, require_regular_file, require_sane_size
from engine.scans.notes import NoteKind, note
from engine.scans.volume import ScanError, Volume
from engine.scans.windows import AS_STORED, default_window

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_DEEP_GREY_MODES = ("I", "I;16", "I;16B", "I;16L", "F")
_PILLOW_ERRORS = (
    Image.DecompressionBombError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_picture(path: Path) -> Volume:
    """A picture as a volume without geometry; the pages of a TIFF are its slices.

    EXIF orientation is applied. Grey keeps its depth; 8-bit grey is shown as stored. Everything else becomes
    RGB, transparency is dropped. Pages unlike the first are left out with a note. Raises `ScanError` naming the file.
    """
    with _opened(path) as picture:
        pages = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
        require_sane_size(path, pages, picture.width, picture.height, len(picture.getbands()))
        require_plausible_compression(
            path, path.stat().st_size, pages * picture.width * picture.height * len(picture.getbands())
        )
        slices: list[NDArray[Any]] = []
        others = 0
        first_size = picture.size
        for _, page in zip(range(pages), ImageSequence.Iterator(picture), strict=False):
            # Previews and masks are kept as further pages.
            pixels = _pixels(page) if page.size == first_size else None
            if pixels is None or (slices and (pixels.shape, pixels.dtype) != (slices[0].shape, slices[0].dtype)):
                others += 1
            else:
                slices.append(pixels)
        voxels = slices[0][None] if len(slices) == 1 else np.stack(slices)
    window = AS_STORED if voxels.dtype == np.uint8 else default_window(voxels, "OT")
    return Volume(
        voxels=voxels,
        spacing_mm=(1.0, 1.0, 1.0),
        origin_mm=(0.0, 0.0, 0.0),
        direction=np.eye(3),
        modality="OT",
        window=None if voxels.ndim == 4 else window,
        source=path,
        has_geometry=False,
        photometric="RGB" if voxels.ndim == 4 else "MONOCHROME2",
        notes=(note(NoteKind.OTHER_PAGES, count=others),) if others else (),
    )


def picture_size(path: Path) -> tuple[int, int, int]:
    """(columns, rows, slices) from the header. Raises `ScanError` naming the file."""
    with _opened(path) as picture:
        pages = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
        # EXIF orientations 5 to 8 lay the picture on its side.
        turned = picture.getexif().get(0x0112, 1) >= 5
        columns, rows = (picture.height, picture.width) if turned else picture.size
        return columns, rows, pages


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    require_regular_file(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns at a quarter of the size that it refuses; odd metadata is no reason to refuse.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as picture:
                yield picture
    except _PILLOW_ERRORS as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ScanError(f"cannot read the picture {path}: {reason}") from error


def _pixels(page: Image.Image) -> NDArray[Any]:
    """(rows, columns) of uint8, uint16, int32 or float32, or (rows, columns, 3) uint8."""
    upright = ImageOps.exif_transpose(page)
    if upright.mode in _DEEP_GREY_MODES:
        values = np.asarray(upright)
        return values.astype(values.dtype.newbyteorder("="))
    grey = upright.mode in ("1", "L", "LA")
    return np.asarray(upright.convert("L" if grey else "RGB"))
