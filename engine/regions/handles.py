"""The grips by which a shape is resized, and what dragging one does to a rectangle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.regions.errors import RegionError

Rect = tuple[float, float, float, float]

MIN_SIZE = 1.0
"""Pixels: no drag makes a shape narrower or lower than this."""

# Reading order round the rectangle, from the top left corner clockwise: the factors of half width and half height.
_SIDES = {
    "nw": (-1, -1),
    "n": (0, -1),
    "ne": (1, -1),
    "e": (1, 0),
    "se": (1, 1),
    "s": (0, 1),
    "sw": (-1, 1),
    "w": (-1, 0),
}
RECT_HANDLES = tuple(_SIDES)
"""The ids of a rectangle's handles: compass points, north at the top (least y)."""


class HandleRole(StrEnum):
    """What dragging a handle does."""

    CORNER = "corner"
    EDGE = "edge"
    VERTEX = "vertex"
    ROTATE = "rotate"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Handle:
    """A grip at (x, y) pixels. id : names it to `Shape.with_handle`, unique within its shape."""

    id: str
    x: float
    y: float
    role: HandleRole


def rect_handles(rect: Rect) -> tuple[Handle, ...]:
    """Four corners and four edge middles of ``(x1, y1, x2, y2)``, clockwise from the top left."""
    x1, y1, x2, y2 = rect
    cx, cy, rx, ry = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2
    return tuple(
        Handle(id, cx + right * rx, cy + down * ry, HandleRole.CORNER if right and down else HandleRole.EDGE)
        for id, (right, down) in _SIDES.items()
    )


def dragged_rect(rect: Rect, id: str, x: float, y: float, keep_aspect: bool) -> Rect:
    """The rectangle after its handle `id` was dragged to (x, y), the opposite side staying where it is.

    Dragged across the opposite side it is turned over, and never gets smaller than `MIN_SIZE`. keep_aspect : width
    to height stay in proportion; an edge then widens the rectangle on both sides of its middle. Raises
    `RegionError` for an unknown handle.
    """
    if id not in _SIDES:
        raise RegionError(f"a rectangle has no handle {id!r}: it has {', '.join(_SIDES)}")
    right, down = _SIDES[id]
    x1, y1, x2, y2 = rect
    width, height = x2 - x1, y2 - y1
    fixed_x, fixed_y = (x2 if right < 0 else x1), (y2 if down < 0 else y1)
    along, across = _reach(x - fixed_x, right), _reach(y - fixed_y, down)
    if keep_aspect:
        scale = max(abs(along) / width if right else 0.0, abs(across) / height if down else 0.0)
        scale = max(scale, MIN_SIZE / min(width, height))
        along = scale * width if along >= 0 else -scale * width
        across = scale * height if across >= 0 else -scale * height
    x1, x2 = _side(x1, x2, right, fixed_x, along, keep_aspect)
    y1, y2 = _side(y1, y2, down, fixed_y, across, keep_aspect)
    return (x1, y1, x2, y2)


def _reach(offset: float, side: int) -> float:
    """From the fixed side to the dragged one, at least `MIN_SIZE` towards where it is (or was)."""
    if abs(offset) >= MIN_SIZE:
        return offset
    towards = offset or side
    return MIN_SIZE if towards >= 0 else -MIN_SIZE


def _side(low: float, high: float, side: int, fixed: float, reach: float, keep_aspect: bool) -> tuple[float, float]:
    if side:
        return (fixed, fixed + reach) if reach > 0 else (fixed + reach, fixed)
    if keep_aspect:
        middle = (low + high) / 2
        return (middle - abs(reach) / 2, middle + abs(reach) / 2)
    return (low, high)
