"""Generated whole slides: pyramids of any size, written tile by tile, that look like stained tissue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffWriter

_GLASS, _PINK, _PURPLE = (np.array(rgb, np.float32) for rgb in ((242, 240, 244), (226, 150, 188), (84, 48, 130)))
_CELL = 24


def slide_pixels(size: int, scale: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) of a slide of `size` pixels a side, at the level where one pixel stands for `scale`.

    x, y, width, height : in pixels of that level. The same place looks the same in every area and every level.
    """
    columns = (np.arange(x, x + width, dtype=np.float32)[None, :] + 0.5) * scale
    rows = (np.arange(y, y + height, dtype=np.float32)[:, None] + 0.5) * scale
    across, down = columns / size - 0.5, rows / size - 0.5
    angle = np.arctan2(down, across)
    edge = 0.36 + 0.05 * np.sin(5 * angle) + 0.03 * np.sin(11 * angle + 1)
    tissue = np.clip((edge - np.hypot(across, down)) * 60, 0, 1)
    gland = np.clip(np.sin(40 * across + 4 * np.sin(23 * down)) * np.sin(37 * down + 3 * np.sin(19 * across)), 0, 1)
    # A nucleus in each cell, off its middle by what a hash of the cell says.
    cell_x, cell_y = np.floor(columns / _CELL), np.floor(rows / _CELL)
    noise = np.modf(np.abs(np.sin(cell_x * 12.9898 + cell_y * 78.233) * 43758.547))[0].astype(np.float32)
    off_x = columns - cell_x * _CELL - _CELL / 2 - (noise - 0.5) * 10
    off_y = rows - cell_y * _CELL - _CELL / 2 - (np.modf(noise * 17)[0] - 0.5) * 10
    radius = 3.5 + 4 * gland
    nucleus = np.clip(radius - np.hypot(off_x, off_y), 0, 1) * (noise < 0.35 + 0.6 * gland)
    if scale > _CELL // 2:
        nucleus = (0.12 + 0.35 * gland) * np.ones_like(noise)
    stain = (tissue * (0.45 + 0.4 * gland))[..., None]
    picture = _GLASS * (1 - stain) + _PINK * stain
    dark = (nucleus * tissue)[..., None]
    shown: NDArray[np.uint8] = np.rint(picture * (1 - dark) + _PURPLE * dark).astype(np.uint8)
    return shown


def write_slide(
    path: Path,
    size: int = 4096,
    *,
    levels: int = 3,
    tile: int = 256,
    compression: str | None = "jpeg",
    subifds: bool = True,
    um: float | None = 0.25,
    like: str = "ome",
) -> Path:
    """Write a square pyramid whose levels shrink by 4 and return its path.

    subifds : levels hang under the first page, as in OME-TIFF, or follow it as pages, as in SVS. um : of a pixel.
    like : "ome", "svs" or "", by which the scale is said; "" says it in dots a centimetre.
    """
    resolution: dict[str, Any] = {}
    if um is not None and not like:
        resolution = {"resolution": (1e4 / um, 1e4 / um), "resolutionunit": "CENTIMETER"}
    description: str | None = None
    if like == "svs":
        scale = "" if um is None else f"|AppMag = {round(10 / um)}|MPP = {um}"
        description = f"Aperio Image Library v12.0\r\n{size}x{size} [0,0 {size}x{size}] ({tile}x{tile}) JPEG/RGB{scale}"
    metadata: dict[str, Any] | None = None
    if like == "ome":
        metadata = {"axes": "YXS"}
        if um is not None:
            unit = {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
            metadata |= {"PhysicalSizeX": um, "PhysicalSizeY": um, **unit}
    with TiffWriter(path, bigtiff=True, ome=like == "ome") as tiff:
        for number in range(levels):
            scale = 4**number
            side = size // scale
            tiff.write(
                _tiles(size, scale, side, tile),
                shape=(side, side, 3),
                dtype=np.uint8,
                tile=(tile, tile),
                photometric="rgb",
                compression=compression,
                subifds=levels - 1 if subifds and number == 0 else None,
                subfiletype=1 if number and like != "svs" else 0,
                description=description,
                metadata=metadata if number == 0 else None,
                **resolution,
            )
            if like == "svs" and number == 0:
                # Readers take the second page for a thumbnail, whatever it is.
                small = slide_pixels(size, -(-size // 400), 0, 0, 400, 400)
                tiff.write(small, photometric="rgb", compression="jpeg", rowsperstrip=16, description=description)
    return path


def _tiles(size: int, scale: int, side: int, tile: int) -> Iterator[NDArray[np.uint8]]:
    for y in range(0, side, tile):
        for x in range(0, side, tile):
            yield slide_pixels(size, scale, x, y, tile, tile)
