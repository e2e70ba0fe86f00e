"""Each family's way of writing boxes comes back to slice pixels."""

from __future__ import annotations

import itertools
import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.dialects import ChatTurn, make_dialect
from engine.models.dialects.base import number_rule
from engine.protocol import (
    AnswerForm,
    Language,
    Located,
    PartKind,
    Question,
    Sentence,
    Task,
    answer_grammar,
    parse_answer,
    render_prompt,
)
from engine.regions import Box
from tests.engine.protocol.gbnf import sample

SIDE = 448
DIALECTS = {
    "medrega": make_dialect("medrega", SIDE),
    "internvl": make_dialect("internvl", SIDE),
    "medmo": make_dialect("medmo", SIDE),
    "gemma": make_dialect("gemma", SIDE),
    "qwen2.5-vl": make_dialect("qwen-vl", SIDE, "pixels"),
    "qwen3-vl": make_dialect("qwen-vl", SIDE, "1000"),
}
JSON = ("gemma", "qwen2.5-vl", "qwen3-vl")
NAMES = ("liver", "left kidney")
every = pytest.mark.parametrize("name", DIALECTS)


def where(width=640, height=480, names=NAMES, language=Language.EN, task=Task.TEXT_TO_REGION):
    return Question(task, language, width, height, names=names)


@st.composite
def placed(draw):
    """A question, and an answer to it: boxes wide enough to keep an area in whole numbers."""
    width, height = draw(st.integers(16, 4000)), draw(st.integers(16, 4000))
    language = draw(st.sampled_from(Language))
    names = draw(
        st.permutations(["liver", "左肾", "aortic arch", "x"]).map(lambda some: tuple(some[: draw(st.integers(1, 3))]))
    )

    def box():
        x1, x2 = sorted(draw(st.tuples(st.floats(0, 0.45), st.floats(0.55, 1))))
        y1, y2 = sorted(draw(st.tuples(st.floats(0, 0.45), st.floats(0.55, 1))))
        return Box(x1 * width, y1 * height, x2 * width, y2 * height)

    located = tuple(Located(name, tuple(box() for _ in range(draw(st.integers(1, 3))))) for name in names)
    return where(width, height, names, language), located


def require_same(found, expected, question, scale):
    assert [item.name for item in found] == [item.name for item in expected]
    for item, wanted in zip(found, expected, strict=True):
        assert len(item.boxes) == len(wanted.boxes)
        for box, other in zip(item.boxes, wanted.boxes, strict=True):
            for value, exact, extent in zip(
                box.as_tuple(), other.as_tuple(), (question.width, question.height) * 2, strict=True
            ):
                assert abs(value - exact) <= 0.5 / scale * extent + 1e-6


@every
@given(placed())
def test_boxes_come_back_from_a_dialect_within_half_of_its_unit(name, given_):
    question, located = given_
    dialect = DIALECTS[name]
    answer = dialect.parse_answer(dialect.write_located(located, question), question)
    assert not answer.malformed
    require_same(answer.located, located, question, dialect.unit.scale)
    # What is in whole numbers once stays the same for ever.
    again = dialect.write_located(answer.located, question)
    assert dialect.parse_answer(again, question).located == answer.located


@every
@pytest.mark.parametrize("task", [Task.TEXT_TO_REGION, Task.GROUNDED_REPORT])
@pytest.mark.parametrize("names", [NAMES, ("左肾",), ()])
def test_whatever_a_dialects_grammar_allows_is_read(name, task, names):
    if task is Task.TEXT_TO_REGION and not names:
        return
    question = where(names=names, task=task)
    dialect, rng = DIALECTS[name], random.Random(3)
    for _ in range(60):
        raw = sample(dialect.answer_grammar(question, ("liver", "spleen")), rng)
        answer = dialect.parse_answer(raw, question)
        # A random box may have no area, and a random description may look like another sentence.
        assert answer.located or answer.malformed
        assert {item.name for item in answer.located} <= {*names, "liver", "spleen"}


@pytest.mark.parametrize("name", JSON)
@given(placed(), st.lists(st.sampled_from(["normal", "密度均匀", "a 3 mm cyst"]), min_size=3, max_size=3))
def test_a_report_in_json_comes_back(name, given_, told):
    question, located = given_
    question = where(question.width, question.height, question.names, question.language, Task.GROUNDED_REPORT)
    dialect = DIALECTS[name]
    sentences = tuple(Sentence(text, (item,)) for item, text in zip(located, told, strict=False))
    answer = dialect.parse_answer(dialect.write_sentences(sentences, question), question)
    assert not answer.malformed
    assert [sentence.text for sentence in answer.sentences] == [sentence.text for sentence in sentences]
    require_same(answer.located, located, question, dialect.unit.scale)


@every
@given(st.text(max_size=300) | st.text('[]{}",:0123456789 <>refboxlabel_2d\n', max_size=300))
def test_no_answer_raises_or_brings_a_box_from_outside_the_image(name, raw):
    for task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
        question = where(task=task)
        answer = DIALECTS[name].parse_answer(raw, question)
        for item in answer.located:
            for box in item.boxes:
                box.require_inside(640, 480)
        if not re.search("[0-9]", raw):
            assert not any(item.boxes for item in answer.located)


class TestPublishedForms:
    """Answers as the families' own documentation shows them; the box is the left upper quarter but for a margin."""

    @pytest.mark.parametrize(
        ("name", "raw", "box"),
        [
            ("internvl", "<ref>liver</ref><box>[[100, 250, 500, 1000]]</box>", (64, 120, 320, 480)),
            ("internvl", "liver[[100, 250, 500, 1000]]", (64, 120, 320, 480)),
            ("medmo", "liver <box>[[100, 250, 500, 1000]]</box>", (64, 120, 320, 480)),
            ("gemma", '```json\n[{"box_2d": [250, 100, 1000, 500], "label": "liver"}]\n```', (64, 120, 320, 480)),
            (
                "qwen3-vl",
                '```json\n[\n\t{"bbox_2d": [100, 250, 500, 1000], "label": "liver"}\n]\n```',
                (64, 120, 320, 480),
            ),
            ("qwen2.5-vl", '[{"bbox_2d": [112, 0, 224, 448], "label": "Liver"}]', (160, 0, 320, 480)),
            ("qwen2.5-vl", '{"bbox_2d": [112, 0, 224, 448], "label": "liver"}', (160, 0, 320, 480)),
        ],
    )
    def test_it_is_read(self, name, raw, box):
        question = where(names=("liver",))
        answer = DIALECTS[name].parse_answer(raw, question)
        assert not answer.malformed
        assert answer.located == (Located("liver", (Box(*box),)),)

    def test_medmos_boxes_of_one_finding(self):
        raw = "Fractures <box>[[156, 516, 231, 607], [240, 529, 296, 581]]</box>"
        answer = DIALECTS["medmo"].parse_answer(raw, where(1000, 1000, ("Fractures",)))
        assert [box.as_tuple() for box in answer.located[0].boxes] == [(156, 516, 231, 607), (240, 529, 296, 581)]

    def test_a_thousand_is_the_far_edge_only_where_models_count_to_a_thousand(self):
        raw = "<ref>liver</ref><box>[[0, 0, 1000, 1000]]</box>"
        question = where(names=("liver",))
        assert DIALECTS["internvl"].parse_answer(raw, question).located[0].boxes == (Box(0, 0, 640, 480),)
        assert DIALECTS["medrega"].parse_answer(raw, question).malformed


class TestJson:
    @pytest.mark.parametrize("name", JSON)
    def test_an_empty_list_says_that_nothing_is_there(self, name):
        answer = DIALECTS[name].parse_answer("[]", where())
        assert [item.name for item in answer.located if item.not_present] == list(NAMES)
        assert not answer.malformed

    @pytest.mark.parametrize("name", JSON)
    @pytest.mark.parametrize("raw", ["", "I see nothing", "[{", '[{"label": "liver"}]', '[{"bbox_2d": "x"}]', "{}"])
    def test_what_is_no_answer_says_nothing_of_absence(self, name, raw):
        answer = DIALECTS[name].parse_answer(raw, where())
        assert answer.malformed
        assert not any(item.not_present or item.boxes for item in answer.located)

    def test_truth_values_fractions_and_texts_are_no_coordinates(self):
        for numbers in ("[true, 0, 10, 10]", "[0.5, 0, 10, 10]", '["0", 0, 10, 10]', "[1, 2, 3]", "[1e1, 0, 20, 20]"):
            answer = DIALECTS["qwen3-vl"].parse_answer(f'[{{"bbox_2d": {numbers}, "label": "liver"}}]', where())
            assert answer.malformed
            assert not any(item.boxes for item in answer.located)

    def test_an_answer_cut_off_keeps_what_was_whole(self):
        whole = '{"bbox_2d": [0, 0, 500, 500], "label": "liver"}'
        answer = DIALECTS["qwen3-vl"].parse_answer(f'[{whole}, {{"bbox_2d": [1, 2', where())
        assert answer.malformed
        assert [item.name for item in answer.located] == ["liver"]

    def test_boxes_keep_the_answers_order(self):
        objects = [{"bbox_2d": [n, n, n + 100, n + 100], "label": name} for n, name in ((1, "a"), (2, "b"), (3, "a"))]
        answer = DIALECTS["qwen3-vl"].parse_answer(json.dumps(objects), where(1000, 1000, ("a", "b")))
        assert [box.x1 for item in answer.located for box in item.boxes] == [1, 2, 3]


class TestPrompts:
    @every
    @pytest.mark.parametrize("language", Language)
    def test_every_task_can_be_put_in_every_dialect(self, name, language):
        box = Box(10, 20, 300, 400)
        for question in (
            Question(Task.REGION_TO_TEXT, language, 640, 480, box=box),
            where(language=language),
            where(language=language, task=Task.GROUNDED_REPORT),
            where(language=language, task=Task.GROUNDED_REPORT, names=()),
            Question(Task.REPORT, language, 640, 480),
            Question(Task.VQA, language, 640, 480, text="Which?", form=AnswerForm.OPTION, options=("a", "b")),
            Question(Task.DIAGNOSIS, language, 640, 480, options=("a", "b"), found=(Located("spot", (box,)),)),
        ):
            prompt = DIALECTS[name].render_prompt(question)
            assert [part.kind for part in prompt.parts].count(PartKind.IMAGE) == 1
            assert prompt.parts[-1].kind is PartKind.TEMPLATE
            assert DIALECTS[name].answer_grammar(question).startswith("root ::= ")

    @every
    def test_a_region_is_asked_about_in_the_dialects_own_numbers(self, name):
        question = Question(Task.REGION_TO_TEXT, Language.EN, 1000, 500, box=Box(100, 250, 1000, 500))
        expected = {
            "medrega": "[[100, 500, 999, 999]]",
            "internvl": "<box>[[100, 500, 1000, 1000]]</box>",
            "medmo": "<box>[[100, 500, 1000, 1000]]</box>",
            "gemma": '{"box_2d": [500, 100, 1000, 1000]}',
            "qwen2.5-vl": '{"bbox_2d": [45, 224, 448, 448]}',
            "qwen3-vl": '{"bbox_2d": [100, 500, 1000, 1000]}',
        }
        assert expected[name] in DIALECTS[name].render_prompt(question).text

    def test_medregas_is_the_protocols_own_to_the_byte(self):
        question = where()
        assert DIALECTS["medrega"].render_prompt(question) == render_prompt(question)
        assert DIALECTS["medrega"].answer_grammar(question) == answer_grammar(question)
        raw = "<ref>liver</ref><box>[[1, 2, 3, 4]]</box>"
        assert DIALECTS["medrega"].parse_answer(raw, question) == parse_answer(raw, question)

    def test_a_persons_words_are_never_part_of_the_template(self):
        question = Question(Task.VQA, Language.EN, 640, 480, text="a <end_of_turn> b")
        prompt = DIALECTS["gemma"].render_prompt(question)
        holding = [part for part in prompt.parts if "a <end_of_turn> b" in part.text]
        assert [part.kind for part in holding] == [PartKind.TEXT]


class TestConversations:
    """Marks as each family's published chat template writes them."""

    turns = (
        ChatTurn("", "\nWhat?", has_image=True),
        ChatTurn("A liver.", by_model=True),
        ChatTurn("Where?"),
    )

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "medrega",
                "<|im_start|>system\nBe brief.<|im_end|><|im_start|>user\n<image>\nWhat?<|im_end|>"
                "<|im_start|>assistant\nA liver.<|im_end|><|im_start|>user\nWhere?<|im_end|><|im_start|>assistant\n",
            ),
            (
                "medmo",
                "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<image>\nWhat?<|im_end|>\n"
                "<|im_start|>assistant\nA liver.<|im_end|>\n<|im_start|>user\nWhere?<|im_end|>\n"
                "<|im_start|>assistant\n",
            ),
            (
                "gemma",
                "<bos><start_of_turn>user\nBe brief.\n\n<image>\nWhat?<end_of_turn>\n<start_of_turn>model\n"
                "A liver.<end_of_turn>\n<start_of_turn>user\nWhere?<end_of_turn>\n<start_of_turn>model\n",
            ),
        ],
    )
    def test_every_turn_stands_between_the_familys_marks(self, name, expected):
        prompt = DIALECTS[name].template.conversation(self.turns, "Be brief.")
        assert prompt.text == expected
        said = [part.text for part in prompt.parts if part.kind is PartKind.TEXT]
        assert "".join(said) in ("Be brief.\nWhat?A liver.Where?", "Be brief.\n\n\nWhat?A liver.Where?")
        kinds = [part.kind for part in prompt.parts]
        assert all(one is not other for one, other in itertools.pairwise(kinds))

    @every
    def test_one_turn_is_the_prompt_of_a_lone_question(self, name):
        prompt = DIALECTS[name].render_prompt(where())
        image = next(i for i, part in enumerate(prompt.parts) if part.kind is PartKind.IMAGE)
        before, after = (
            "".join(part.text for part in some if part.kind is PartKind.TEXT)
            for some in (prompt.parts[:image], prompt.parts[image:])
        )
        assert DIALECTS[name].template.conversation([ChatTurn(before, after, has_image=True)]) == prompt

    @every
    def test_marks_in_a_persons_words_are_words(self, name):
        said = "<|im_end|><end_of_turn><bos>"
        prompt = DIALECTS[name].template.conversation([ChatTurn(said, said, has_image=True), ChatTurn(said)], said)
        template = "".join(part.text for part in prompt.parts if part.kind is PartKind.TEMPLATE)
        assert said not in template
        assert sum(part.text.count(said) for part in prompt.parts if part.kind is PartKind.TEXT) == 4


@given(st.integers(1, 4096), st.integers(0, 10_000))
def test_a_number_rule_takes_whole_numbers_up_to_its_largest_and_no_others(most, number):
    # Without its quotes and spaces the rule is a regular expression.
    rule = re.compile(number_rule(most).replace('"', "").replace(" ", ""))
    assert bool(rule.fullmatch(str(number))) == (number <= most)
    assert not rule.fullmatch(f"0{number}")
