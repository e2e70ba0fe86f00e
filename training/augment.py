"""Changes to an image that keep its questions true: crops move the boxes, nothing is ever flipped."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.protocol import MEDREGA_UNIT, Task
from engine.protocol.syntax import BOX_LIST, ONE_BOX, box_numbers, one_box, tagged_boxes
from training.records import Record

_SCALE = MEDREGA_UNIT.scale
_MARGIN = 0.06
"""How far outside the image, as a fraction of its side, a crop may begin."""

SMALLEST, STRETCH = 0.82, 0.04
"""How little of an image's side a crop shows, and how much its sides may differ, unless a recipe says otherwise."""
_LARGEST = 1.12
_ENOUGH = 0.78
"""A crop of less than that a side does not show the image that a report tells of."""
_MOST, _SOME = 0.7, 0.3
"""How much of a box must be left for it to be asked about, and how much for it to be found among others."""
_WIDEST = _LARGEST * (1 + STRETCH)
"""What the margins on both sides make room for, whatever the stretch."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the image in fractions of its sides; may reach beyond the image, which is then black there."""

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def random(cls, rng: np.random.Generator, smallest: float = SMALLEST, stretch: float = STRETCH) -> Crop:
        """Between `smallest` and 1.12 of the image a side, anywhere that keeps most of it.

        stretch : by what fraction each side may differ from that.
        """
        size = rng.uniform(smallest, _LARGEST)
        width, height = (min(_WIDEST, size * rng.uniform(1 - stretch, 1 + stretch)) for _ in range(2))
        x, y = (
            rng.uniform(min(-_MARGIN, 1 + _MARGIN - side), max(-_MARGIN, 1 + _MARGIN - side))
            for side in (width, height)
        )
        return cls(x, y, x + width, y + height)

    @classmethod
    def drawn(cls, rng: np.random.Generator, smallest: float = SMALLEST, stretch: float = STRETCH) -> Crop:
        """`random` in four of five, else the whole image."""
        return cls.random(rng, smallest, stretch) if rng.random() < 0.8 else WHOLE

    def apply(self, image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """Cut (H, W, 3) uint8 and stretch it to (size, size, 3) with the runtime's bicubic filter."""
        return self._cut(image, size, Image.Resampling.BICUBIC)

    def apply_labels(self, labels: NDArray[np.int32], size: int) -> NDArray[np.int32]:
        """The same cut of an (H, W) int32 label map, nearest neighbour."""
        return self._cut(labels, size, Image.Resampling.NEAREST)

    def _cut(self, image: NDArray[Any], size: int, filter: Image.Resampling) -> NDArray[Any]:
        height, width = image.shape[:2]
        down = right = 0
        if min(self.x1, self.y1) < 0 or max(self.x2, self.y2) > 1:
            # Twice the margin: a crop starts up to one margin outside and may be larger than the image.
            down, right = round(2 * _MARGIN * height), round(2 * _MARGIN * width)
            image = np.pad(image, ((down, down), (right, right), *[(0, 0)] * (image.ndim - 2)))
        box = (
            self.x1 * width + right,
            self.y1 * height + down,
            self.x2 * width + right,
            self.y2 * height + down,
        )
        return np.asarray(Image.fromarray(image).resize((size, size), filter, box=box))

    def move(self, box: tuple[int, int, int, int], least: float = _MOST) -> tuple[int, int, int, int] | None:
        """The 0-999 box in the cut image; None if less than `least` of it is left."""
        inside, left = self._seen(box)
        if left < least:
            return None
        x1, y1, x2, y2 = (round(value * _SCALE) for value in inside)
        return (x1, y1, x2, y2)

    def _seen(self, box: tuple[int, int, int, int]) -> tuple[list[float], float]:
        """A box's corners in fractions of the cut image, and how much of it is left."""
        corners = [
            (box[0] / _SCALE - self.x1) / (self.x2 - self.x1),
            (box[1] / _SCALE - self.y1) / (self.y2 - self.y1),
            (box[2] / _SCALE - self.x1) / (self.x2 - self.x1),
            (box[3] / _SCALE - self.y1) / (self.y2 - self.y1),
        ]
        inside = [min(1.0, max(0.0, value)) for value in corners]
        area = (corners[2] - corners[0]) * (corners[3] - corners[1])
        kept = (inside[2] - inside[0]) * (inside[3] - inside[1])
        return inside, kept / area if area > 0 else 0.0


WHOLE = Crop(0, 0, 1, 1)


def crop_record(record: Record, crop: Crop) -> Record | None:
    """The record for the cut image; None when a box of its question or answer has left it.

    Of boxes to be found those that are cut off are left out, unless none is left: of thirty cells some always are, and
    whoever labels a picture also marks what its edge cuts. None too for a record that may tell of the whole image,
    where much of it is cut off.
    """
    finding = record.task is Task.TEXT_TO_REGION
    if min(crop.x2 - crop.x1, crop.y2 - crop.y1) < _ENOUGH and not (finding or record.task is Task.REGION_TO_TEXT):
        return None
    human = _move_boxes(record.human, crop, thin=False)
    gpt = _move_boxes(record.gpt, crop, thin=finding)
    if human is None or gpt is None:
        return None
    return replace(record, human=human, gpt=gpt)


def _move_boxes(text: str, crop: Crop, *, thin: bool) -> str | None:
    """The text with moved boxes; None if one is cut off, or with `thin` if all of a list are."""
    pieces = []
    end = 0
    for match in BOX_LIST.finditer(text):
        boxes = box_numbers(match.group(1))
        # The format example in a preamble holds letters, not boxes.
        if boxes:
            least = _SOME if thin and len(boxes) > 1 else _MOST
            moved = [box for box in (crop.move(box, least) for box in boxes) if box is not None]
            if not moved or (len(moved) < len(boxes) and not thin):
                return None
            pieces += [text[end : match.start()], tagged_boxes(moved)]
            end = match.end()
    return "".join(pieces) + text[end:]


def loosen_boxes(text: str, rng: np.random.Generator, amount: float = 0.10) -> str:
    """Move each corner of a question's boxes by up to `amount` of the box: people do not draw tight boxes."""

    def loosen(match: re.Match[str]) -> str:
        ((x1, y1, x2, y2),) = box_numbers(match.group())
        dx, dy = amount * (x2 - x1) + 3, amount * (y2 - y1) + 3
        shift = rng.uniform(-1, 1, 4) * [dx, dy, dx, dy]
        moved = zip((x1, y1, x2, y2), shift, strict=True)
        left, top, right, bottom = (min(_SCALE, max(0, round(value + by))) for value, by in moved)
        return match.group() if left >= right or top >= bottom else one_box((left, top, right, bottom))

    return ONE_BOX.sub(loosen, text)


@dataclass(frozen=True, slots=True)
class _Greys:
    """How far brightness, contrast and gamma are drawn from what they were, and the most grain."""

    gain: tuple[float, float]
    shift: float
    gamma: tuple[float, float]
    grain: float


_MILD = _Greys((0.88, 1.14), 0.06, (0.85, 1.18), 0.03)
_STRONG = _Greys((0.75, 1.3), 0.12, (0.7, 1.4), 0.05)
_COLOURLESS = 2.0
"""How far the channels of a picture without colour may lie apart on average, in grey values."""


def change_greys(image: NDArray[np.uint8], rng: np.random.Generator, *, strong: bool = False) -> NDArray[np.uint8]:
    """Another window and another noise: brightness, contrast, gamma and grain, drawn mildly.

    image : (H, W, 3). strong : of a picture without colour further, as if another scanner had made it; the colours of
    skin and of stained cells are what they are told apart by, and stay near.
    """
    values = image.astype(np.float32) / 255
    greys = _STRONG if strong and np.ptp(image, axis=2).mean() < _COLOURLESS else _MILD
    values = np.clip(values * rng.uniform(*greys.gain) + rng.uniform(-greys.shift, greys.shift), 0, 1)
    values = values ** rng.uniform(*greys.gamma)
    if rng.random() < 0.5:
        grain = rng.standard_normal((*image.shape[:2], 1), np.float32) * rng.uniform(0, greys.grain)
        values = values + grain
    return np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)
