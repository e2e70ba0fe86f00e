import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.regions import Box, Mask, RegionError, masks
from engine.regions.masks import ValueRange

IMAGE = (40, 50)
bitmaps = arrays(bool, IMAGE, elements=st.booleans(), fill=st.just(False)).filter(np.any)


def mask_of(text: str, x0: int = 0, y0: int = 0) -> Mask:
    return Mask.from_array(np.array([[c == "#" for c in line] for line in text.split()]), x0, y0)


def pixels(mask: Mask) -> np.ndarray:
    return mask.to_array(IMAGE[1], IMAGE[0])


@given(
    points=st.lists(st.tuples(st.floats(0, 49), st.floats(0, 39)), min_size=1, max_size=4),
    radius=st.floats(0.1, 9),
    spacing=st.sampled_from([(1.0, 1.0), (3.0, 1.0), (0.5, 0.8)]),
)
def test_a_stroke_takes_the_pixels_within_its_radius_in_the_patient(points, radius: float, spacing) -> None:
    painted = pixels(masks.stroke(points, radius, IMAGE, spacing))
    finer = min(spacing)
    dense = [
        (ax + (bx - ax) * t, ay + (by - ay) * t)
        for (ax, ay), (bx, by) in zip(points, points[1:] or points[:1], strict=False)
        for t in np.linspace(0, 1, 60)
    ]
    y, x = np.mgrid[0 : IMAGE[0], 0 : IMAGE[1]]
    away = np.min([np.hypot((x - px) * spacing[1], (y - py) * spacing[0]) for px, py in dense], axis=0) / finer
    assert painted[away < radius - 0.6].all()
    middle = np.min([np.maximum(abs(x - px), abs(y - py)) for px, py in dense], axis=0) <= 1
    assert not painted[(away > radius + 0.6) & ~middle].any()


def test_the_smallest_brush_paints_the_pixel_under_it() -> None:
    assert masks.stroke([(7.3, 9.4)], 0.1, IMAGE) == Mask.from_array(np.ones((1, 1), bool), 7, 9)
    with pytest.raises(RegionError, match="did not touch"):
        masks.stroke([(-90, 9)], 3, IMAGE)
    with pytest.raises(RegionError, match="radius"):
        masks.stroke([(9, 9)], 0, IMAGE)
    with pytest.raises(RegionError, match="one point"):
        masks.stroke([], 1, IMAGE)


def test_a_brush_within_a_range_paints_and_erases_only_there() -> None:
    values = np.tile(np.arange(50, dtype=np.int16), (40, 1))
    brush = masks.stroke([(20, 20)], 6, IMAGE)
    right = masks.painted(None, brush, values, ValueRange(20, 900))
    assert right.bounds == Box(19.5, 13.5, 26.5, 26.5)
    both = masks.painted(right, brush)
    assert both == brush
    assert masks.erased(both, brush, values, ValueRange(20, 900)).bounds.x2 == 19.5
    assert masks.painted(right, brush, values, ValueRange(700, 900)) == right
    assert masks.erased(right, brush, values, ValueRange(700, 900)) == right
    with pytest.raises(RegionError, match="within the range"):
        masks.painted(None, brush, values, ValueRange(700, 900))
    with pytest.raises(RegionError, match="nothing is left"):
        masks.erased(right, brush)
    with pytest.raises(RegionError, match="holds no value"):
        ValueRange(3, 2)


def test_a_threshold_keeps_the_values_inside_a_shape() -> None:
    values = np.zeros(IMAGE, np.float32)
    values[10:20, 10:30] = 100
    values[12, 12] = np.nan
    found = masks.thresholded(Box(4.5, 4.5, 19.5, 40), values, ValueRange(50, 150))
    assert found.bounds == Box(9.5, 9.5, 19.5, 19.5)
    assert found.area == 99
    with pytest.raises(RegionError, match="no pixel inside"):
        masks.thresholded(Box(30, 30, 39, 39), values, ValueRange(50, 150))
    with pytest.raises(RegionError, match="colour"):
        masks.thresholded(Box(3, 3, 9, 9), np.zeros((20, 20, 3), np.uint8), ValueRange(0, 1))


def test_holes_are_filled_and_bays_are_not() -> None:
    assert masks.filled(mask_of("##### #...# #.#.# #...# #####")).area == 25
    bay = mask_of("##### #...# #.... #...# #####")
    assert masks.filled(bay) == bay


def test_smoothing_drops_specks_and_spikes_and_keeps_the_body() -> None:
    body = np.zeros(IMAGE, bool)
    body[10:30, 10:30] = True
    rough = body.copy()
    rough[20, 30:38] = rough[5, 5] = True
    rough[15, 15] = False
    smooth = pixels(masks.smoothed(Mask.from_array(rough), 2, IMAGE))
    assert not smooth[20, 33:].any()
    assert not smooth[5, 5]
    assert smooth[15, 15]
    assert (smooth ^ body).sum() < 40


def test_smoothing_does_not_eat_into_a_mask_at_the_edge_of_the_image() -> None:
    full = Mask.from_array(np.ones(IMAGE, bool))
    assert masks.smoothed(full, 3, IMAGE) == full


@settings(max_examples=40)
@given(bits=bitmaps, distance=st.floats(0.3, 7), spacing=st.sampled_from([(1.0, 1.0), (2.5, 0.7)]))
def test_growing_adds_what_lies_within_the_distance(bits, distance: float, spacing) -> None:
    grown = pixels(masks.grown(Mask.from_array(bits), distance, IMAGE, spacing))
    rows, columns = np.nonzero(bits)
    y, x = np.mgrid[0 : IMAGE[0], 0 : IMAGE[1]]
    away = np.full(IMAGE, np.inf)
    for row, column in zip(rows, columns, strict=True):
        away = np.minimum(away, np.hypot((y - row) * spacing[0], (x - column) * spacing[1]))
    unsure = abs(away - distance) < 1e-4
    np.testing.assert_array_equal(grown[~unsure], (away <= distance)[~unsure])


def test_shrinking_takes_the_outline_away_but_not_the_edge_of_the_image() -> None:
    half = np.zeros(IMAGE, bool)
    half[:, :20] = True
    assert masks.grown(Mask.from_array(half), -5, IMAGE).bounds == Box(-0.5, -0.5, 14.5, 39.5)
    assert masks.grown(Mask.from_array(half), -5, IMAGE, (1.0, 2.5)).bounds.x2 == 17.5
    full = Mask.from_array(np.ones(IMAGE, bool))
    assert masks.grown(full, -5, IMAGE) == full
    with pytest.raises(RegionError, match="nothing is left"):
        masks.grown(mask_of("### ### ###", 9, 9), -2, IMAGE)


def test_a_disc_grows_and_shrinks_round() -> None:
    disc = masks.stroke([(25, 20)], 8, IMAGE)
    assert masks.grown(disc, 4, IMAGE).area == pytest.approx(math.pi * 12**2, rel=0.07)
    assert masks.grown(disc, -4, IMAGE).area == pytest.approx(math.pi * 4**2, rel=0.15)


def test_islands_are_told_apart_by_size_and_by_place() -> None:
    mask = mask_of("##..... ##...#. ....... #....## .#...## .....##", 3, 4)
    assert [part.area for part in masks.islands(mask)] == [6, 4, 2, 1]
    assert masks.largest_island(mask).bounds == Box(7.5, 6.5, 9.5, 9.5)
    assert masks.without_small_islands(mask, 3).area == 10
    assert masks.island_at(mask, 3.4, 7.4).area == 2
    with pytest.raises(RegionError, match="no part"):
        masks.island_at(mask, 6, 6)
    with pytest.raises(RegionError, match="nothing is left"):
        masks.without_small_islands(mask, 100)


@given(first=bitmaps, second=bitmaps)
def test_masks_combine_like_sets(first, second) -> None:
    a, b = Mask.from_array(first), Mask.from_array(second)
    np.testing.assert_array_equal(pixels(masks.union(a, b)), first | second)
    for combine, expected in ((masks.intersected, first & second), (masks.subtracted, first & ~second)):
        if expected.any():
            np.testing.assert_array_equal(pixels(combine(a, b)), expected)
        else:
            with pytest.raises(RegionError, match="nothing is left"):
                combine(a, b)
