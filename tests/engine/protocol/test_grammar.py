"""Grammars. That llama.cpp takes them: tests/engine/runtime/test_llama.py."""

from __future__ import annotations

import importlib.util
import random
import re
from pathlib import Path

import pytest

from engine.protocol import (
    AnswerForm,
    Grounding,
    Language,
    Question,
    Recognition,
    SectionKind,
    Task,
    answer_choices,
    answer_grammar,
    parse_answer,
)

_SPEC = importlib.util.spec_from_file_location("gbnf", Path(__file__).parent / "gbnf.py")
gbnf = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(gbnf)

EN, ZH = Language.EN, Language.ZH
FINDINGS = ("Edema", "Pneumonia", "Pneumonia (viral)", "No Finding")


def ask(task, language=EN, **more):
    return Question(task, language, 640, 480, **more)


def samples(question, names=(), count=300, with_area=False):
    grammar = answer_grammar(question, names)
    if with_area:
        # No grammar can make the second corner differ from the first: such a box is left to the parser.
        grammar = re.sub("^n ::= .*$", "n ::= [1-9] [0-9] [0-9]", grammar, flags=re.MULTILINE)
    rng = random.Random(7)
    return [gbnf.sample(grammar, rng) for _ in range(count)]


def test_names_are_offered_in_order_and_quoted():
    question = Question(Task.REGION_TO_TEXT, Language.EN, 10, 10)
    assert answer_grammar(question, ("liver", 'a "b" \\')) == 'root ::= "liver" | "a \\"b\\" \\\\"\n'


@pytest.mark.parametrize(("language", "words"), [(Language.EN, ": not present"), (Language.ZH, "：未见")])
def test_absence_is_allowed_in_the_questions_language(language, words):
    question = Question(Task.TEXT_TO_REGION, language, 10, 10, names=("liver", "脾"))
    grammar = answer_grammar(question)
    assert f'absent ::= "{words}"' in grammar
    assert (
        grammar.splitlines()[0] == 'root ::= "<ref>liver</ref>" (boxes | absent) ", " "<ref>脾</ref>" (boxes | absent)'
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("names", [("liver",), ("liver", "左肾", 'a "b" \\')])
def test_what_the_grammar_of_where_lets_through_names_each_asked_thing_once(language, names):
    question = ask(Task.TEXT_TO_REGION, language, names=names)
    for raw in samples(question):
        answer = parse_answer(raw, question)
        assert not {item.name for item in answer.located} - set(names)
        if not answer.malformed:
            assert tuple(item.name for item in answer.located) == names
    sound = [not parse_answer(raw, question).malformed for raw in samples(question, with_area=True)]
    assert sum(sound) > 280


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("grounding", Grounding)
@pytest.mark.parametrize("names", [("liver",), ("right lung", "left lung", "heart")])
def test_a_grounded_report_describes_each_asked_thing_in_order(language, grounding, names):
    question = ask(Task.GROUNDED_REPORT, language, names=names, grounding=grounding)
    grouped = 0
    for raw in samples(question):
        answer = parse_answer(raw, question)
        assert [item.name for item in answer.located if item.boxes or item.not_present] == [
            item.name for item in answer.located
        ]
        if not answer.malformed:
            assert tuple(item.name for item in answer.located) == names
            grouped += any(len(sentence.located) > 1 for sentence in answer.sentences)
    assert grouped or len(names) == 1
    sound = [not parse_answer(raw, question).malformed for raw in samples(question, with_area=True)]
    assert sum(sound) > 280


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("labels", [(), ("liver", "left kidney", "左肾")])
def test_a_grounded_report_of_everything_names_only_what_is_allowed(language, labels):
    question = ask(Task.GROUNDED_REPORT, language)
    sound = 0
    for raw in samples(question, labels, with_area=True):
        answer = parse_answer(raw, question)
        assert not labels or not {item.name for item in answer.located} - set(labels)
        sound += not answer.malformed
    assert sound > 280


@pytest.mark.parametrize("language", Language)
def test_a_report_begins_with_its_findings(language):
    question = ask(Task.REPORT, language)
    for raw in samples(question):
        answer = parse_answer(raw, question)
        assert answer.text
        assert all(section.kind in SectionKind for section in answer.sections)
        assert raw.startswith({EN: "Findings: ", ZH: "影像诊断："}[language])


@pytest.mark.parametrize("recognition", Recognition)
@pytest.mark.parametrize("none_label", ["", "No Finding"])
def test_several_labels_come_in_any_order_and_none_stands_alone(recognition, none_label):
    question = ask(Task.DIAGNOSIS, options=FINDINGS, several=True, none_label=none_label, recognition=recognition)
    assert answer_choices(question) == ()
    seen = set()
    for raw in samples(question, count=500):
        answer = parse_answer(raw, question)
        assert not answer.malformed, raw
        seen.add(answer.labels)
    assert ("Pneumonia", "Edema") in seen
    assert ("Edema", "Pneumonia") in seen
    assert not any(none_label in labels and len(labels) > 1 for labels in seen)


def test_one_label_is_chosen_by_probability_and_its_grammar_allows_the_same():
    question = ask(Task.DIAGNOSIS, options=FINDINGS)
    assert answer_choices(question) == FINDINGS
    assert {parse_answer(raw, question).labels for raw in samples(question)} == {(label,) for label in FINDINGS}


@pytest.mark.parametrize(
    ("form", "language", "choices"),
    [
        (AnswerForm.YES_NO, EN, ("yes", "no")),
        (AnswerForm.YES_NO, ZH, ("是", "否")),
        (AnswerForm.OPTION, EN, ("heart", "lung")),
    ],
)
def test_a_question_with_choices_is_answered_with_one_of_them(form, language, choices):
    question = ask(Task.VQA, language, text="?", form=form, options=("heart", "lung"))
    assert answer_choices(question) == choices
    assert {parse_answer(raw, question).option for raw in samples(question)} == set(choices)


@pytest.mark.parametrize("form", [AnswerForm.PHRASE, AnswerForm.SENTENCES])
def test_a_question_in_words_is_answered_in_words(form):
    question = ask(Task.VQA, text="?", form=form)
    assert answer_choices(question) == ()
    for raw in samples(question):
        assert not parse_answer(raw, question).malformed
        assert form is AnswerForm.SENTENCES or "\n" not in raw
