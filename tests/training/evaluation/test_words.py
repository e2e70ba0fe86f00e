"""Answers as words, on cases worked out by hand."""

from __future__ import annotations

import pytest

from training.evaluation.words import chinese_words, score_text, score_token_sets, tokens


def test_chinese_characters_are_words():
    assert tokens("右肾 Right kidney") == ["右", "肾", "right", "kidney"]


def test_jieba_cuts_chinese_words():
    assert chinese_words("左肾大小正常 CT") == ["左", "肾", "大小", "正常", "ct"]


def test_half_of_the_tokens():
    half = score_text("right kidney", "left kidney")
    assert not half.exact
    assert half.precision == half.recall == half.f1 == half.bleu1 == pytest.approx(0.5)


def test_a_token_said_twice_counts_twice_but_once_in_the_papers_sets():
    said, meant = "kidney kidney", "left kidney"
    assert score_text(said, meant).precision == pytest.approx(0.5)
    assert score_token_sets(said.split(), meant.split()).precision == 1.0


def test_bleu_punishes_an_answer_that_is_too_short():
    assert score_text("kidney", "left kidney").bleu1 == pytest.approx(0.36788, abs=1e-4)


def test_an_empty_answer_scores_nothing():
    assert score_text("", "liver").f1 == 0.0
