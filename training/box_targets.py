"""What the dense stages' heads shall tell of boxes: that of the thing which a place shows, that of each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

NamedBox = tuple[int, tuple[float, float, float, float]]
"""A label's value, and x1, y1, x2, y2 in fractions of the image's sides."""


def draw_cells(boxes: Sequence[NamedBox], side: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The label of each cell of a picture and the number of the box that owns it, -1 for none: (side, side) both.

    A cell is a box's when its middle lies in the box's ellipse, or next to it for a box smaller than a cell; of several
    the smallest box has it.
    """
    cells = np.zeros((side, side), np.uint8)
    owners = np.full((side, side), -1, np.int32)
    middles = (np.arange(side) + 0.5) / side
    for number in _largest_first(boxes):
        value, (x1, y1, x2, y2) = boxes[number]
        half_x, half_y = max(x2 - x1, 1 / side) / 2, max(y2 - y1, 1 / side) / 2
        across = ((middles - (x1 + x2) / 2) / half_x) ** 2
        down = ((middles - (y1 + y2) / 2) / half_y) ** 2
        inside = down[:, None] + across[None] <= 1
        cells[inside] = value
        owners[inside] = number
    return cells, owners


def mask_boxes(mask: NDArray[np.int32], side: int) -> tuple[list[NamedBox], NDArray[np.int32]]:
    """The box of every connected part of every label, and the number of the part that owns each of (side, side) cells.

    mask : (S, S) label values, 0 for none. A cell is owned by the part that holds its middle pixel, -1 for none.
    """
    size = mask.shape[0]
    boxes: list[NamedBox] = []
    owners = np.full(mask.shape, -1, np.int32)
    for value, around in enumerate(ndimage.find_objects(mask), start=1):
        if around is None:
            continue
        components, _ = ndimage.label(mask[around] == value)
        for number, (rows, columns) in enumerate(ndimage.find_objects(components), start=1):
            owners[around][components == number] = len(boxes)
            top, left = around[0].start, around[1].start
            corners = (columns.start + left, rows.start + top, columns.stop + left, rows.stop + top)
            x1, y1, x2, y2 = (corner / size for corner in corners)
            boxes.append((value, (x1, y1, x2, y2)))
    middles = ((np.arange(side) + 0.5) * size / side).astype(int)
    return boxes, owners[np.ix_(middles, middles)]


def owner_boxes(boxes: Sequence[NamedBox], owners: NDArray[np.int32], side: int) -> NDArray[np.float32]:
    """(side, side, 4): the box of the thing that each of side x side places shows, NaN where none; the smallest counts.

    A thing is shown by at least two cells of a place, or by its only one.
    """
    result = np.full((side, side, 4), np.nan, np.float32)
    cells = owners.shape[0] // side
    # Smaller ones then take their places.
    for number in _largest_first(boxes):
        own = owners == number
        shown = own.reshape(side, cells, side, cells).sum(axis=(1, 3))
        result[shown >= min(2, max(1, int(own.sum())))] = boxes[number][1]
    return result


def largest_boxes(boxes: Sequence[NamedBox], classes: int) -> NDArray[np.float32]:
    """(classes, 4): the largest box of each label, NaN where there is none."""
    result = np.full((classes, 4), np.nan, np.float32)
    for number in reversed(_largest_first(boxes)):
        value, box = boxes[number]
        result[value] = box
    return result


def _largest_first(boxes: Sequence[NamedBox]) -> list[int]:
    return sorted(range(len(boxes)), key=lambda one: -_area(boxes[one][1]))


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
