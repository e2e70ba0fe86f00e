"""The wordings: enough of them, all different, all inside the exact prompt."""

from __future__ import annotations

import random

import pytest

from engine.protocol import IMAGE_MARKER, Language, Question, Task, user_text
from engine.regions import Box
from training.instruct.asking import worded
from training.instruct.templates import organ_words, prose, question_templates, vqa_templates
from training.records import language_of, task_of

DIRECTIONS = ("region_to_text", "text_to_region")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_direction_has_at_least_fifty_wordings_a_language(direction: str, language: Language):
    templates = question_templates(direction, language)
    assert len(set(templates)) == len(templates) >= 50
    assert all(language_of(template) is language for template in templates)


@pytest.mark.parametrize("language", Language)
def test_every_wording_keeps_the_exact_preamble_and_what_is_asked(language: Language):
    asked = {
        Task.REGION_TO_TEXT: Question(Task.REGION_TO_TEXT, language, 100, 200, "CT", box=Box(10, 20, 50, 100)),
        Task.TEXT_TO_REGION: Question(Task.TEXT_TO_REGION, language, 100, 200, "CT", names=("liver", "spleen")),
    }
    rng = random.Random(1)
    for task, question in asked.items():
        head, _, _ = user_text(question).partition(IMAGE_MARKER)
        kept = "<box>[[100, 100, 500, 500]]</box>" if question.box else "<ref>liver</ref>, <ref>spleen</ref>"
        texts = {worded(question, 0, rng) for _ in range(2000)}
        assert len(texts) >= 50
        for text in texts:
            assert text.startswith(head + IMAGE_MARKER + "\n")
            assert text.count(kept) == 1
            assert "{" not in text
            assert task_of(text) is task


def test_the_canonical_wording_is_the_programs_own():
    question = Question(Task.TEXT_TO_REGION, Language.EN, 10, 10, "CT", names=("liver",))
    assert worded(question, 1, random.Random(1)) == user_text(question)


def test_both_languages_answer_the_same_kinds_of_questions():
    assert vqa_templates(Language.EN).keys() == vqa_templates(Language.ZH).keys()


@pytest.mark.parametrize("language", Language)
def test_descriptions_use_only_their_slots(language: Language):
    words = prose(language)
    slots = {"name": "n", "place": "p", "count": "2", "share": "3"}
    for texts in (words.one, words.many, words.report_one, words.report_many):
        assert all("{" not in text.format(**slots) for text in texts)


def test_the_organs_of_the_rules_are_labels(naming):
    assert all(naming.resolve(key, {}) == key for key in organ_words())
