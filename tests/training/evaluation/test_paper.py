"""The published definitions, slips included, on cases worked out by hand."""

from __future__ import annotations

import pytest

from engine.protocol import Language, Located
from engine.regions import Box
from training.evaluation.paper import (
    RULES,
    clean_answer,
    paper_grounding,
    paper_labels,
    paper_names,
    paper_regions,
    paper_vqa,
)
from training.evaluation.paper_reports import paper_reports

A, B = Box(0, 0, 10, 10), Box(20, 0, 30, 10)
TEXT, CODE = RULES["text"], RULES["code"]


def test_precision_and_recall_are_swapped():
    """One of two true boxes found and nothing else said: standard precision 1, recall 1/2."""
    scores = paper_regions("mo_mr", [([Located("liver", (A,))], [Located("liver", (A, B))])], TEXT)
    assert scores["region_precision"] == pytest.approx(0.5)
    assert scores["region_recall"] == pytest.approx(1.0)
    assert scores["region_f1"] == pytest.approx(2 / 3)


def test_one_object_with_several_regions_needs_075_in_the_code_and_05_in_the_text():
    # IoU 0.6 and 1.
    sample = ([Located("cyst", (Box(0, 0, 10, 6), B))], [Located("cyst", (A, B))])
    assert paper_regions("so_mr", [sample], TEXT)["region_precision"] == pytest.approx(1.0)
    assert paper_regions("so_mr", [sample], CODE)["region_precision"] == pytest.approx(0.5)


def test_iou_of_one_object_is_over_pairs_and_of_several_over_the_true_boxes():
    sample = ([Located("cyst", (A,))], [Located("cyst", (A, B))])
    assert paper_regions("so_mr", [sample], TEXT)["iou"] == pytest.approx(1.0)
    assert paper_regions("mo_mr", [sample], TEXT)["iou"] == pytest.approx(0.5)


def test_the_codes_names_are_lenient():
    sample = ([Located("the liver is", (A,))], [Located("liver", (A,))])
    assert paper_regions("mo_mr", [sample], CODE)["object_f1"] == 1.0
    assert paper_regions("mo_mr", [sample], TEXT)["object_f1"] == 0.0


def test_the_code_gives_accuracies_alone_for_several_objects_with_one_region():
    sample = ([Located("liver", (A,))], [Located("liver", (A,)), Located("spleen", (B,))])
    scores = paper_regions("mo_sr", [sample], CODE)
    assert scores == pytest.approx(
        {"object_accuracy": 0.5, "region_accuracy": 0.5, "aligned_accuracy": 0.5, "iou": 0.5}
    )
    assert paper_regions("mo_sr", [sample], TEXT)["aligned_f1"] == pytest.approx(2 / 3)


def test_a_single_region_takes_the_best_box_only_when_more_were_said_than_there_are():
    truth = [Located("liver", (A,))]
    first_wrong = [Located("liver", (B, A))]
    assert paper_regions("so_sr", [(first_wrong, truth)], TEXT)["iou"] == 1.0
    assert paper_regions("so_sr", [([Located("liver", (B,))], truth)], TEXT)["iou"] == 0.0


def test_the_code_asks_for_more_than_the_threshold():
    half = [([Located("liver", (Box(0, 0, 10, 5),))], [Located("liver", (A,))])]
    assert paper_regions("so_sr", half, TEXT)["accuracy"] == 1.0
    assert paper_regions("so_sr", half, CODE)["accuracy"] == 0.0


def test_alignment_and_detection_ratios():
    # Both regions hit, one of them under its name.
    sample = ([Located("liver", (A,)), Located("kidney", (B,))], [Located("liver", (A,)), Located("spleen", (B,))])
    scores = paper_regions("mo_mr", [sample], TEXT)
    assert scores["alignment_ratio"] == pytest.approx(0.5)
    assert scores["detection_ratio"] == pytest.approx(1.0)


def test_an_answer_without_boxes_scores_zero_everywhere():
    scores = paper_regions("mo_mr", [([], [Located("liver", (A,))])], TEXT)
    assert set(scores.values()) == {0.0}


def test_grounded_reports_count_over_the_true_regions():
    sample = ([Located("liver", (A,)), Located("x", (B,))], [Located("liver", (A,))])
    scores = paper_grounding([sample], TEXT, lesion=False)
    assert scores["alignment_accuracy"] == scores["iou"] == 1.0


def test_a_name_is_right_from_three_quarters_of_its_tokens():
    scores = paper_names(["left lower lung lobe"], ["left lower lung"], Language.EN)
    assert scores["accuracy"] == 1.0
    assert scores["precision"] == pytest.approx(0.75)
    assert paper_names(["left lung"], ["left lower lung"], Language.EN)["accuracy"] == 0.0


def test_english_answers_are_cleaned_and_told_into_closed_and_open():
    assert clean_answer("Both. a_b, Head tumour") == "bilateral brain tumor"
    scores = paper_vqa(["Yes.", "no", "left lung"], ["yes", "yes", "the left upper lung"], Language.EN)
    assert scores["closed_accuracy"] == 0.5
    assert scores["open_recall"] == pytest.approx(0.5)
    assert scores["open_accuracy"] == 0.0


def test_each_piece_of_a_diagnosis_becomes_the_label_it_resembles_most():
    labels = ("no finding", "pleural effusion", "lung mass")
    assert paper_labels("effusion, a mass", labels) == ("pleural effusion", "lung mass")


def test_chinese_rouge_sees_only_latin_and_is_stored_under_swapped_names():
    scores = paper_reports(["左肺 b a"], ["右肾 a b"], Language.ZH)
    # Of "b a" against "a b" ROUGE-1 is 1 and ROUGE-L 1/2.
    assert scores["rouge_l"] == pytest.approx(1.0)
    assert scores["rouge_1"] == pytest.approx(0.5)
