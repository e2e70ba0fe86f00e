"""Reports, labels, calibration, intervals, on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.protocol import Language
from engine.reliability import measure_reliability
from training.evaluation.classes import mean_label_recall, score_classes
from training.evaluation.intervals import interval_by_group, recalls_by_group, student_by_group
from training.evaluation.reports import score_reports


def test_an_equal_report_scores_one():
    text = "The lungs are clear. No effusion or pneumothorax is seen."
    score = score_reports([text], [text], Language.EN)["word"]
    assert (score.bleu1, score.bleu4, score.rouge_l) == pytest.approx((1, 1, 1))
    # One chunk of 12 tokens: 1 - 0.5 (1/12)^3.
    assert score.meteor == pytest.approx(1 - 0.5 / 12**3, abs=1e-6)


def test_english_bleu_and_rouge_by_hand():
    # "lungs", "are", "clear" of 3 said and 4 meant: precision 1, brevity exp(1 - 4/3).
    score = score_reports(["lungs are clear"], ["both lungs are clear"], Language.EN)["word"]
    assert score.bleu1 == pytest.approx(0.716531, abs=1e-5)
    assert score.rouge_l == pytest.approx(2 * 1 * 0.75 / 1.75)


def test_a_chinese_report_scores_by_character_and_by_word():
    scores = score_reports(["右肾正常"], ["右肾大小正常"], Language.ZH)
    assert set(scores) == {"character", "word"}
    # 4 of 6 characters in order.
    assert scores["character"].rouge_l == pytest.approx(2 * 1 * (4 / 6) / (1 + 4 / 6))
    assert scores["word"].rouge_l > 0.5


def test_an_empty_report_scores_zero():
    score = score_reports([""], ["clear"], Language.EN)["word"]
    assert (score.bleu1, score.bleu4, score.meteor, score.rouge_l) == (0, 0, 0, 0)


def test_macro_f1_and_the_majority_baseline():
    score = score_classes([("a",), ("a",), ("b",)], [("a",), ("a",), ("a",)])
    # F1 of a: 2 * 2 / (2 + 3) = 0.8; of b: 0.
    assert score.macro_f1 == pytest.approx(0.4)
    assert score.accuracy == pytest.approx(2 / 3)
    assert score.baseline_accuracy == 1.0


def test_macro_f1_of_several_labels():
    score = score_classes([("a", "b"), ("c",)], [("a",), ("c",)])
    assert score.macro_f1 == pytest.approx(2 / 3)
    assert score.accuracy == 0.5


def test_mean_label_recall_weighs_labels_alike():
    assert mean_label_recall(["a", "a", "a", "b"], [1, 1, 1, 0]) == pytest.approx(0.5)


def test_calibration_error_of_a_worked_example():
    found = measure_reliability([0.95, 0.95, 0.55, 0.55], [True, True, True, False])
    assert found is not None
    assert found.ece == pytest.approx(0.05)
    assert found.brier == pytest.approx((2 * 0.05**2 + 0.45**2 + 0.55**2) / 4)
    assert [part.count for part in found.bins] == [2, 2]


def test_there_is_no_calibration_without_answers():
    assert measure_reliability([], []) is None


def test_the_interval_goes_by_patient():
    values, groups = [1.0] * 50 + [0.0] * 50, ["a"] * 50 + ["b"] * 50
    assert interval_by_group(values, groups) == (0.0, 1.0)


def test_one_patient_has_no_interval():
    assert interval_by_group([1.0, 0.0], ["a", "a"]) is None


def test_the_interval_of_recalls_weighs_labels_alike_and_goes_by_patient():
    # Two patients, each with labels of its own: a draw of one of them twice has its two labels alone.
    truths, hits = ["a", "a", "a", "b", "c", "d"], [1, 1, 1, 1, 0, 0]
    assert recalls_by_group(truths, hits, ["p", "p", "p", "p", "q", "q"]) == (0.0, 1.0)
    assert recalls_by_group(truths, hits, ["p"] * 6) is None


def test_the_interval_of_recalls_narrows_with_patients():
    rng = np.random.default_rng(0)
    widths = []
    for patients in (20, 400):
        groups = [str(number) for number in range(patients) for _ in range(4)]
        truths = ["a", "b", "c", "d"] * patients
        low, high = recalls_by_group(truths, list(rng.random(len(groups)) < 0.7), groups)
        assert low < 0.7 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_students_interval_of_equal_patients_is_the_textbooks():
    values = [0.1, 0.3, 0.2, 0.6]
    low, high = student_by_group(values, ["a", "b", "c", "d"])
    half = 3.182446 * float(np.std(values, ddof=1)) / 2
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half))
    assert student_by_group([1.0, 0.0], ["a", "a"]) is None
    assert student_by_group([0.5, 0.5, 0.5], ["a", "b", "b"]) == pytest.approx((0.5, 0.5))


def test_students_interval_counts_questions_alike_and_patients_as_one():
    values, groups = [1.0] * 6 + [0.0] * 2, ["a"] * 6 + ["b", "c"]
    low, high = student_by_group(values, groups)
    assert (low + high) / 2 == pytest.approx(0.75)
    assert high - low > 2, "three patients tell nothing, whatever the number of their questions"


def test_equal_patients_have_a_point_for_interval():
    assert interval_by_group([1.0, 1.0], ["a", "b"]) == (1.0, 1.0)
