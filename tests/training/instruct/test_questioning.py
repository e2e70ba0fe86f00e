"""What is asked about a picture, and what is answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from engine.protocol import Language, Task, parse_answer
from engine.regions import Box
from training.instruct.asking import InstructRecord
from training.instruct.items import Asked, ImageFacts, Marked, Report
from training.instruct.naming import Naming
from training.instruct.questioning import Known, Questioner
from training.instruct.reading import question_of, wrong_boxes
from training.instruct.spec import Spec

_SOURCE = {
    "name": "one",
    "kind": "boxes_jsonl",
    "path": "x.jsonl",
    "licence": "CC0",
    "terms": "open",
    "organ": "liver",
    "diagnosis": {"options": ["liver", "spleen"], "none": True, "several": True},
}
FACTS = ImageFacts(
    "images/abc.png",
    200,
    100,
    "one",
    "g",
    "",
    "CT",
    scope="s",
    regions=(
        Marked("liver", Box(10, 10, 60, 60)),
        Marked("spleen", Box(100, 10, 120, 30)),
        Marked("spleen", Box(150, 50, 190, 90)),
        Marked("hippocampus|left", Box(20, 70, 30, 80)),
    ),
    uncertain=("stomach",),
)
SCOPE = ("gallbladder", "hippocampus|left", "liver", "pancreas", "spleen", "stomach")


def known(**counts: int) -> Known:
    labels = (*SCOPE, "melanoma")
    numbers = {split: {key: counts.get(key, 100) for key in labels} for split in ("train", "test")}
    return Known(numbers, {"s": SCOPE}, labels, {"one": "liver", "two": "brain"}, {"one": ("liver", "spleen")})


def records(
    naming: Naming, facts: ImageFacts = FACTS, what: Known | None = None, split: str = "train", **spec
) -> list[InstructRecord]:
    settings = Spec.model_validate({"name": "s", "sources": [_SOURCE], **spec})
    return list(Questioner(settings, naming, what or known()).records(facts, split, "images/abc.png"))


def of(task: Task, found: list[InstructRecord], language: Language = Language.EN) -> list[InstructRecord]:
    return [one for one in found if one.record.task is task and one.record.language is language]


def many(naming: Naming, times: int = 60, **more) -> list[InstructRecord]:
    """Records of many pictures that differ in their names alone."""
    return [
        one for number in range(times) for one in records(naming, replace(FACTS, file=f"images/{number}.png"), **more)
    ]


def test_every_answer_parses_and_answers_what_was_asked(naming: Naming):
    for one in many(naming):
        record = one.record
        assert record.gpt.strip()
        assert not list(wrong_boxes(record.gpt))
        if record.task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
            answer = parse_answer(record.gpt, question_of(record))
            assert not answer.malformed, record.gpt
            assert tuple(item.name for item in answer.located) == question_of(record).names


def test_the_boxes_of_an_answer_go_from_top_to_bottom(naming: Naming):
    low, high = Marked("liver", Box(10, 60, 60, 90)), Marked("liver", Box(100, 10, 160, 40))
    for one in records(naming, replace(FACTS, regions=(low, high))):
        if one.record.task is Task.TEXT_TO_REGION and one.keys == ("liver",):
            answer = parse_answer(one.record.gpt, question_of(one.record))
            assert [box.y1 < 50 for box in answer.located[0].boxes] == [True, False]
            return
    pytest.fail("the liver was never asked for")


def test_all_tasks_and_both_languages_are_asked(naming: Naming):
    found = Counter((one.record.task, one.record.language) for one in many(naming))
    with_all = set(Task) - {Task.VQA} | {Task.VQA}
    assert {task for task, _ in found} == with_all
    assert {language for _, language in found} == set(Language)


def test_all_four_sub_tasks_and_absence_are_asked(naming: Naming):
    found = {one.subtask for one in many(naming) if one.record.task is Task.TEXT_TO_REGION}
    assert found == {"so_sr", "so_mr", "mo_sr", "mo_mr", "absent"}


def test_only_what_was_looked_for_or_cannot_be_there_is_said_to_be_absent(naming: Naming):
    absent = {
        item.name
        for one in many(naming)
        if one.record.task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT) and one.record.language is Language.EN
        for item in parse_answer(one.record.gpt, question_of(one.record)).located
        if item.not_present
    }
    # Not the stomach, of which specks were left out.
    assert absent == {"gallbladder", "pancreas", "melanoma"}


def test_nothing_is_absent_where_marking_was_not_exhaustive_but_what_cannot_be_there(naming: Naming):
    found = [
        item.name
        for number in range(40)
        for one in of(Task.TEXT_TO_REGION, records(naming, replace(FACTS, file=f"{number}", scope="")))
        for item in parse_answer(one.record.gpt, question_of(one.record)).located
        if item.not_present
    ]
    assert set(found) == {"melanoma"}


def test_a_picture_without_regions_teaches_absence(naming: Naming):
    found = of(Task.TEXT_TO_REGION, records(naming, replace(FACTS, regions=(), uncertain=())))
    assert found
    assert {one.subtask for one in found} == {"absent"}


def test_all_boxes_of_a_name_are_in_its_answer(naming: Naming):
    for one in many(naming):
        if one.record.task is Task.TEXT_TO_REGION and one.record.language is Language.EN:
            for item in parse_answer(one.record.gpt, question_of(one.record)).located:
                if item.name == "spleen":
                    assert len(item.boxes) == 2


def test_a_label_with_too_many_regions_is_named_but_not_looked_for(naming: Naming):
    crowd = tuple(Marked("liver", Box(x, 10, x + 5, 20)) for x in range(0, 180, 10))
    found = records(naming, replace(FACTS, regions=crowd), tasks={"max_boxes": 12})
    assert of(Task.REGION_TO_TEXT, found)
    asked = {item for one in of(Task.TEXT_TO_REGION, found) for item in one.keys}
    assert "liver" not in asked


def test_sides_are_in_the_names(naming: Naming):
    found = many(naming)
    assert "left hippocampus" in {one.record.gpt for one in of(Task.REGION_TO_TEXT, found)}
    assert "左侧海马" in {one.record.gpt for one in of(Task.REGION_TO_TEXT, found, Language.ZH)}


def test_a_rare_label_is_asked_for_again_in_other_words_in_train_alone(naming: Naming):
    rare = known(liver=3)
    balance = {"least": 60, "repeat": 4}
    for split, times in (("train", 4), ("test", 1)):
        found = of(Task.REGION_TO_TEXT, records(naming, what=rare, split=split, balance=balance))
        livers = [one.record.human for one in found if one.record.gpt == "liver"]
        assert len(livers) == times
    assert len(set(livers)) == len(livers)


def test_a_frequent_label_is_asked_for_as_seldom_as_the_spec_says(naming: Naming):
    frequent = known(liver=6000)
    found = of(Task.REGION_TO_TEXT, many(naming, 200, what=frequent, balance={"most": 600}))
    livers = sum(one.record.gpt == "liver" for one in found)
    assert 5 <= livers <= 40


def test_the_same_picture_gives_the_same_records(naming: Naming):
    assert records(naming) == records(naming)


def test_another_picture_changes_nothing(naming: Naming):
    assert many(naming, 3)[: len(many(naming, 1))] == many(naming, 1)


def test_a_report_of_its_own_is_grounded_in_the_marked_organs(naming: Naming):
    report = Report(Language.EN, "The liver is large. The spleen is small. No ascites.", "Hepatomegaly.")
    found = records(naming, replace(FACTS, reports=(report,)))
    (grounded,) = of(Task.GROUNDED_REPORT, found)
    answer = parse_answer(grounded.record.gpt, question_of(grounded.record))
    assert [(s.located[0].name, s.text) for s in answer.sentences] == [
        ("liver", "The liver is large."),
        ("spleen", "The spleen is small."),
    ]
    (whole,) = of(Task.REPORT, found)
    assert whole.record.gpt.startswith("Findings: The liver is large.")
    assert whole.record.gpt.endswith("Impression: Hepatomegaly.")
    # Nobody wrote one in Chinese.
    assert not of(Task.REPORT, found, Language.ZH)


def test_questions_of_the_source_are_all_asked(naming: Naming):
    asked = (Asked(Language.EN, "Is it large?", "Yes"), Asked(Language.EN, "Which organ is it?", "Liver"))
    found = of(Task.VQA, records(naming, replace(FACTS, questions=asked), tasks={"vqa": 0}))
    assert [(one.subtask, one.record.gpt) for one in found] == [("closed", "yes"), ("open", "Liver")]


def test_made_questions_are_answered_by_the_regions(naming: Naming):
    found = [one for one in many(naming, tasks={"vqa": 9}) if one.record.task is Task.VQA]
    kinds = {one.subtask for one in found}
    assert kinds == {"modality", "present", "count", "place"}
    for one in found:
        if one.subtask == "present":
            there = one.keys[0] in FACTS.present()
            assert (one.record.gpt in ("yes", "是")) == there
        if one.subtask == "count":
            assert int(one.record.gpt) == len(FACTS.present()[one.keys[0]])


def test_a_diagnosis_lists_what_holds_in_the_order_of_the_choices(naming: Naming):
    found = of(Task.DIAGNOSIS, records(naming, replace(FACTS, uncertain=())))
    assert [one.record.gpt for one in found] == ["liver,spleen", "liver"]
    empty = replace(FACTS, regions=(), uncertain=())
    assert of(Task.DIAGNOSIS, records(naming, empty))[0].record.gpt == "No finding"
    assert of(Task.DIAGNOSIS, records(naming, empty), Language.ZH)[0].record.gpt == "未见异常"


def test_no_diagnosis_is_made_where_a_label_is_uncertain(naming: Naming):
    found = of(Task.DIAGNOSIS, records(naming))
    assert [one.subtask for one in found] == ["organ"]


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_a_share_of_the_pictures_is_asked_about_beside_its_regions(naming: Naming, share: float):
    found = [
        one.record.task
        for number in range(100)
        for one in records(
            naming, replace(FACTS, file=f"{number}"), sources=[_SOURCE | {"share": share}], languages=["en"]
        )
    ]
    assert abs(found.count(Task.REPORT) / 100 - share) < 0.15
