"""In which order the boxes of a list are written.

A box is written x first. Where lists go from the left, the first number of the next box is the next larger one that is
left; where they go from the top, whoever writes it must have chosen a box by its y before anything of y is written.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from engine.protocol.syntax import BOX_LIST, box_numbers, tagged_boxes
from training.records import Record

BoxOrder = Literal["from_top", "from_left"]
"""As data sets have them, by y and then by x; or by x and then by y."""


def in_order(record: Record, order: BoxOrder) -> Record:
    """The record with the lists of its answer in that order; the answer means the same."""
    if order == "from_top":
        return record
    return replace(record, gpt=BOX_LIST.sub(_from_left, record.gpt))


def _from_left(match: re.Match[str]) -> str:
    boxes = box_numbers(match.group(1))
    return tagged_boxes(sorted(boxes)) if boxes else match.group()
