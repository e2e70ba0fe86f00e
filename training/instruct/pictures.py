"""Pictures: read from files, brought to size with their boxes, hashed, written without a word about the patient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.files import whole_file
from engine.regions import Box, RegionError
from training.instruct.items import Marked, SourceImage
from training.records import DatasetError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
HASH_SIDE = 16
"""Of the perceptual hash: 256 bits. With fewer, slices of different patients' brains look the same."""
_JPEG_QUALITY = 95


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) uint8 of a picture as it is meant to be seen. Raises `DatasetError` naming the file."""
    try:
        with Image.open(path) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16") or upright.mode in ("I", "F"):
                raise DatasetError(f"{path} has more than 8 bits a pixel: window it first, or name it as a volume")
            return _plain(np.asarray(upright.convert("L" if upright.mode in ("1", "L") else "RGB")))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        raise DatasetError(f"cannot read the picture {path}: {error}") from error


def read_label_picture(path: Path) -> NDArray[Any]:
    """(H, W) values of a mask picture, palette indices where it has a palette. Raises `DatasetError`."""
    try:
        with Image.open(path) as image:
            image.load()
            values: NDArray[Any] = np.asarray(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        raise DatasetError(f"cannot read the mask {path}: {error}") from error
    if values.ndim == 3:
        colour = values[..., :3]
        if not (colour == colour[..., :1]).all():
            raise DatasetError(f"the mask {path} is in colour: a mask needs one value a pixel")
        values = colour[..., 0]
    return values


def _plain(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One channel where the three are the same."""
    if pixels.ndim == 3 and (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return pixels


def fitted(image: SourceImage, max_side: int) -> SourceImage:
    """With square pixels and no side above `max_side`, its boxes and label map moved along and cut at its edge.

    The finer side keeps its pixels unless that is too large. Boxes outside the picture are an error of the source.
    """
    pixels, label_map = _plain(image.pixels), image.label_map
    height, width = pixels.shape[:2]
    wanted_width = width * max(1.0, 1 / image.aspect)
    wanted_height = height * max(1.0, image.aspect)
    scale = min(1.0, max_side / max(wanted_width, wanted_height))
    new_width, new_height = max(1, round(wanted_width * scale)), max(1, round(wanted_height * scale))
    if (new_width, new_height) != (width, height):
        resized = Image.fromarray(pixels).resize((new_width, new_height), Image.Resampling.BICUBIC, reducing_gap=None)
        pixels = np.asarray(resized)
        if label_map is not None:
            values = Image.fromarray(label_map.values).resize((new_width, new_height), Image.Resampling.NEAREST)
            label_map = replace(label_map, values=np.asarray(values))
    sx, sy = new_width / width, new_height / height
    regions = []
    for region in image.regions:
        box = region.box
        try:
            moved = Box(
                (box.x1 + 0.5) * sx - 0.5,
                (box.y1 + 0.5) * sy - 0.5,
                (box.x2 + 0.5) * sx - 0.5,
                (box.y2 + 0.5) * sy - 0.5,
            )
            regions.append(Marked(region.key, moved.clipped(new_width, new_height)))
        except RegionError as error:
            raise DatasetError(f"{region.key}: {error}") from error
    return replace(image, pixels=pixels, regions=tuple(regions), aspect=1.0, label_map=label_map)


def perceptual_hash(pixels: NDArray[np.uint8]) -> str:
    """64 hex digits: the DCT hash ("pHash") of a picture's greys; "" where they are all the same."""
    if pixels.min() == pixels.max():
        return ""
    return str(imagehash.phash(Image.fromarray(pixels), hash_size=HASH_SIDE))


def write_picture(pixels: NDArray[np.uint8], folder: Path, stem: str) -> str:
    """Write a grey picture as PNG, one in colour as JPEG, whole or not at all; gives the file's name.

    Nothing but pixels goes in: no metadata of the source.
    """
    grey = pixels.ndim == 2
    name = f"{stem}.png" if grey else f"{stem}.jpg"
    with whole_file(folder / name) as temporary:
        picture = Image.fromarray(pixels)
        if grey:
            picture.save(temporary, format="PNG", optimize=False)
        else:
            picture.save(temporary, format="JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return name
