"""Which organs a report's sentences are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.protocol import Language
from training.instruct.naming import Naming
from training.instruct.organs import marked_organs, read_reviewed, split_report
from training.records import DatasetError


@pytest.mark.parametrize(
    ("language", "sentence", "organs"),
    [
        (Language.EN, "The left lung is clear.", {"left-lung"}),
        (Language.EN, "Both lungs are clear.", {"lung"}),
        (Language.EN, "Cardiomediastinal silhouette is normal.", {"heart", "mediastinum"}),
        (Language.EN, "No acute findings.", set()),
        # "ribbon" holds no rib.
        (Language.EN, "A ribbon is seen.", set()),
        (Language.ZH, "左肺见结节。", {"left-lung"}),
        (Language.ZH, "左侧肾上腺未见异常。", {"adrenal-gland"}),
        (Language.ZH, "左肾囊肿。", {"left-kidney"}),
    ],
)
def test_words_tell_the_organ(language: Language, sentence: str, organs: set[str]):
    (found,) = split_report(sentence, language)
    assert set(found.organs) == organs


def test_a_report_is_split_into_its_sentences():
    found = split_report("Heart is normal. Lungs are clear; no effusion.", Language.EN)
    assert [one.text for one in found] == ["Heart is normal.", "Lungs are clear;", "no effusion."]
    assert [one.rule for one in found] == ["heart", "lungs", "effusion"]


def test_a_reviewed_sentence_goes_before_the_rules(tmp_path: Path):
    (before,) = split_report("No acute findings.", Language.EN)
    path = tmp_path / "organ_split.jsonl"
    path.write_text(before.to_json().replace("[]", '["heart"]') + "\n", encoding="utf-8")
    (after,) = split_report("No acute findings.", Language.EN, read_reviewed(path))
    assert (after.organs, after.rule) == (("heart",), "reviewed")


@pytest.mark.parametrize("line", ["{}", "x", '{"sentence": "a", "organs": ["tail"]}'])
def test_a_wrong_reviewed_line_is_named(tmp_path: Path, line: str):
    path = tmp_path / "organ_split.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(DatasetError, match="line 1"):
        read_reviewed(path)


def test_a_sentence_about_lungs_is_about_each_marked_lung(naming: Naming):
    marked = ("left-lung", "right-lung", "heart", "rib|left")
    assert marked_organs(("lung",), marked, naming) == ("left-lung", "right-lung")
    assert marked_organs(("rib",), marked, naming) == ("rib|left",)
