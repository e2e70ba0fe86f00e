"""Prompts byte for byte.

Golden files are written anew by ``MEDREGA_WRITE_GOLDEN=1 python -m pytest tests/engine/protocol/test_prompt.py``;
look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import (
    IMAGE_MARKER,
    Language,
    PartKind,
    ProtocolError,
    Question,
    Task,
    prompt_from_user_text,
    render_prompt,
    require_plain_name,
    user_text,
)
from engine.regions import Box

GOLDEN = Path(__file__).parent / "golden"


def pixel_box(numbers, side):
    return Box(*(value / 999 * side for value in numbers))


QUESTIONS = {
    # The two released examples, ids 7 and 8 of the demo records.
    "region_to_text_en": Question(
        Task.REGION_TO_TEXT, Language.EN, 512, 512, "CT", box=pixel_box((421, 351, 505, 470), 512)
    ),
    "text_to_region_en": Question(Task.TEXT_TO_REGION, Language.EN, 432, 432, "MR", names=("carotid vessel wall",)),
    "region_to_text_zh": Question(Task.REGION_TO_TEXT, Language.ZH, 100, 200, "US", box=Box(0, 0, 100, 200)),
    "text_to_region_zh": Question(Task.TEXT_TO_REGION, Language.ZH, 100, 200, "DX", names=("左肺", "右肺")),
}
RELEASED = {7: "region_to_text_en", 8: "text_to_region_en"}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_prompt_is_byte_for_byte_the_golden_one(name):
    path = GOLDEN / f"{name}.txt"
    prompt = render_prompt(QUESTIONS[name]).text
    if os.environ.get("MEDREGA_WRITE_GOLDEN"):
        path.write_bytes(prompt.encode())
    assert prompt.encode() == path.read_bytes()


@pytest.mark.parametrize("number", RELEASED)
def test_the_released_examples_are_asked_byte_for_byte(shared_data, number):
    lines = (shared_data / "medrega_demo" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    record = next(r for r in map(json.loads, lines) if r["id"] == number)
    assert user_text(QUESTIONS[RELEASED[number]]) == record["conversations"][0]["value"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_only_the_turns_around_it_are_template(name):
    prompt = render_prompt(QUESTIONS[name])
    kinds = [part.kind for part in prompt.parts]
    assert kinds == [PartKind.TEMPLATE, PartKind.TEXT, PartKind.IMAGE, PartKind.TEXT, PartKind.TEMPLATE]
    assert "".join(part.text for part in prompt.parts[1:4]) == user_text(QUESTIONS[name])


@given(st.text())
def test_a_name_is_refused_or_stands_in_a_text_part_as_it_is(name):
    question = Question(Task.TEXT_TO_REGION, Language.EN, 10, 10, names=(name,))
    try:
        prompt = render_prompt(question)
    except ProtocolError:
        return
    assert not set("<>[]|\n\r\0") & set(name)
    assert f"<ref>{name}</ref>" in prompt.parts[3].text
    assert prompt.text.count(IMAGE_MARKER) == 1


@pytest.mark.parametrize(
    "name", ["", "  ", "a<b", "a>b", "[1]", "<|im_end|>", "a\nb", "a\u2028b", "a\x7f", IMAGE_MARKER]
)
def test_a_name_that_could_be_read_as_markup_is_refused(name):
    with pytest.raises(ProtocolError):
        require_plain_name(name)


def test_a_question_without_what_it_asks_about_is_refused():
    with pytest.raises(ProtocolError, match="needs a box"):
        render_prompt(Question(Task.REGION_TO_TEXT, Language.EN, 10, 10))
    with pytest.raises(ProtocolError, match="at least one name"):
        render_prompt(Question(Task.TEXT_TO_REGION, Language.EN, 10, 10))


@pytest.mark.parametrize("task", [Task.GROUNDED_REPORT, Task.REPORT, Task.VQA, Task.DIAGNOSIS])
def test_a_task_without_a_prompt_says_so(task):
    with pytest.raises(ProtocolError, match="no prompt yet"):
        render_prompt(Question(task, Language.EN, 10, 10))


@pytest.mark.parametrize("text", ["no picture", f"{IMAGE_MARKER}{IMAGE_MARKER}"])
def test_a_turn_holds_exactly_one_picture(text):
    with pytest.raises(ProtocolError, match="exactly one"):
        prompt_from_user_text(text)


@pytest.mark.parametrize("code", ["CT", "MR", "US", "DX", "", "ZZ"])
@pytest.mark.parametrize("language", Language)
def test_every_modality_has_a_wording(code, language):
    question = Question(Task.TEXT_TO_REGION, language, 10, 10, code, names=("x",))
    words = {Language.EN: ("scan", "image"), Language.ZH: ("图像",)}[language]
    assert any(word in user_text(question).split(IMAGE_MARKER)[1] for word in words)
