"""Reports, grounded and free: what is said about what, and where."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocol import (
    Grounding,
    Language,
    Located,
    Question,
    Section,
    SectionKind,
    Sentence,
    Task,
    denormalize_box,
    parse_answer,
    write_sentences,
)

EN, ZH = Language.EN, Language.ZH
LUNGS = Question(Task.GROUNDED_REPORT, EN, 640, 480, "DX", names=("right lung", "left lung"))
ALL_ZH = Question(Task.GROUNDED_REPORT, ZH, 640, 480)
REPORT = Question(Task.REPORT, EN, 640, 480)


def at(name, *boxes):
    return Located(name, tuple(denormalize_box(numbers, 640, 480) for numbers in boxes))


RIGHT, LEFT = at("right lung", (1, 2, 3, 4)), at("left lung", (5, 6, 7, 8))


@pytest.mark.parametrize(
    ("raw", "sentences"),
    [
        # As the released example.
        (
            "<ref>right lung</ref><box>[[1, 2, 3, 4]]</box>, <ref>left lung</ref><box>[[5, 6, 7, 8]]</box>: "
            "No effusion is seen. No edema",
            [Sentence("No effusion is seen. No edema", (RIGHT, LEFT))],
        ),
        # As the released program prints it, without the tags.
        (
            "right lung[[1, 2, 3, 4]], left lung[[5, 6, 7, 8]]: No effusion.",
            [Sentence("No effusion.", (RIGHT, LEFT))],
        ),
        (
            "<ref>right lung</ref><box>[[1,2,3,4]]</box>: clear\n<ref>left lung</ref><box>[[5,6,7,8]]</box>: opaque",
            [Sentence("clear", (RIGHT,)), Sentence("opaque", (LEFT,))],
        ),
        (
            "right lung[[1, 2, 3, 4]]: clear\nleft lung[[5, 6, 7, 8]]: opaque",
            [Sentence("clear", (RIGHT,)), Sentence("opaque", (LEFT,))],
        ),
        # Run together, as without a line feed.
        (
            "right lung[1, 2, 3, 4]: It is clear. left lung[5, 6, 7, 8]: It is opaque.",
            [Sentence("It is clear.", (RIGHT,)), Sentence("It is opaque.", (LEFT,))],
        ),
        (
            "right lung[[1, 2, 3, 4]]：clear left lung[[5, 6, 7, 8]]：opaque",
            [Sentence("clear", (RIGHT,)), Sentence("opaque", (LEFT,))],
        ),
        (
            "<ref>right lung</ref><box>[[1, 2, 3, 4]]</box> and <ref>left lung</ref><box>[[5, 6, 7, 8]]</box>: clear",
            [Sentence("clear", (RIGHT, LEFT))],
        ),
        (
            "The right lung is at <box>[[1, 2, 3, 4]]</box>: clear",
            [Sentence("clear", (RIGHT,))],
        ),
        (
            "<ref>right lung</ref>: not present\n<ref>left lung</ref><box>[[5, 6, 7, 8]]</box>: 3 nodules, 4 mm",
            [
                Sentence("not present", (Located("right lung", not_present=True),)),
                Sentence("3 nodules, 4 mm", (LEFT,)),
            ],
        ),
    ],
)
def test_every_way_to_write_it_is_read(raw, sentences):
    answer = parse_answer(raw, LUNGS)
    assert list(answer.sentences) == sentences
    assert answer.located == tuple(item for sentence in sentences for item in sentence.located)
    assert not answer.malformed


@pytest.mark.parametrize(
    ("raw", "sentences"),
    [
        (
            "胰腺癌[[690, 472, 735, 511]]：胰尾部占位。",
            [Sentence("胰尾部占位。", (at("胰腺癌", (690, 472, 735, 511)),))],
        ),
        (
            "左肾[[1, 2, 3, 4]]：未见异常。右肾[[5, 6, 7, 8], [9, 9, 20, 20]]：见囊肿，大小正常。",
            [
                Sentence("未见异常。", (at("左肾", (1, 2, 3, 4)),)),
                Sentence("见囊肿，大小正常。", (at("右肾", (5, 6, 7, 8), (9, 9, 20, 20)),)),
            ],
        ),
        # "Nothing abnormal is seen" is about an organ that is there.
        ("<ref>肝</ref><box>[[1, 2, 3, 4]]</box>：未见异常", [Sentence("未见异常", (at("肝", (1, 2, 3, 4)),))]),
        ("<ref>脾</ref>：未见", [Sentence("未见", (Located("脾", not_present=True),))]),
    ],
)
def test_chinese_reports_are_read(raw, sentences):
    answer = parse_answer(raw, ALL_ZH)
    assert list(answer.sentences) == sentences
    assert not answer.malformed


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("", 0),
        # What an outside user got: words, and no region at all.
        ("边界尚清，范围约15.3cm×7.5cm×7.5cm，中线结构向右侧移位。", 0),
        ("<ref>right lung</ref><box>[[1, 2, 3]]</box>: clear", 0),
        ("<ref>right lung</ref><box>[[1, 2, 3, 4]]</box>", 1),
        ("<ref>right lung</ref><box>[[1, 2, 3, 4], [9, 9, 9, 9]]</box>: clear", 1),
        ("[[1, 2, 3, 4]]: clear", 0),
        ("<ref>right lung</ref>: 肺", 0),
        ("<ref>a</ref><ref>b</ref><ref>c", 0),
    ],
)
def test_a_report_that_is_not_grounded_says_so(raw, kept):
    answer = parse_answer(raw, LUNGS)
    assert answer.malformed
    assert sum(len(item.boxes) for item in answer.located) == kept


def test_words_without_a_region_are_kept_as_words():
    answer = parse_answer("No effusion. No edema.", LUNGS)
    assert answer.sentences == (Sentence("No effusion. No edema."),)


number = st.integers(0, 999)
span = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
boxes = st.tuples(span, span).map(lambda s: denormalize_box((s[0][0], s[1][0], s[0][1], s[1][1]), 640, 480))
names = st.text(st.sampled_from("abcdefg肝脏左肾 -"), min_size=1, max_size=9).map(lambda t: " ".join(t.split()))
names = names.filter(lambda t: t and t not in ("and", "和"))
texts = st.text(st.sampled_from("abcd 肝未见,.;：:12"), min_size=1, max_size=30).map(lambda t: " ".join(t.split()))
texts = texts.filter(lambda t: t[:1] not in ":：,，" and t.strip(" ,.;:：") not in ("", "and", "和", "未见"))
located = st.builds(Located, names, st.lists(boxes, min_size=1, max_size=3).map(tuple))
told = st.builds(Sentence, texts, st.lists(located, min_size=1, max_size=3).map(tuple))


@settings(deadline=None)
@given(st.lists(told, min_size=1, max_size=4).map(tuple), st.sampled_from(Language))
def test_what_is_written_is_read_back(sentences, language):
    raw = write_sentences(sentences, 640, 480, language)
    answer = parse_answer(raw, Question(Task.GROUNDED_REPORT, language, 640, 480))
    assert answer.sentences == sentences
    assert not answer.malformed


@pytest.mark.parametrize("number", [9, 10])
def test_the_released_answers_are_read_and_written_byte_for_byte(shared_data, number):
    lines = (shared_data / "medrega_demo" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    raw = next(r for r in map(json.loads, lines) if r["id"] == number)["conversations"][1]["value"]
    language = {9: EN, 10: ZH}[number]
    question = Question(Task.GROUNDED_REPORT, language, 512, 512, grounding=Grounding.LESION)
    answer = parse_answer(raw, question)
    assert not answer.malformed
    assert write_sentences(answer.sentences, 512, 512, language) == raw


@pytest.mark.parametrize(
    ("raw", "sections"),
    [
        ("Findings: The heart is large. Impression: Cardiomegaly.", ["The heart is large.", "Cardiomegaly."]),
        ("影像诊断：右侧见肿块。影像结论：考虑恶性。", ["右侧见肿块。", "考虑恶性。"]),
        ("FINDINGS:\nThe heart is large.\n\nIMPRESSIONS:\nCardiomegaly.", ["The heart is large.", "Cardiomegaly."]),
        ("No heading here: all of it is seen.", ["No heading here: all of it is seen.", ""]),
        ("Impression: Cardiomegaly.", ["", "Cardiomegaly."]),
        ("The impression: of the heart on the liver.", ["The impression: of the heart on the liver.", ""]),
    ],
)
def test_a_report_is_cut_at_its_headings(raw, sections):
    kinds = zip(SectionKind, sections, strict=True)
    answer = parse_answer(raw, REPORT)
    assert answer.sections == tuple(Section(kind, text) for kind, text in kinds if text)
    assert not answer.malformed


def test_brackets_in_words_stay_and_boxes_go():
    text = parse_answer("Findings: T2 [FLAIR] high <box>[[1, 2, 3, 4]]</box> signal.", REPORT).text
    assert text == "Findings: T2 [FLAIR] high signal."


def test_an_empty_report_is_malformed():
    assert parse_answer(" <|im_end|>\n", REPORT).malformed
