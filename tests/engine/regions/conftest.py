"""One shape of every kind, drawn by hypothesis or as an example."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import strategies as st

from engine.regions import Box, Ellipse, Freehand, Line, Mask, Point, Polygon, RegionError, RotatedBox, Shape
from engine.regions.paths import is_flat

_places = st.floats(-30, 90, allow_nan=False).map(lambda v: round(v, 3))
_sizes = st.floats(1, 50).map(lambda v: round(v, 3))
_angles = st.floats(-180, 179).map(lambda v: round(v, 2))
_rings = st.lists(st.tuples(_places, _places), min_size=3, max_size=9).filter(lambda p: not is_flat(np.array(p)))
_bits = st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=7).filter(
    lambda rows: any(map(any, rows))
)

_STRATEGIES: dict[str, st.SearchStrategy[Shape]] = {
    "box": st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), _places, _places, _sizes, _sizes),
    "rotated_box": st.builds(RotatedBox, _places, _places, _sizes, _sizes, _angles),
    "ellipse": st.builds(Ellipse, _places, _places, _sizes, _sizes, _angles),
    "polygon": _rings.map(lambda p: Polygon(tuple(p))),
    "freehand": _rings.map(lambda p: Freehand(tuple(p))),
    "point": st.builds(Point, _places, _places),
    "line": st.lists(st.tuples(_places, _places), min_size=2, max_size=6, unique=True).map(lambda p: Line(tuple(p))),
    "mask": st.builds(
        lambda rows, x, y: Mask.from_array(np.array(rows), x, y), _bits, st.integers(-9, 60), st.integers(-9, 60)
    ),
}
"""Shapes of each kind, some of them partly outside a 64 x 48 image."""

_EXAMPLES: dict[str, Shape] = {
    "box": Box(10, 12, 30, 24),
    "rotated_box": RotatedBox(20, 18, 16, 8, 30),
    "ellipse": Ellipse(20, 18, 9, 5, 40),
    "polygon": Polygon(((10, 10), (30, 12), (26, 28), (12, 22))),
    "freehand": Freehand(tuple((20 + 8 * math.cos(t / 5), 18 + 7 * math.sin(t / 5)) for t in range(31))),
    "point": Point(20.2, 18.7),
    "line": Line(((10, 10), (20, 15), (30, 12))),
    "mask": Mask.from_array(np.hypot(*np.mgrid[-6:7, -6:7]) <= 6, 14, 12),
}


def _pixels(shape: Shape, width: int, height: int) -> np.ndarray:
    """The pixels of an image that a shape covers, all unset where it covers none."""
    try:
        return shape.to_mask(width, height).to_array(width, height)
    except RegionError:
        return np.zeros((height, width), bool)


@pytest.fixture(scope="session")
def strategies() -> Mapping[str, st.SearchStrategy[Shape]]:
    return _STRATEGIES


@pytest.fixture(scope="session")
def examples() -> Mapping[str, Shape]:
    return _EXAMPLES


@pytest.fixture(scope="session")
def pixels() -> Callable[[Shape, int, int], np.ndarray]:
    return _pixels
