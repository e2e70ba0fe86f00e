"""Noise that looks like an answer: whatever a model says, reading it never fails and nothing is made up.

``MEDREGA_FUZZ_EXAMPLES=1000000 python -m pytest tests/engine/protocol/test_fuzz.py`` searches for longer than a
test run may take.
"""

from __future__ import annotations

import os
import re
import string

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.protocol import YES_NO, AnswerForm, Language, Question, Task, parse_answer

EXAMPLES = int(os.environ.get("MEDREGA_FUZZ_EXAMPLES", "5000"))

WORDS = ["<ref>", "</ref>", "<box>", "</box>", "[", "]", "[[", "]]", ",", "1", "42", "999", "1000", "-3", "٣", "1.5"]
WORDS += [
    "liver",
    "肝",
    ":",
    "：",
    "未见",
    "<|im_end|>",
    " ",
    ", ",
    "\n",
    ".",
    "。",
    "and",
    "和",
    "<quad>",
    "<IMG_CONTEXT>",
]
WORDS += ["[1, 2, 3, 4]", "[[5, 6, 7, 8]]", "[[9, 9, 9, 9]]", "[[1, 2, 3, 4], [5, 6, 7", "left kidney", "not present"]
WORDS += ["<ref>liver</ref>", "<box>[[1, 2, 30, 40]]</box>", ": clear\n", "：正常。", "No Finding", "Edema", "edema,"]
WORDS += ["Findings: ", "Impression:", "影像结论：", "yes", "no ", "是", "否", "A", "(b) ", "The answer is ", "诊断为"]
NAMES = [(), ("liver",), ("liver", "left kidney", "kidney"), ("肝", "左肾")]
OPTIONS = [("Edema", "liver", "No Finding"), ("A", "B", "no"), ("左肾", "肝"), ()]

# One byte a word, so that a million examples take minutes: the words twice, then single characters.
TABLE = WORDS * 2 + list(
    "0123456789" + string.punctuation + string.ascii_lowercase + "肝脏左右肾：，、。×\t\r\x0b\x00\u2028é𝟗"
)
TABLE = TABLE[:256]
noise = st.binary(max_size=40).map(lambda numbers: "".join(TABLE[n % len(TABLE)] for n in numbers))
questions = st.sampled_from(
    [
        Question(
            task,
            language,
            999,
            999,
            names=names,
            form=form,
            options=options,
            several=several,
            none_label="No Finding" if several else "",
        )
        for task in Task
        for language in Language
        for names in NAMES
        for form in (AnswerForm if task is Task.VQA else [AnswerForm.PHRASE])
        for options in OPTIONS
        for several in (False, True)
    ]
)


def boxes_in(raw):
    """Every four integers in brackets, both corners in either order."""
    markup = re.sub(r"</?(?:box|quad|img)>|<IMG_CONTEXT>|<\|im_(?:start|end)\|>", "", raw)
    found = re.findall(r"\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]", markup, re.ASCII)
    numbers = [tuple(int(v) for v in four) for four in found]
    return {(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in numbers}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise, questions)
def test_no_answer_raises_or_gives_what_it_does_not_hold(raw, question):
    answer = parse_answer(raw, question)
    assert answer.raw == raw
    held = boxes_in(raw)
    for item in answer.located:
        assert item.name.strip()
        assert not (item.boxes and item.not_present)
        assert {tuple(round(v) for v in box.as_tuple()) for box in item.boxes} <= held
    in_sentences = tuple(item for sentence in answer.sentences for item in sentence.located)
    assert in_sentences == (answer.located if question.task is Task.GROUNDED_REPORT else ())
    assert all(sentence.text or sentence.located for sentence in answer.sentences)
    assert all(section.text for section in answer.sections)
    assert set(answer.labels) <= set(question.options)
    assert len(set(answer.labels)) == len(answer.labels)
    assert question.several or len(answer.labels) <= 1
    allowed = {AnswerForm.OPTION: question.options, AnswerForm.YES_NO: YES_NO[question.language]}
    assert answer.option is None or answer.option in allowed[question.form]
    if not answer.malformed:
        assert answer.text
        assert question.task is not Task.TEXT_TO_REGION or answer.located
        assert question.task is not Task.DIAGNOSIS or answer.labels


@pytest.mark.parametrize("task", Task)
@given(st.text())
def test_any_text_at_all_is_read(task, raw):
    assume(raw)
    assert parse_answer(raw, Question(task, Language.EN, 640, 480, names=("liver",), options=("a", "b"))).raw == raw
