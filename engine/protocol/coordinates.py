"""MedRegA's 0-999 integers: the only place where they are made and undone."""

from engine.regions import Box, RegionError

SCALE = 999
"""The largest coordinate MedRegA writes (its evaluators' BBOX_SCALE)."""

NormalizedBox = tuple[int, int, int, int]


def normalize_box(box: Box, width: int, height: int) -> NormalizedBox:
    """MedRegA integers of a pixel box: ``round(x / width * 999)``, clamped to 0..999, y by the height."""

    def scale(value: float, extent: int) -> int:
        return min(SCALE, max(0, round(value / extent * SCALE)))

    return (scale(box.x1, width), scale(box.y1, height), scale(box.x2, width), scale(box.y2, height))


def denormalize_box(box: NormalizedBox, width: int, height: int) -> Box:
    """Pixel box of MedRegA integers: ``v / 999 * width``, y by the height.

    Corners in the wrong order are swapped, as MedRegA's readers do. Raises `RegionError` for a box without
    area or with an integer outside 0..999.
    """
    if any(not 0 <= value <= SCALE for value in box):
        raise RegionError(f"box {box} has a coordinate outside 0..{SCALE}")
    x1, x2 = sorted((box[0] / SCALE * width, box[2] / SCALE * width))
    y1, y2 = sorted((box[1] / SCALE * height, box[3] / SCALE * height))
    return Box(x1, y1, x2, y2)
