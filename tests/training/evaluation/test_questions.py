"""A record's prompt read back as the question that was asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from engine.labels import Label, LabelSet
from engine.labels.prior import leanings
from engine.protocol import AnswerForm, Grounding, Language, Question, Recognition, Task, user_text
from engine.regions import Box
from training.evaluation.questions import diagnosis_labels, is_lesion_report, question_of, request_for
from training.evaluation.reading import PlacedRecord
from training.records import Record


def record(question: Question) -> Record:
    return Record("1", "a.png", 10, 10, user_text(question), "x", question.task, question.language)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("recognition", Recognition)
@pytest.mark.parametrize("none_label", ["", "No finding"])
def test_the_labels_of_a_diagnosis_are_read_from_its_prompt(language, recognition, none_label):
    options = ("No finding", "lung tumor", "囊肿")
    question = Question(
        Task.DIAGNOSIS, language, 10, 10, options=options, none_label=none_label, recognition=recognition
    )
    assert diagnosis_labels(record(question)) == options


@pytest.mark.parametrize("language", Language)
def test_asked_names_are_read_from_the_question_not_from_the_format_string(language):
    question = Question(Task.TEXT_TO_REGION, language, 10, 10, names=("liver", "脾脏"))
    assert question_of(record(question)).names == ("liver", "脾脏")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("form", [AnswerForm.PHRASE, AnswerForm.OPTION, AnswerForm.SENTENCES])
def test_the_form_of_a_vqa_question_is_read_from_its_prompt(language, form):
    options = ("liver", "heart") if form is AnswerForm.OPTION else ()
    found = question_of(record(Question(Task.VQA, language, 10, 10, text="Which?", form=form, options=options)))
    assert (found.form, found.options) == (form, options)


@pytest.mark.parametrize("language", Language)
def test_reports_of_lesions_are_told_from_those_of_organs(language):
    for grounding in (Grounding.LESION, Grounding.ORGAN):
        question = Question(Task.GROUNDED_REPORT, language, 10, 10, names=("x",), grounding=grounding)
        assert is_lesion_report(record(question)) is (grounding is Grounding.LESION)


@pytest.mark.parametrize("language", Language)
def test_names_are_weighed_by_the_kind_of_picture_as_the_window_weighs_them(language, tmp_path: Path):
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    names = LabelSet(
        [Label("liver", "liver", "肝", modalities=("CT",)), Label("polyp", "polyp", "息肉", modalities=("ES",))]
    )
    question = Question(Task.REGION_TO_TEXT, language, 10, 10, box=Box(1, 1, 5, 5))
    asked = replace(record(question), modality="ES")
    placed = PlacedRecord(tmp_path, "region_to_text.jsonl:1", asked)
    request = request_for(placed, question_of(asked), names)
    assert request.choices == tuple(label.name(language) for label in names)
    assert request.leanings == leanings(names, "ES")
    assert request.leanings[0] < request.leanings[1] == 0
    other = replace(asked, task=Task.VQA)
    assert request_for(replace(placed, record=other), question_of(other), names).leanings == ()
