"""What a whole slide is read from: levels of tiles, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.scans.slide import SlideArea, SlideLevel
from engine.scans.volume import NO_FACTS, StudyFacts

MAX_TILE_BYTES = 256 * 2**20
"""Largest tile that is decoded: slides kept as a single strip are not meant to be opened by area."""


@dataclass(frozen=True, slots=True)
class SlideFacts:
    """What a slide says about itself.

    planes : depths, channels or optical paths; the first one is shown. The rest is as in `Volume`.
    """

    levels: tuple[SlideLevel, ...]
    magnification: float | None = None
    planes: int = 1
    inverted: bool = False
    modality: str = "SM"
    study_uid: str = ""
    description: str = ""
    body_part: str = ""
    photometric: str = ""
    frame_of_reference_uid: str = ""
    instance_uids: tuple[str, ...] = ()
    facts: StudyFacts = field(default=NO_FACTS)


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of a level. x, y : its first pixel in the level. key : what its source knows it by."""

    x: int
    y: int
    key: int


class SlideSource(Protocol):
    """An open slide. `decode` may be called from several threads."""

    path: Path
    facts: SlideFacts

    def tiles(self, area: SlideArea) -> Iterator[Tile]:
        """The tiles that the area touches."""
        ...

    def decode(self, level: int, tile: Tile) -> NDArray[np.generic] | None:
        """(rows, columns) or (rows, columns, 3) uint8; None for one that was left out as empty.

        Raises `ScanError` when it cannot be read.
        """
        ...


def grid_tiles(area: SlideArea, width: int, height: int, across: int) -> Iterator[Tile]:
    """The tiles of a regular grid that an area touches, numbered row by row. across : how many a row has."""
    for row in range(area.y // height, -(-(area.y + area.height) // height)):
        for column in range(area.x // width, -(-(area.x + area.width) // width)):
            yield Tile(column * width, row * height, row * across + column)


def paste(out: NDArray[Any], tile: NDArray[Any], x: int, y: int) -> None:
    """Copy a tile to (x, y) of a picture, as far as it lies inside."""
    left, top = max(0, -x), max(0, -y)
    right, bottom = min(tile.shape[1], out.shape[1] - x), min(tile.shape[0], out.shape[0] - y)
    if right > left and bottom > top:
        out[y + top : y + bottom, x + left : x + right] = tile[top:bottom, left:right]
