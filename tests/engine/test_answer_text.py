"""Answers while they are written, and read again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answer_text import read_again, sentence_line, text_so_far
from engine.protocol import Language, Question, Task, parse_answer
from engine.runtime import find_model

GROUNDED = (
    "<ref>liver</ref><box>[[100, 100, 400, 400]]</box>: smooth and dark.\n"
    "<ref>left kidney</ref><box>[[500, 500, 600, 700], [10, 20, 30, 40]]</box>, "
    "<ref>spleen</ref><box>[[700, 100, 900, 300]]</box>: of usual size.\n"
    "<ref>gallbladder</ref>: not present"
)
REPORT = "Findings: The liver is <ref>large</ref>.\nImpression: No mass < 2 cm."
LEFT_OVER = re.compile(r"</?(?:ref|box)\b|\[\[|\[\d|\d, \d+, \d")


@pytest.fixture(scope="module")
def starter():
    return find_model("starter")


@pytest.mark.parametrize(("task", "raw"), [(Task.GROUNDED_REPORT, GROUNDED), (Task.REPORT, REPORT)])
def test_no_half_mark_is_ever_shown_and_text_only_grows(starter, task, raw):
    before = ""
    for end in range(len(raw) + 1):
        shown = text_so_far(raw[:end], task, Language.EN, starter)
        assert not LEFT_OVER.search(shown), (raw[:end], shown)
        before = max(before, shown, key=len)
    assert before == shown


def test_a_grounded_report_is_shown_a_line_a_sentence_with_its_names(starter):
    assert text_so_far(GROUNDED, Task.GROUNDED_REPORT, Language.EN, starter).splitlines() == [
        "liver: smooth and dark.",
        "left kidney, spleen: of usual size.",
        "gallbladder: not present",
    ]


def test_signs_of_comparison_in_a_report_are_no_tags(starter):
    assert text_so_far("No mass < 2 cm. Done", Task.REPORT, Language.EN, starter) == "No mass < 2 cm. Done"


@given(st.text(alphabet="<>[]ref/box, 0123456789:：肝。.\n", max_size=60))
def test_whatever_is_written_is_shown_without_an_error(raw):
    text_so_far(raw, Task.GROUNDED_REPORT, Language.ZH, find_model("starter"))


def test_a_kept_answer_is_read_as_it_was_when_it_came(starter):
    question = Question(Task.GROUNDED_REPORT, Language.EN, 512, 400)
    assert read_again(GROUNDED, Task.GROUNDED_REPORT, Language.EN, 512, 400, manifest=starter) == parse_answer(
        GROUNDED, question
    )
    gone = read_again(GROUNDED, Task.GROUNDED_REPORT, Language.EN, 512, 400, manifest=None)
    assert [sentence_line(one, Language.EN) for one in gone.sentences][2] == "gallbladder: not present"
