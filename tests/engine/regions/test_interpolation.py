import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.regions import Box, Ellipse, Freehand, Line, Mask, Point, Polygon, RegionError, RotatedBox
from engine.regions.interpolation import between, interpolated
from engine.regions.shape_json import KINDS


def disc(x: float, y: float, radius: float) -> Mask:
    return Ellipse(x, y, radius, radius).to_mask(200, 200)


@pytest.mark.parametrize("kind", KINDS)
def test_slices_between_two_equal_keys_are_like_them(examples, kind: str) -> None:
    shape = examples[kind]
    found = interpolated({4: shape, 7: shape})
    assert sorted(found) == [5, 6]
    for between_keys in found.values():
        assert between_keys.kind == kind
        assert between_keys.iou(shape, 64, 48) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_halfway_between_two_places_lies_the_middle_one(examples, kind: str) -> None:
    shape = examples[kind]
    halfway = between(shape, shape.moved(20, 10), 0.5)
    np.testing.assert_allclose(halfway.bounds.as_tuple(), shape.moved(10, 5).bounds.as_tuple(), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
@settings(max_examples=5)
@given(data=st.data())
def test_any_two_shapes_have_one_between_them(strategies, kind: str, other: str, data: st.DataObject) -> None:
    first, second = data.draw(strategies[kind]), data.draw(strategies[other])
    found = between(first, second, data.draw(st.sampled_from([0.25, 0.5, 0.9])))
    if kind == other:
        assert found.kind in (kind, "mask")
    assert found.bounds.area > 0


def test_keys_may_come_in_any_order_and_each_gap_has_its_own_ends() -> None:
    keys = {10: Box(0, 0, 10, 10), 0: Box(20, 0, 40, 10), 12: Box(4, 0, 6, 10)}
    found = interpolated(keys)
    assert sorted(found) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert found[5] == Box(10, 0, 25, 10)
    assert found[11] == Box(2, 0, 8, 10)
    assert interpolated({3: Box(0, 0, 1, 1)}) == {}
    with pytest.raises(RegionError):
        between(keys[0], keys[10], 1.5)


def test_angles_turn_the_short_way() -> None:
    halfway = between(RotatedBox(0, 0, 10, 4, 170), RotatedBox(0, 0, 10, 4, -10), 0.5)
    assert isinstance(halfway, RotatedBox)
    assert math.cos(math.radians(2 * (halfway.angle_deg - 170))) == pytest.approx(1)
    halfway = between(Ellipse(0, 0, 10, 4, -80), Ellipse(0, 0, 10, 4, 80), 0.5)
    assert abs(halfway.angle_deg) == pytest.approx(90)


def test_corners_go_to_corners_wherever_the_ring_begins_and_however_it_runs() -> None:
    square = ((0, 0), (10, 0), (10, 10), (0, 10))
    larger = ((22, 22), (2, 22), (2, 2), (22, 2))
    assert between(Polygon(square), Polygon(larger), 0.5).bounds == Box(1, 1, 16, 16)
    assert between(Polygon(square), Polygon(larger[::-1]), 0.5).area == 225
    assert len(between(Polygon(square), Polygon(larger), 0.5).points) == 4


def test_outlines_of_unlike_numbers_of_points_blend_into_one_between() -> None:
    square = Polygon(((30, 30), (70, 30), (70, 70), (30, 70)))
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    circle = Freehand.from_ring(np.stack((50 + 20 * np.cos(turns), 50 + 20 * np.sin(turns)), axis=1))
    halfway = between(square, circle, 0.5)
    assert halfway.kind == "freehand"
    assert circle.area < halfway.area < square.area
    assert not np.isnan(halfway.area)


def test_lines_drawn_from_opposite_ends_do_not_cross_over() -> None:
    halfway = between(Line(((0, 0), (20, 0))), Line(((20, 10), (10, 10), (0, 10))), 0.5)
    assert halfway == Line(((0, 5), (10, 5), (20, 5)))
    assert between(Point(0, 0), Point(4, 8), 0.25) == Point(1, 2)


def test_a_growing_disc_has_the_size_between() -> None:
    halfway = between(disc(50, 50, 10), disc(50, 50, 20), 0.5)
    assert halfway.iou(disc(50, 50, 15)) > 0.95


def test_a_mask_that_wanders_away_from_itself_keeps_its_size() -> None:
    found = interpolated({0: disc(30, 30, 10), 4: disc(90, 50, 10)})
    assert found[1].iou(disc(45, 35, 10)) > 0.95
    assert found[2].iou(disc(60, 40, 10)) > 0.95


def test_a_box_and_a_mask_meet_in_a_mask() -> None:
    halfway = between(Box(39.5, 39.5, 60.5, 60.5), disc(50, 50, 10), 0.5)
    assert halfway.kind == "mask"
    assert disc(50, 50, 10).area < halfway.area < 21 * 21
