"""The region-aligned framework and COCO's average precision, on cases worked out by hand."""

from __future__ import annotations

import pytest

from engine.protocol import Located
from engine.regions import Box
from training.evaluation.average_precision import Detections, mean_average_precision
from training.evaluation.regions import match_regions

A, B = Box(0, 0, 10, 10), Box(20, 0, 30, 10)


def test_boxes_are_matched_for_the_largest_total():
    match = match_regions(
        [Located("liver", (Box(20, 0, 30, 8), Box(0, 0, 10, 6)))],
        [Located("liver", (A, B))],
    )
    assert match.iou == pytest.approx((0.8 + 0.6) / 2)
    assert match.regions().f1 == match.aligned().f1 == 1.0
    assert match.regions(0.75).f1 == pytest.approx(0.5)


def test_a_missed_region_counts_zero_and_a_wrong_name_is_not_aligned():
    match = match_regions([Located("spleen", (A,))], [Located("liver", (A, B))])
    assert match.iou == pytest.approx(0.5)
    assert match.regions().f1 == pytest.approx(2 / 3)
    assert match.aligned().f1 == match.objects().f1 == 0.0


def test_precision_is_over_what_was_said_and_recall_over_what_is_there():
    regions = match_regions([Located("liver", (A,))], [Located("liver", (A, B))]).regions()
    assert (regions.precision, regions.recall) == (1.0, 0.5)


def test_names_are_compared_without_case():
    assert match_regions([Located("Liver", (A,))], [Located("liver", (A,))]).aligned().f1 == 1.0


def test_no_answer_scores_zero():
    match = match_regions([], [Located("liver", (A,))])
    assert match.iou == match.first_iou == match.regions().f1 == 0.0


def test_average_precision_of_a_perfect_answer_is_1():
    perfect = Detections((("liver", A, 0.9),), (("liver", A),))
    found = mean_average_precision([perfect])
    assert found is not None
    assert (found.mean, found.at50, found.at75) == pytest.approx((1.0, 1.0, 1.0))


def test_average_precision_counts_the_thresholds_an_iou_reaches():
    # IoU 0.8: of the ten thresholds 0.50, 0.55 ... 0.95 seven are reached.
    found = mean_average_precision([Detections((("liver", Box(0, 0, 10, 8), 0.9),), (("liver", A),))])
    assert found is not None
    assert found.mean == pytest.approx(0.7)


def test_a_confident_false_alarm_where_nothing_is_halves_the_precision():
    questions = [
        Detections((("liver", A, 0.5),), (("liver", A),)),
        Detections((("liver", A, 0.9),), ()),
    ]
    found = mean_average_precision(questions)
    assert found is not None
    assert found.at50 == pytest.approx(0.5)


def test_average_precision_prints_nothing(capsys):
    mean_average_precision([Detections((("liver", A, 0.9),), (("liver", A),))])
    assert capsys.readouterr().out == ""


def test_there_is_no_average_precision_without_a_box():
    assert mean_average_precision([Detections((), ())]) is None
