"""The measures, on cases worked out by hand."""

from __future__ import annotations

import pytest

from engine.protocol import Located
from engine.regions import Box
from training.scoring import expected_calibration_error, interval_by_group, score_regions, score_text, tokens


def test_chinese_characters_are_words():
    assert tokens("右肾 Right kidney") == ["右", "肾", "right", "kidney"]


def test_accuracy_is_three_quarters_of_the_truths_tokens():
    assert score_text("the left kidney", "left kidney").correct
    half = score_text("right kidney", "left kidney")
    assert not half.correct
    assert half.recall == pytest.approx(0.5)
    assert half.f1 == pytest.approx(0.5)
    assert half.bleu1 == pytest.approx(0.5)


def test_bleu_punishes_an_answer_that_is_too_short():
    assert score_text("kidney", "left kidney").bleu1 == pytest.approx(0.36788, abs=1e-4)


def test_an_empty_answer_scores_nothing():
    assert score_text("", "liver").f1 == 0.0


def test_boxes_are_matched_for_the_largest_total():
    a, b = Box(0, 0, 10, 10), Box(20, 0, 30, 10)
    truth = [Located("liver", (a, b))]
    answer = [Located("liver", (Box(20, 0, 30, 8), Box(0, 0, 10, 6)))]
    score = score_regions(answer, truth)
    assert score.iou == pytest.approx((0.8 + 0.6) / 2)
    assert score.region_f1 == score.aligned_f1 == 1.0


def test_a_missed_region_counts_zero_and_a_wrong_name_is_not_aligned():
    a = Box(0, 0, 10, 10)
    score = score_regions([Located("spleen", (a,))], [Located("liver", (a, Box(20, 0, 30, 10)))])
    assert score.iou == pytest.approx(0.5)
    assert score.region_f1 == pytest.approx(2 / 3)
    assert score.aligned_f1 == 0.0
    assert score.object_f1 == 0.0


def test_no_answer_scores_zero():
    assert score_regions([], [Located("liver", (Box(0, 0, 1, 1),))]).iou == 0.0


def test_calibration_error_of_a_worked_example():
    assert expected_calibration_error([0.95, 0.95, 0.55, 0.55], [True, True, True, False]) == pytest.approx(0.05)


def test_the_interval_goes_by_patient():
    values, groups = [1.0] * 50 + [0.0] * 50, ["a"] * 50 + ["b"] * 50
    assert interval_by_group(values, groups) == (0.0, 1.0)
