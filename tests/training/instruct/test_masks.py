"""From masks to boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.regions import Box
from training.instruct.masks import Thresholds, map_regions, mask_regions, merge_masks

SMALL = Thresholds(min_side=1, min_area=1, min_fraction=0, speck=0)


def mask_of(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    for x1, y1, x2, y2 in boxes:
        mask[y1:y2, x1:x2] = True
    return mask


def test_each_connected_part_has_a_box_the_largest_first():
    boxes, _ = mask_regions(mask_of((5, 5, 10, 10), (30, 20, 60, 50)), SMALL)
    assert boxes == (Box(29.5, 19.5, 59.5, 49.5), Box(4.5, 4.5, 9.5, 9.5))


def test_parts_that_meet_at_a_corner_are_one():
    boxes, _ = mask_regions(mask_of((5, 5, 10, 10), (10, 10, 15, 15)), SMALL)
    assert boxes == (Box(4.5, 4.5, 14.5, 14.5),)


def test_a_speck_beside_a_large_part_is_noise():
    thresholds = Thresholds(min_side=1, min_area=1, min_fraction=0, speck=0.02)
    boxes, uncertain = mask_regions(mask_of((5, 5, 45, 45), (70, 50, 72, 52)), thresholds)
    assert (len(boxes), uncertain) == (1, False)


def test_a_mask_too_small_to_be_a_region_leaves_its_label_uncertain():
    boxes, uncertain = mask_regions(mask_of((5, 5, 7, 7)), Thresholds())
    assert (boxes, uncertain) == ((), True)


def test_an_empty_mask_is_certain():
    assert mask_regions(mask_of(), Thresholds()) == ((), False)


def test_values_with_the_same_name_are_one_mask():
    labels = np.zeros((60, 80), int)
    labels[10:20, 10:20], labels[10:20, 20:30], labels[40:50, 40:50] = 1, 2, 3
    found = map_regions(labels, {1: "rib", 2: "rib", 3: "liver"}, SMALL)
    assert [(r.key, r.box) for r in found.regions] == [
        ("rib", Box(9.5, 9.5, 29.5, 19.5)),
        ("liver", Box(39.5, 39.5, 49.5, 49.5)),
    ]


@given(st.integers(0, 79), st.integers(0, 59), st.integers(1, 80), st.integers(1, 60))
def test_the_box_of_a_rectangle_covers_exactly_its_pixels(x: int, y: int, width: int, height: int):
    mask = mask_of((x, y, min(80, x + width), min(60, y + height)))
    (box,), _ = mask_regions(mask, SMALL)
    assert (box.covered(0, 0, 80, 60) == mask).all()


@pytest.mark.parametrize("side", [3.0, 2.9])
def test_a_box_as_large_as_the_least_side_is_a_region(side: float):
    assert Thresholds(min_side=3).holds_box(Box(0, 0, side, 10)) == (side >= 3)


def test_masks_that_overlap_are_merged_with_the_smallest_on_top():
    large, small = mask_of((0, 0, 60, 50)), mask_of((10, 10, 20, 20))
    for order in ([(large, {1: "liver"}), (small, {1: "tumor"})], [(small, {1: "tumor"}), (large, {1: "liver"})]):
        merged = merge_masks(order)
        assert merged is not None
        assert merged.keys == ("liver", "tumor")
        assert [int((merged.values == value).sum()) for value in (1, 2)] == [2900, 100]


def test_values_of_one_label_are_one_and_others_are_none():
    labels = np.array([[0, 1, 2], [3, 3, 9]])
    merged = merge_masks([(labels, {1: "lung", 2: "lung", 3: "heart"})])
    assert merged is not None
    assert merged.values.tolist() == [[0, 2, 2], [1, 1, 0]]
    assert merge_masks([(labels, {7: "lung"})]) is None
