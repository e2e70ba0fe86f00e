"""Models' whole-number coordinates: the only place where they are made and undone."""

from __future__ import annotations

from dataclasses import dataclass

from engine.regions import Box, RegionError

SCALE = 999
"""The largest coordinate MedRegA writes (its evaluators' BBOX_SCALE)."""

NormalizedBox = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class BoxUnit:
    """How a model writes the four numbers of a box.

    scale : the number that stands for the image's far edge, in x and in y alike: 999 for MedRegA, 1000 for others, the
    side of the model's own image for those that write its pixels. y_first : y1, x1, y2, x2 instead of x1, y1, x2, y2.
    """

    scale: int = SCALE
    y_first: bool = False

    def write(self, box: Box, width: int, height: int) -> NormalizedBox:
        """A pixel box's numbers: ``round(x / width * scale)``, clamped to 0..scale, y by the height."""

        def scaled(value: float, extent: int) -> int:
            return min(self.scale, max(0, round(value / extent * self.scale)))

        x1, x2 = scaled(box.x1, width), scaled(box.x2, width)
        y1, y2 = scaled(box.y1, height), scaled(box.y2, height)
        return (y1, x1, y2, x2) if self.y_first else (x1, y1, x2, y2)

    def read(self, numbers: NormalizedBox, width: int, height: int) -> Box:
        """Pixel box of a model's numbers: ``v / scale * width``, y by the height.

        Corners in the wrong order are swapped, as MedRegA's readers do. Raises `RegionError` for a box without area
        or with a number outside 0..scale.
        """
        if any(not 0 <= value <= self.scale for value in numbers):
            raise RegionError(f"box {numbers} has a coordinate outside 0..{self.scale}")
        left, top, right, bottom = numbers
        if self.y_first:
            left, top, right, bottom = top, left, bottom, right
        x1, x2 = sorted((left / self.scale * width, right / self.scale * width))
        y1, y2 = sorted((top / self.scale * height, bottom / self.scale * height))
        return Box(x1, y1, x2, y2)


MEDREGA_UNIT = BoxUnit()


def normalize_box(box: Box, width: int, height: int) -> NormalizedBox:
    """MedRegA's integers of a pixel box; see `BoxUnit.write`."""
    return MEDREGA_UNIT.write(box, width, height)


def denormalize_box(box: NormalizedBox, width: int, height: int) -> Box:
    """Pixel box of MedRegA's integers; see `BoxUnit.read`."""
    return MEDREGA_UNIT.read(box, width, height)
