"""Mirrored forms of pictures in which nothing has a side: cells, skin and mucosa lie as they happened to lie.

Of the body's own left and right nothing is ever mirrored here: a mirrored chest would have its heart on the right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.protocol import IMAGE_MARKER, MEDREGA_UNIT, Task
from engine.protocol.syntax import BOX_LIST, box_numbers, tagged_boxes
from training.augment import Crop
from training.records import Record
from training.samples import ImageSample

_SCALE = MEDREGA_UNIT.scale
_BOTH_WAYS = {"SM", "GM", "DMS", "ES", "OP", "fluorescence"}
_LEFT_TO_RIGHT = {"US"}
"""Its beam comes from above."""
_KEPT = {Task.REGION_TO_TEXT, Task.TEXT_TO_REGION, Task.DIAGNOSIS}
"""The others may say where in the picture a thing is."""
_SIDES = re.compile(r"\b(left|right|upper|lower|top|bottom)\b|[左右上下]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mirror:
    """across : left becomes right. down : top becomes bottom."""

    across: bool = False
    down: bool = False

    @property
    def number(self) -> int:
        """0 for none, of each of the four another."""
        return self.across + 2 * self.down

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The (H, W, 3) picture, mirrored."""
        image = image[:, ::-1] if self.across else image
        return np.ascontiguousarray(image[::-1] if self.down else image)

    def move(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """The 0-999 box in the mirrored picture."""
        x1, y1, x2, y2 = box
        if self.across:
            x1, x2 = _SCALE - x2, _SCALE - x1
        if self.down:
            y1, y2 = _SCALE - y2, _SCALE - y1
        return (x1, y1, x2, y2)


NO_MIRROR = Mirror()


def view_form(crop: Crop, mirror: Mirror = NO_MIRROR, *, strong_greys: bool = False) -> str:
    """Names how a view was made, for the cache of features: no other cut of the picture is taken for it."""
    return f"{crop} {mirror} {strong_greys}"


def mirrors_of(sample: ImageSample) -> tuple[Mirror, ...]:
    """The forms that a picture may have; itself is one. Of a picture whose records name a side it is the only one."""
    modality = sample.records[0].modality
    if modality not in _BOTH_WAYS | _LEFT_TO_RIGHT:
        return (NO_MIRROR,)
    for record in sample.records:
        if record.task in _KEPT and _SIDES.search(record.human.partition(IMAGE_MARKER)[2] + record.gpt):
            return (NO_MIRROR,)
    forms = (NO_MIRROR, Mirror(across=True))
    return forms if modality in _LEFT_TO_RIGHT else (*forms, Mirror(down=True), Mirror(across=True, down=True))


def mirror_record(record: Record, mirror: Mirror) -> Record | None:
    """The record for the mirrored picture; None for a task that may name a place in words.

    Lists of boxes are put in order again, from the top.
    """
    if not mirror.number:
        return record
    if record.task not in _KEPT:
        return None
    human, gpt = (BOX_LIST.sub(lambda match: _mirrored(match, mirror), text) for text in (record.human, record.gpt))
    return replace(record, human=human, gpt=gpt)


def _mirrored(match: re.Match[str], mirror: Mirror) -> str:
    boxes = box_numbers(match.group(1))
    # The format example in a preamble holds letters, not boxes.
    if not boxes:
        return match.group()
    return tagged_boxes(sorted(map(mirror.move, boxes), key=lambda box: (box[1], box[0])))
