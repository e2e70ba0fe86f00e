"""Whole slides that are TIFF files: SVS, OME-TIFF, NDPI, SCN and generic tiled pyramids, through tifffile.

tifffile reads the structure and decodes single tiles; which ones, and whether they may be decoded, is decided here.
"""

from __future__ import annotations

import logging
import math
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import TiffFile, TiffPage, TiffPageSeries

from engine.scans.codestreams import PLAIN_JPEG, jpeg2000, jpeg_facts
from engine.scans.limits import require_regular_file
from engine.scans.slide import LARGEST_SHOWN, SlideArea, SlideLevel
from engine.scans.slide_source import MAX_TILE_BYTES, SlideFacts, SlideSource, Tile, grid_tiles
from engine.scans.volume import ScanError

SCANNER_SUFFIXES = (".svs", ".ndpi", ".scn", ".btf", ".tf8")
PICTURE_SUFFIXES = (".tif", ".tiff")
"""May be slides or ordinary pictures: see `is_slide`."""

# tifffile logs what irritates it, with texts of the file: they may name a patient.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_TIFFFILE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    StopIteration,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_NONE, _LZW, _JPEG, _DEFLATE, _PACKBITS = 1, 5, 7, (8, 32946), 32773
_JPEG_2000, _APERIO_YCBCR = (33003, 33005, 34712), 33003
_COMPRESSIONS = (_NONE, _LZW, _JPEG, *_DEFLATE, _PACKBITS, *_JPEG_2000)
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR = 0, 1, 2, 6
_TYPES = ("uint8", "int16", "uint16", "float32")
# Bytes that a tile may take beyond what it unpacks to: no codec here makes data much larger.
_SLACK, _SMALLEST_TILE, _MOST_LEVELS = 65536, 16, 64
# A tiled TIFF of one level: beyond this many pixels it is not read whole as a picture.
_PICTURE_PIXELS = 64_000_000
_UM_PER_UNIT = {2: 25400.0, 3: 10000.0}
_BELIEVED_UM = (0.01, 20.0)
"""Outside of these no microscope scans: 72 and 300 dots an inch are what programs write that know no scale."""

_SVS_SCALE = re.compile(r"\|\s*(AppMag|MPP)\s*=\s*([0-9.]{1,20})")
_OME_UNITS_UM = {"µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}


def is_slide(path: Path) -> bool:
    """Whether a file is a whole slide in TIFF: a tiled pyramid, or tiled and too large to be read whole.

    False for what is no TIFF file that tifffile understands: the reader of pictures says what is wrong with it.
    """
    name = path.name.lower()
    if not name.endswith(PICTURE_SUFFIXES):
        return name.endswith(SCANNER_SUFFIXES)
    try:
        with TiffFile(path, _multifile=False) as tiff:
            first = tiff.pages.first
            if not first.is_tiled and max(first.imagewidth, first.imagelength) <= LARGEST_SHOWN:
                return False
            levels = _levels(tiff)
            largest = levels[0].keyframe
            pixels = largest.imagewidth * largest.imagelength
            return len(levels) > 1 or (first.is_tiled and pixels > _PICTURE_PIXELS)
    except _TIFFFILE_ERRORS:
        return False


@contextmanager
def open_tiff(path: Path) -> Iterator[SlideSource]:
    """The slide while it is open. Raises `ScanError` naming the file when it is none that can be read."""
    require_regular_file(path)
    with _edge(path):
        tiff = TiffFile(path, _multifile=False)
    with tiff:
        with _edge(path):
            slide = _TiffSlide(path, tiff)
        yield slide


@contextmanager
def _edge(path: Path) -> Iterator[None]:
    try:
        yield
    except _TIFFFILE_ERRORS as error:
        raise ScanError(f"cannot read the slide {path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What tifffile says; its name for a file that is none shows the file's first bytes, which help nobody."""
    text = " ".join(str(error).split())[:200]
    if text.startswith("not a TIFF file"):
        return "it is no TIFF file, or its header is broken"
    return text or type(error).__name__


class _TiffSlide:
    def __init__(self, path: Path, tiff: TiffFile) -> None:
        self.path = path
        self._file = tiff.filehandle
        self._size = path.stat().st_size
        self._lock = threading.Lock()
        series = _levels(tiff)
        self._pages = [_usable(path, one.keyframe) for one in series]
        first = self._pages[0]
        magnification, spacing_um = _scale(tiff, first)
        levels = []
        for page in self._pages:
            across, down = first.imagewidth / page.imagewidth, first.imagelength / page.imagelength
            spacing = None if spacing_um is None else (spacing_um[0] * across / 1000, spacing_um[1] * down / 1000)
            levels.append(SlideLevel(page.imagewidth, page.imagelength, spacing))
        self.facts = SlideFacts(
            tuple(levels),
            magnification,
            planes=max(1, len(series[0].pages)),
            inverted=first.photometric == _WHITE_IS_ZERO,
            photometric="RGB" if first.samplesperpixel >= 3 else "MONOCHROME2",
        )

    def tiles(self, area: SlideArea) -> Iterator[Tile]:
        page = self._pages[area.level]
        height, width = _tile_shape(page)
        return grid_tiles(area, width, height, -(-page.imagewidth // width))

    def decode(self, level: int, tile: Tile) -> NDArray[Any] | None:
        page = self._pages[level]
        height, width = _tile_shape(page)
        planes = page.samplesperpixel if page.planarconfig == 2 else 1
        # Colours that are stored apart follow each other, each with all of its tiles.
        apart = -(-page.imagewidth // width) * -(-page.imagelength // height)
        found = []
        try:
            for plane in range(min(planes, 3)):
                part = self._segment(page, tile.key + plane * apart)
                if part is None:
                    return None
                found.append(part)
        except _TIFFFILE_ERRORS as error:
            raise ScanError(f"cannot decode a tile of {self.path}: {_reason(error)}") from error
        pixels = found[0] if len(found) == 1 else np.concatenate(found, axis=-1)
        if pixels.shape[-1] == 1 or (len(found) == 1 and pixels.shape[-1] == 2):
            return pixels[..., 0]
        return _rgb(pixels[..., :3], page)

    def _segment(self, page: TiffPage, number: int) -> NDArray[Any] | None:
        """(rows, columns, samples) without what lies beyond the picture's edge."""
        with self._lock:
            # tifffile reads long tags only when they are asked for, through the same file handle.
            offsets, counts = page.dataoffsets, page.databytecounts
            decode, tables, header = page.decode, page.jpegtables, page.jpegheader
        if number >= len(offsets) or number >= len(counts):
            raise ValueError("it is truncated")
        offset, count = offsets[number], counts[number]
        if count == 0:
            return None
        height, width = _tile_shape(page)
        samples = 1 if page.planarconfig == 2 else page.samplesperpixel
        unpacked = height * width * samples * page.bitspersample // 8
        if count > 2 * unpacked + _SLACK:
            raise ValueError(f"a tile of {unpacked} bytes takes {count}")
        if offset + count > self._size:
            raise ValueError("it is truncated")
        with self._lock:
            self._file.seek(offset)
            data = self._file.read(count)
        if page.compression in _JPEG_2000:
            facts, data = jpeg2000(data)
            _require_size(facts.rows, facts.columns, height, width)
        elif page.compression == _JPEG and data[:2] == b"\xff\xd8":
            facts = jpeg_facts(data, PLAIN_JPEG)
            _require_size(facts.rows, facts.columns, height, width)
        decoded, _, shape = decode(data, number, jpegtables=tables, jpegheader=header)
        if decoded is None:
            return None
        pixels: NDArray[Any] = decoded[0, : shape[1], : shape[2]]
        return pixels


def _require_size(rows: int, columns: int, height: int, width: int) -> None:
    """A tile says itself how large it is, and memory is taken by that."""
    if rows > height or columns > width:
        raise ValueError(f"a tile of {width} x {height} pixels unpacks to {columns} x {rows}")


def _rgb(pixels: NDArray[Any], page: TiffPage) -> NDArray[np.uint8]:
    if page.compression == _APERIO_YCBCR and page.photometric != _RGB:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels), "YCbCr").convert("RGB"))
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels


def _levels(tiff: TiffFile) -> list[TiffPageSeries]:
    """The levels of the largest picture of a file, the finest first: labels and previews are series of their own."""
    series = max(tiff.series, key=lambda one: one.keyframe.imagewidth * one.keyframe.imagelength)
    levels: list[TiffPageSeries] = list(series.levels)[:_MOST_LEVELS]
    levels.sort(key=lambda one: -one.keyframe.imagewidth)
    first = levels[0].keyframe
    shape = first.imagewidth / max(1, first.imagelength)
    # Levels show all of the slide: a few per cent are lost where sides are rounded to whole tiles.
    return [
        one
        for one in levels
        if one.keyframe.imagelength > 0
        and abs(one.keyframe.imagewidth / one.keyframe.imagelength / shape - 1) < 0.05 + 2 / one.keyframe.imagelength
    ]


def _usable(path: Path, page: TiffPage) -> TiffPage:
    """The page, if its tiles are of a kind that is decoded here. Raises `ScanError` if not."""
    if min(page.imagewidth, page.imagelength) < 1 or page.imagedepth != 1:
        raise ScanError(f"{path} has a level of {page.imagewidth} x {page.imagelength} pixels")
    if page.compression not in _COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise ScanError(f"{path} is compressed as {name}, which is not decoded here: save it with JPEG or deflate")
    plain_ycbcr = page.photometric == _YCBCR and page.compression not in (_JPEG, *_JPEG_2000)
    known = page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR) and not plain_ycbcr
    color = page.samplesperpixel >= 3
    kind = str(page.dtype)
    if not known or kind not in _TYPES or (color and kind not in ("uint8", "uint16")):
        name = getattr(page.photometric, "name", page.photometric)
        raise ScanError(f"{path} has pixels of a kind that is not shown here ({name}, {kind}): save it as RGB")
    height, width = _tile_shape(page)
    if page.is_tiled and min(height, width) < _SMALLEST_TILE:
        raise ScanError(f"{path} is cut into tiles of {width} x {height} pixels: it is broken or made to harm")
    if height * width * page.samplesperpixel * math.ceil(page.bitspersample / 8) > MAX_TILE_BYTES:
        raise ScanError(f"{path} is cut into pieces of {width} x {height} pixels, too large to open: save it in tiles")
    return page


def _tile_shape(page: TiffPage) -> tuple[int, int]:
    """(rows, columns) of its tiles; of strips too."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip or page.imagelength, page.imagelength), page.imagewidth


def _scale(tiff: TiffFile, page: TiffPage) -> tuple[float | None, tuple[float, float] | None]:
    """(magnification of the objective, (x, y) µm a pixel) of the finest level, None where the file does not say."""
    magnification = None
    spacing: tuple[float, float] | None = None
    if tiff.is_svs:
        said = dict(_SVS_SCALE.findall(page.description))
        magnification, um = _positive(said.get("AppMag")), _positive(said.get("MPP"))
        spacing = None if um is None else (um, um)
    elif tiff.is_ome and tiff.ome_metadata:
        spacing = _ome_spacing(tiff.ome_metadata, page)
    if spacing is None:
        unit = _UM_PER_UNIT.get(int(page.tags.valueof(296, 2)))
        dots = [_positive(_ratio(page.tags.valueof(tag))) for tag in (282, 283)]
        if unit is not None and dots[0] is not None and dots[1] is not None:
            spacing = (unit / dots[0], unit / dots[1])
    low, high = _BELIEVED_UM
    if spacing is not None and not all(low <= one <= high for one in spacing):
        spacing = None
    return magnification if magnification is not None and magnification <= 1000 else None, spacing


def _ome_spacing(xml: str, page: TiffPage) -> tuple[float, float] | None:
    """Physical size of the pixels of the image in an OME-XML document that is as large as the page."""
    for pixels in ElementTree.fromstring(xml).iter():
        size = (pixels.get("SizeX"), pixels.get("SizeY"))
        if pixels.tag.endswith("}Pixels") and size == (str(page.imagewidth), str(page.imagelength)):
            x, y = (
                (
                    _positive(pixels.get(f"PhysicalSize{axis}")),
                    _OME_UNITS_UM.get(pixels.get(f"PhysicalSize{axis}Unit", "µm")),
                )
                for axis in "XY"
            )
            if x[0] and x[1] and y[0] and y[1]:
                return x[0] * x[1], y[0] * y[1]
    return None


def _ratio(value: Any) -> float | None:
    return value[0] / value[1] if isinstance(value, tuple) and len(value) == 2 and value[1] else None


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        # A scale that is no number says nothing; the slide is shown all the same.
        return None
    return number if math.isfinite(number) and number > 0 else None
