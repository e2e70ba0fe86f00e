"""0-999 integers and pixels."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.protocol import denormalize_box, normalize_box
from engine.regions import Box, RegionError

extent = st.integers(1, 20_000)
span = st.lists(st.integers(0, 999), min_size=2, max_size=2, unique=True).map(sorted)


@given(span, span, extent, extent)
def test_integers_to_pixels_and_back_are_the_same_integers(xs, ys, width, height):
    numbers = (xs[0], ys[0], xs[1], ys[1])
    assert normalize_box(denormalize_box(numbers, width, height), width, height) == numbers


@given(extent, extent, st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_pixels_to_integers_and_back_move_by_less_than_half_a_step(width, height, parts):
    x1, x2 = sorted(part * width for part in parts[:2])
    y1, y2 = sorted(part * height for part in parts[2:])
    assume(x2 - x1 > width / 500 and y2 - y1 > height / 500)
    box = Box(x1, y1, x2, y2)
    again = denormalize_box(normalize_box(box, width, height), width, height)
    for a, b, size in zip(again.as_tuple(), box.as_tuple(), (width, height) * 2, strict=True):
        assert abs(a - b) <= size / 999 / 2 + 1e-9 * size


@given(span, span, extent, extent)
def test_corners_in_the_wrong_order_are_the_same_box(xs, ys, width, height):
    (x1, x2), (y1, y2) = xs, ys
    assert denormalize_box((x2, y2, x1, y1), width, height) == denormalize_box((x1, y1, x2, y2), width, height)


def test_what_lies_outside_is_clamped_to_the_edge():
    assert normalize_box(Box(-0.5, -3, 100, 1e6), 100, 100) == (0, 0, 999, 999)


@pytest.mark.parametrize("numbers", [(0, 0, 0, 5), (5, 5, 9, 5), (0, 0, 1000, 5), (-1, 0, 5, 5)])
def test_a_box_without_area_or_outside_the_scale_is_refused(numbers):
    with pytest.raises(RegionError):
        denormalize_box(numbers, 100, 100)
