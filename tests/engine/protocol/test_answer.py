"""Answers, written and read: whatever a model says, nothing is made up."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import (
    Language,
    Located,
    ProtocolError,
    Question,
    Task,
    denormalize_box,
    parse_answer,
    require_plain_name,
    write_located,
)

WHERE = Question(Task.TEXT_TO_REGION, Language.EN, 640, 480, names=("liver", "left kidney", "kidney"))
WHAT = Question(Task.REGION_TO_TEXT, Language.EN, 640, 480)


def box(*numbers):
    return denormalize_box(numbers, WHERE.width, WHERE.height)


def is_plain(name):
    try:
        require_plain_name(name)
    except ProtocolError:
        return False
    return name == name.strip() and not re.search("not present|未见", name)


integer = st.integers(0, 999)
span = st.lists(integer, min_size=2, max_size=2, unique=True).map(sorted)
boxes = st.tuples(span, span).map(lambda spans: (spans[0][0], spans[1][0], spans[0][1], spans[1][1]))
letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="<>[]|")
plain_names = st.text(letters, min_size=1, max_size=20).map(str.strip).filter(is_plain)
things = st.lists(st.tuples(plain_names, st.lists(boxes, max_size=4)), min_size=1, max_size=5)


@given(things, st.sampled_from(Language), st.integers(1, 5000), st.integers(1, 5000))
def test_what_is_written_is_read_back(items, language, width, height):
    located = tuple(
        Located(name, tuple(denormalize_box(b, width, height) for b in some), not_present=not some)
        for name, some in items
    )
    names = tuple(name for name, _ in items)
    raw = write_located(located, width, height, language)
    answer = parse_answer(raw, Question(Task.TEXT_TO_REGION, language, width, height, names=names))
    assert answer.located == located
    assert not answer.malformed


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("<ref>liver</ref><box>[[1, 2, 3, 4]]</box>", [("liver", [(1, 2, 3, 4)])]),
        ("liver[[1, 2, 3, 4]]", [("liver", [(1, 2, 3, 4)])]),
        ("liver[[1,2,3,4],[5,6,7,8]]", [("liver", [(1, 2, 3, 4), (5, 6, 7, 8)])]),
        ("liver [1, 2, 3, 4], [5, 6, 7, 8]", [("liver", [(1, 2, 3, 4), (5, 6, 7, 8)])]),
        ("The liver is located in <box>[[1, 2, 3, 4]]</box>.", [("liver", [(1, 2, 3, 4)])]),
        ("I see the left kidney at [[1, 2, 3, 4]]", [("left kidney", [(1, 2, 3, 4)])]),
        (
            "liver[[1, 2, 3, 4]], left kidney[[5, 6, 7, 8]]",
            [("liver", [(1, 2, 3, 4)]), ("left kidney", [(5, 6, 7, 8)])],
        ),
        ("spleen: [[1, 2, 3, 4]]", [("spleen", [(1, 2, 3, 4)])]),
        ("<ref>liver</ref>: not present", [("liver", None)]),
        ("liver: not present, kidney[[1, 2, 3, 4]]", [("liver", None), ("kidney", [(1, 2, 3, 4)])]),
        ("<ref>kidney</ref>：未见", [("kidney", None)]),
    ],
)
def test_every_way_to_write_it_is_read(raw, expected):
    answer = parse_answer(raw, WHERE)
    assert not answer.malformed
    assert answer.located == tuple(
        Located(name, () if some is None else tuple(box(*one) for one in some), some is None) for name, some in expected
    )


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("<ref>liver</ref><box>[[1, 2, 3]]</box>", 0),
        ("<ref>liver</ref><box>[[1, 2, 3, 4, 5]]</box>", 0),
        ("<ref>liver</ref><box>[[5, 5, 5, 9]]</box>", 0),
        ("<ref>liver</ref><box>[[1, 2, 3, 1000]]</box>", 0),
        ("<ref>liver</ref><box>[[1, 2, 3, -4]]</box>", 0),
        ("<ref>liver</ref><box>[[1.5, 2, 3, 4]]</box>", 0),
        ("<ref>liver</ref><box>[[1, 2, 3, 4], [5, 6, 7", 1),
        ("<ref>liver</ref><box>[[1, 2, 3, 4], [9, 9, 9, 9]]</box>", 1),
        ("[[1, 2, 3, 4]]", 0),
        ("[[[[", 0),
        ("", 0),
        ("no idea", 0),
    ],
)
def test_what_is_no_box_is_left_out_and_said_to_be_wrong(raw, kept):
    answer = parse_answer(raw, WHERE)
    assert answer.malformed
    assert sum(len(item.boxes) for item in answer.located) == kept


def test_an_unnamed_box_belongs_to_the_only_thing_asked_for():
    question = Question(Task.TEXT_TO_REGION, Language.EN, 640, 480, names=("liver",))
    assert parse_answer("[[1, 2, 3, 4]]", question).located == (Located("liver", (box(1, 2, 3, 4),)),)
    assert parse_answer("not present", question).located == (Located("liver", not_present=True),)


def test_absence_is_said_in_the_questions_language():
    raw = "<ref>肝</ref>: not present, <ref>脾</ref><box>[[1, 2, 3, 4]]</box>"
    answer = parse_answer(raw, Question(Task.TEXT_TO_REGION, Language.ZH, 9, 9, names=("肝", "脾")))
    assert answer.text == "肝：未见, 脾"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("right kidney", "right kidney"),
        (" Right  kidney. ", "Right kidney"),
        ("<ref>right kidney</ref><box>[[1, 2, 3, 4]]</box>", "right kidney"),
        ("右肾。<|im_end|>", "右肾"),
    ],
)
def test_a_name_is_read_without_its_markup(raw, text):
    answer = parse_answer(raw, WHAT)
    assert (answer.text, answer.located, answer.malformed) == (text, (Located(text),), False)


def test_the_released_answer_is_read_and_written_byte_for_byte(shared_data):
    lines = (shared_data / "medrega_demo" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    record = next(r for r in map(json.loads, lines) if r["id"] == 8)
    raw = record["conversations"][1]["value"]
    question = Question(Task.TEXT_TO_REGION, Language.EN, 432, 432, "MR", names=("carotid vessel wall",))
    answer = parse_answer(raw, question)
    assert not answer.malformed
    assert [len(item.boxes) for item in answer.located] == [2]
    assert write_located(answer.located, 432, 432, Language.EN) == raw


@pytest.mark.parametrize(
    "raw",
    [
        " " * 50_000,
        "[[1, 2, 3, 4]" + " " * 50_000,
        "[" * 50_000,
        "[[1, 2, 3, 4], " * 5_000,
        "<ref>" * 20_000,
        ": " * 25_000,
        "\n" * 50_000,
        ". " * 25_000,
        "the answer is " * 5_000,
        "liver[[1, 2, 3, 4]]: clear. " * 2_000,
    ],
    ids=[
        "spaces",
        "spaces behind a box",
        "brackets",
        "boxes",
        "tags",
        "colons",
        "line feeds",
        "full stops",
        "lead-ins",
        "sentences",
    ],
)
def test_no_answer_takes_long_to_read(raw):
    for task in Task:
        question = replace(WHERE, task=task, options=WHERE.names, several=True)
        started = time.perf_counter()
        parse_answer(raw, question)
        assert time.perf_counter() - started < 2
