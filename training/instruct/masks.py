"""From masks to boxes: one a connected part, specks left out. And to the label maps that a dense stage learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

from engine.regions import Box
from training.instruct.items import LabelMap, Marked
from training.records import DatasetError

_MOST_LABELS = 255
_TOUCHING = np.ones((3, 3), bool)
"""Pixels that meet at a corner are one part."""


class Thresholds(BaseModel):
    """What counts as a region. A part of a mask is a speck below `speck` of the area of its label's largest part.

    min_side : of a box in pixels. min_area : of a part in pixels; min_fraction : of a part in the picture's area.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    min_side: float = Field(default=3, ge=1)
    min_area: int = Field(default=12, ge=1)
    min_fraction: float = Field(default=0.0002, ge=0, lt=1)
    speck: float = Field(default=0.02, ge=0, lt=1)

    def holds_box(self, box: Box) -> bool:
        """Whether a box that came as a box is large enough."""
        return min(box.width, box.height) >= self.min_side


@dataclass(frozen=True, slots=True)
class MaskRegions:
    """The regions of a label map, and the labels in it that have parts too small to be one."""

    regions: tuple[Marked, ...]
    uncertain: tuple[str, ...]


def mask_regions(mask: NDArray[np.bool_], thresholds: Thresholds) -> tuple[tuple[Box, ...], bool]:
    """A box for each connected part of an (H, W) mask, largest first, and whether it has any beside specks left out.

    A part that is no speck beside the largest, and still too small to be a region, leaves the label uncertain.
    """
    components, count = ndimage.label(mask, _TOUCHING)
    if count == 0:
        return (), False
    areas = np.bincount(components.ravel())[1:]
    places = ndimage.find_objects(components)
    least = max(thresholds.min_area, thresholds.min_fraction * mask.size)
    boxes: list[Box] = []
    uncertain = False
    for number in np.argsort(-areas, kind="stable"):
        area = int(areas[number])
        if boxes and area < thresholds.speck * areas.max():
            break
        rows, columns = places[number]
        box = Box(columns.start - 0.5, rows.start - 0.5, columns.stop - 0.5, rows.stop - 0.5)
        if area >= least and thresholds.holds_box(box):
            boxes.append(box)
        else:
            uncertain = True
    return tuple(boxes), uncertain


def map_regions(labels: NDArray[Any], keys: Mapping[int, str], thresholds: Thresholds) -> MaskRegions:
    """The regions of an (H, W) label map. keys : of its values; values with the same key are one mask."""
    values: dict[str, list[int]] = {}
    for value in np.unique(labels):
        if int(value) in keys:
            values.setdefault(keys[int(value)], []).append(int(value))
    regions: list[Marked] = []
    uncertain: list[str] = []
    for key, its in values.items():
        boxes, unsure = mask_regions(np.isin(labels, its), thresholds)
        regions += [Marked(key, box) for box in boxes]
        if unsure:
            uncertain.append(key)
    return MaskRegions(tuple(regions), tuple(uncertain))


def merge_masks(layers: Sequence[tuple[NDArray[Any], Mapping[int, str]]]) -> LabelMap | None:
    """One label map of some (H, W) maps that may overlap: where they do, the label with the smaller area is on top.

    layers : each with the keys of its values; other values mean nothing. None where nothing is labelled.
    """
    areas: dict[str, int] = {}
    parts: list[tuple[str, int, int]] = []
    for number, (labels, keys) in enumerate(layers):
        values, counts = np.unique(labels, return_counts=True)
        for value, count in zip(values, counts, strict=True):
            key = keys.get(int(value))
            if key is not None:
                areas[key] = areas.get(key, 0) + int(count)
                parts.append((key, number, int(value)))
    if not areas:
        return None
    keys_found = tuple(sorted(areas))
    if len(keys_found) > _MOST_LABELS:
        raise DatasetError(f"a picture has {len(keys_found)} labels, its label map takes {_MOST_LABELS}")
    merged = np.zeros(layers[0][0].shape, np.uint8)
    for key, number, value in sorted(parts, key=lambda part: -areas[part[0]]):
        merged[layers[number][0] == value] = keys_found.index(key) + 1
    return LabelMap(merged, keys_found)
