"""What a dataset can teach."""

from __future__ import annotations

import json

import pytest

from engine.progress import NoProgress
from engine.protocol import Grounding, Language, Question, Recognition, Task, user_text
from engine.regions import Box
from training.labels import labels_of, tasks_of
from training.phantom_set import PhantomSetSpec, build_phantom_set
from training.records import task_of

CHOICE = {"options": ("肝", "脾")}
QUESTIONS = [
    {"task": Task.REGION_TO_TEXT, "box": Box(1, 1, 5, 5)},
    {"task": Task.TEXT_TO_REGION, "names": ("肝",)},
    *({"task": Task.GROUNDED_REPORT, "names": names, "grounding": g} for g in Grounding for names in ((), ("肝",))),
    {"task": Task.REPORT},
    {"task": Task.VQA, "text": "?"},
    *({"task": Task.DIAGNOSIS, "recognition": one, **CHOICE} for one in Recognition),
]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("what", QUESTIONS)
def test_a_task_is_told_by_its_own_prompt(what, language):
    question = Question(language=language, width=10, height=10, **what)
    assert task_of(user_text(question)) is question.task


def test_the_tasks_of_a_dataset_are_those_it_has_a_record_of(tmp_path):
    def line(what):
        human = user_text(Question(language=Language.EN, width=10, height=10, **what))
        talk = [{"from": "human", "value": human}, {"from": "gpt", "value": "liver"}]
        return json.dumps({"id": 1, "image": "a.png", "width": 10, "height": 10, "conversations": talk})

    (tmp_path / "a.jsonl").write_text("\n".join(map(line, QUESTIONS[:1])), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("\n".join(map(line, (QUESTIONS[8], QUESTIONS[1]))), encoding="utf-8")
    assert tasks_of([tmp_path / "a.jsonl"]) == (Task.REGION_TO_TEXT,)
    assert tasks_of([tmp_path]) == (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION, QUESTIONS[8]["task"])


def test_a_name_of_the_ontology_is_one_label_in_both_languages_its_side_included(tmp_path):
    lines = []
    for number, (language, name) in enumerate(
        [
            (Language.EN, "left hippocampus"),
            (Language.ZH, "左侧海马"),
            (Language.ZH, "黑色素瘤"),
            (Language.EN, "thing"),
        ]
    ):
        human = user_text(Question(language=language, width=10, height=10, **QUESTIONS[0]))
        talk = [{"from": "human", "value": human}, {"from": "gpt", "value": name}]
        lines.append(json.dumps({"id": number, "image": "a.png", "width": 10, "height": 10, "conversations": talk}))
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = labels_of([tmp_path])
    assert [(label.id, label.en, label.zh) for label in found] == [
        ("hippocampus-left", "left hippocampus", "左侧海马"),
        ("melanoma", "melanoma", "黑色素瘤"),
        ("thing", "thing", "thing"),
    ]


def test_a_label_says_in_which_pictures_it_was_met(tmp_path):
    lines = []
    for number, (name, modality) in enumerate(
        [("liver", "CT"), ("liver", "MR"), ("spleen", "CT"), ("spleen", ""), ("nevus", "DMS"), ("right lung", "CR")]
    ):
        human = user_text(Question(language=Language.EN, width=10, height=10, **QUESTIONS[0]))
        talk = [{"from": "human", "value": human}, {"from": "gpt", "value": name}]
        line = {"id": number, "image": "a.png", "width": 10, "height": 10, "conversations": talk, "modality": modality}
        lines.append(json.dumps(line))
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = {label.en: label.modalities for label in labels_of([tmp_path])}
    assert found == {"liver": ("CT", "MR"), "spleen": (), "melanocytic nevus": ("DMS",), "right lung": ("DX",)}


def test_a_label_says_how_many_patients_showed_it(tmp_path):
    lines = []
    for number, (name, modality, group) in enumerate(
        [
            ("liver", "CT", "p1"),
            ("liver", "CT", "p1"),
            ("liver", "CT", "p2"),
            ("liver", "MR", "p3"),
            # Whose it is is not known: its picture stands for the patient.
            ("nevus", "DMS", None),
            ("spleen", "", "p1"),
        ]
    ):
        human = user_text(Question(language=Language.EN, width=10, height=10, **QUESTIONS[0]))
        talk = [{"from": "human", "value": human}, {"from": "gpt", "value": name}]
        line = {"id": number, "image": "a.png", "width": 10, "height": 10, "conversations": talk, "modality": modality}
        lines.append(json.dumps(line if group is None else line | {"group": group}))
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = {label.en: label.patients for label in labels_of([tmp_path])}
    assert found == {"liver": (("CT", 2), ("MR", 1)), "melanocytic nevus": (("DMS", 1),), "spleen": ()}


def test_generated_phantoms_are_no_patients(tmp_path):
    build_phantom_set(tmp_path / "phantoms", PhantomSetSpec(2, 1, 1, slices=2), NoProgress())
    train = tmp_path / "phantoms" / "train"
    for dataset in (train, train / "train.jsonl"):
        assert {label.patients for label in labels_of([dataset])} == {(("CT", 0),)}
    # The same questions, of nobody that is known to be generated.
    (tmp_path / "phantoms" / "dataset.json").unlink()
    assert all(count for label in labels_of([train]) for _, count in label.patients)
