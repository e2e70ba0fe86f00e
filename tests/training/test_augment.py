"""Crops move boxes with the image, and never more than that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import Language, Question, Task, user_text
from engine.regions import Box
from training.augment import Crop, change_greys, crop_record, loosen_boxes
from training.records import Record

CROPS = st.integers(0, 2**32 - 1).map(lambda seed: Crop.random(np.random.default_rng(seed)))


def record(box: Box, answer: str = "liver") -> Record:
    human = user_text(Question(Task.REGION_TO_TEXT, Language.EN, 200, 100, box=box))
    return Record("1", "a.png", 200, 100, human, answer, Task.REGION_TO_TEXT, Language.EN)


@given(CROPS)
def test_a_bright_square_and_its_box_stay_together(crop: Crop):
    image = np.zeros((400, 400, 3), np.uint8)
    image[160:240, 120:200] = 255
    moved = crop.move((300, 400, 500, 600))
    assert moved is not None, "a box in the middle never leaves"
    cut = crop.apply(image, 400)[..., 0] > 127
    ys, xs = np.nonzero(cut)
    found = [xs.min() / 400 * 999, ys.min() / 400 * 999, (xs.max() + 1) / 400 * 999, (ys.max() + 1) / 400 * 999]
    assert np.abs(np.array(found) - moved).max() < 7


def test_a_record_whose_box_has_left_the_crop_is_dropped():
    assert crop_record(record(Box(0, 0, 20, 20)), Crop(0.5, 0.5, 1, 1)) is None


def test_the_format_example_in_a_preamble_is_not_taken_for_a_box():
    human = user_text(Question(Task.TEXT_TO_REGION, Language.EN, 200, 100, names=("liver",)))
    one = Record(
        "1",
        "a.png",
        200,
        100,
        human,
        "<ref>liver</ref><box>[[100, 100, 300, 300]]</box>",
        Task.TEXT_TO_REGION,
        Language.EN,
    )
    moved = crop_record(one, Crop(0, 0, 0.5, 0.5))
    assert moved is not None
    assert moved.human == human
    assert moved.gpt == "<ref>liver</ref><box>[[200, 200, 600, 600]]</box>"


@given(st.integers(0, 2**32 - 1))
def test_a_loosened_box_still_overlaps_the_tight_one(seed: int):
    text = loosen_boxes("<box>[[300, 400, 500, 600]]</box>", np.random.default_rng(seed))
    numbers = [int(v) for v in text.removeprefix("<box>[[").removesuffix("]]</box>").split(",")]
    assert Box(*numbers).iou(Box(300, 400, 500, 600)) > 0.5


@pytest.mark.parametrize("size", [56, 224])
def test_an_uncropped_image_is_what_the_runtime_makes_of_it(size: int):
    from engine.runtime import to_model_image

    image = np.random.default_rng(0).integers(0, 255, (256, 300, 3)).astype(np.uint8)
    assert np.array_equal(Crop(0, 0, 1, 1).apply(image, size), to_model_image(image, size))


@given(st.integers(0, 2**32 - 1))
def test_a_strong_crop_shows_as_little_and_stretches_as_much_as_it_may(seed: int):
    crop = Crop.random(np.random.default_rng(seed), smallest=0.4, stretch=0.2)
    width, height = crop.x2 - crop.x1, crop.y2 - crop.y1
    assert min(width, height) >= 0.4 * 0.8
    assert max(width, height) / min(width, height) <= 1.2 / 0.8 + 1e-9
    assert crop.apply(np.full((60, 90, 3), 255, np.uint8), 42).shape == (42, 42, 3)


def found(answer: str, task: Task = Task.TEXT_TO_REGION) -> Record:
    human = user_text(Question(Task.TEXT_TO_REGION, Language.EN, 200, 100, names=("cell",)))
    return Record("1", "a.png", 200, 100, human, answer, task, Language.EN)


def test_of_many_things_those_outside_are_left_out_and_those_cut_off_end_at_the_edge():
    half = Crop(0, 0, 0.5, 1)
    moved = crop_record(found("<ref>cell</ref><box>[[100, 0, 200, 99], [700, 0, 800, 99]]</box>"), half)
    assert moved is not None
    assert moved.gpt == "<ref>cell</ref><box>[[200, 0, 400, 99]]</box>"
    moved = crop_record(
        found("<ref>cell</ref><box>[[100, 0, 200, 99], [450, 0, 550, 99], [490, 0, 590, 99]]</box>"), half
    )
    assert moved is not None
    assert moved.gpt == "<ref>cell</ref><box>[[200, 0, 400, 99], [900, 0, 999, 99]]</box>"


def test_one_thing_is_not_asked_for_where_half_of_it_is_cut_off():
    half = Crop(0, 0, 0.5, 1)
    assert crop_record(found("<ref>cell</ref><box>[[450, 0, 550, 99]]</box>"), half) is None
    assert crop_record(found("<ref>cell</ref><box>[[700, 0, 800, 99]]</box>"), half) is None


def test_what_tells_of_the_whole_image_is_not_asked_of_a_part_of_it():
    report = found("No finding.", Task.REPORT)
    assert crop_record(report, Crop(0, 0, 0.9, 0.9)) is not None
    assert crop_record(report, Crop(0, 0, 0.9, 0.6)) is None


def test_greys_are_drawn_further_than_colours():
    def spread(image: np.ndarray) -> float:
        means = [change_greys(image, np.random.default_rng(seed), strong=True).mean() for seed in range(60)]
        return float(np.std(means))

    grey = np.full((20, 20, 3), 120, np.uint8)
    assert spread(grey) > 1.5 * spread(grey + np.array([60, 0, 10], np.uint8))
