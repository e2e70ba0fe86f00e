"""The ids that a name is chosen among: those of the names that the engine ranks, leaning as they do there."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

pytest.importorskip("torch")

from engine.labels.prior import ELSEWHERE
from engine.protocol import Language, Task
from engine.regions import Label, LabelSet
from training.name_choices import NameChoices
from training.records import Record
from training.tokenizer import PromptEncoder, load_tokenizer

LABELS = LabelSet(
    [
        Label("liver", "liver", "肝", modalities=("CT",)),
        Label("right-kidney", "right kidney", "右肾", modalities=("CT", "MR")),
        Label("right-lung", "right lung", "右肺", modalities=("CR",)),
        Label("cyst", "cyst", "囊肿"),
        Label("polyp", "polyp", "息肉", modalities=("ES",)),
    ]
)
RECORD = Record("a", "a.png", 9, 9, "", "liver", Task.REGION_TO_TEXT, Language.EN, modality="CT")


@pytest.fixture(scope="module")
def encoder(tiny_checkpoint):
    return PromptEncoder(load_tokenizer(tiny_checkpoint), 16)


def ids(encoder, text: str) -> tuple[int, ...]:
    return tuple(encoder.answer_ids(text))


def first_ids(encoder, *names: str) -> set[int]:
    return {ids(encoder, name)[0] for name in names}


def test_a_name_is_chosen_among_all_that_lean_by_their_modality(encoder):
    answer = ids(encoder, "liver")
    choices = NameChoices(LABELS, encoder).of(RECORD, answer)
    first = dict(choices[0])
    assert set(first) == first_ids(encoder, *(label.en for label in LABELS))
    # Both right lung and right kidney begin like that: the likelier counts.
    assert {first[one] for one in first_ids(encoder, "liver", "right kidney", "cyst")} == {0}
    assert first[ids(encoder, "polyp")[0]] == math.log(ELSEWHERE)
    assert len(choices) == len(answer)
    # Nothing else begins like it: how it goes on is learnt against everything.
    assert set(choices[1:]) == {()}


def test_where_two_names_part_they_are_chosen_between(encoder):
    lung, kidney = ids(encoder, "right lung"), ids(encoder, "right kidney")
    place = next(place for place, pair in enumerate(zip(lung, kidney, strict=False)) if pair[0] != pair[1])
    assert place > 0
    # Of what was taken with an unknown device anything may be shown.
    choices = NameChoices(LABELS, encoder).of(replace(RECORD, modality="XX"), lung)
    assert dict(choices[place]) == {lung[place]: 0, kidney[place]: 0}
    assert {by for _, by in choices[0]} == {0}
    assert dict(NameChoices(LABELS, encoder).of(RECORD, kidney)[place])[lung[place]] < 0


def test_names_are_those_of_the_questions_language(encoder):
    choices = NameChoices(LABELS, encoder).of(replace(RECORD, language=Language.ZH), ids(encoder, "肝"))
    assert set(dict(choices[0])) == first_ids(encoder, *(label.zh for label in LABELS))


def test_a_name_that_nobody_listed_stands_among_the_others(encoder):
    own = ids(encoder, "odd spot")
    first = dict(NameChoices(LABELS, encoder).of(RECORD, own)[0])
    assert first[own[0]] == 0
    assert set(first) == first_ids(encoder, "odd spot", *(label.en for label in LABELS))


def test_only_a_regions_name_is_chosen(encoder):
    names = NameChoices(LABELS, encoder)
    for task in set(Task) - {Task.REGION_TO_TEXT}:
        assert names.of(replace(RECORD, task=task), ids(encoder, "liver")) == ()
