"""The check finds everything that must not be in a data set, and names file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from engine.progress import Cancelled, NoProgress
from engine.protocol import Language, Question, Task, user_text
from engine.regions import Box
from training.cli import dataset
from training.instruct.check import Kind, check_dataset
from training.records import DatasetError, Record

SEEN = Question(Task.REGION_TO_TEXT, Language.EN, 64, 48, "CT", box=Box(5, 5, 20, 20))
LOOKED = Question(Task.TEXT_TO_REGION, Language.EN, 64, 48, "CT", names=("liver",))


@pytest.fixture
def write(tmp_path: Path, picture) -> Callable[..., Path]:
    """A set of one picture and the given records: changes of a right one, and lines as they are."""

    def make(*changes: dict[str, Any] | str, split: str = "train", seed: int = 1, group: str = "p") -> Path:
        folder = tmp_path / "set" / split
        picture(folder / "images" / "a.png", seed)
        lines = []
        for number, change in enumerate(changes or ({},)):
            if isinstance(change, str):
                lines.append(change)
                continue
            record = Record(
                f"{number}", "images/a.png", 64, 48, user_text(SEEN), "liver", SEEN.task, SEEN.language, "CT", group
            ).to_json()
            human, gpt = change.pop("human", None), change.pop("gpt", None)
            record["conversations"][0]["value"] = human or record["conversations"][0]["value"]
            record["conversations"][1]["value"] = record["conversations"][1]["value"] if gpt is None else gpt
            lines.append(json.dumps(record | change, ensure_ascii=False))
        (folder / "r.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return tmp_path / "set"

    return make


def looked(gpt: str) -> dict[str, Any]:
    return {"human": user_text(LOOKED), "gpt": gpt, "task": "text_to_region"}


def test_a_right_set_has_no_problem(write):
    report = check_dataset([write()], NoProgress())
    assert (report.records, report.pictures, report.problems) == (1, 1, ())


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("{", Kind.NOT_A_RECORD),
        ({"gpt": " "}, Kind.EMPTY_ANSWER),
        ({"image": "images/b.png"}, Kind.MISSING_PICTURE),
        ({"width": 65}, Kind.WRONG_SIZE),
        ({"human": user_text(SEEN).replace("[[78,", "[[1078,")}, Kind.WRONG_BOX),
        ({"human": user_text(SEEN).replace("[[78,", "[[-8,")}, Kind.WRONG_BOX),
        ({"human": user_text(SEEN).replace("[[78,", "[[900,")}, Kind.WRONG_BOX),
        (looked("<ref>liver</ref><box>[[1, 2, 3]]</box>"), Kind.WRONG_BOX),
        (looked("somewhere"), Kind.MALFORMED),
        (looked("<ref>spleen</ref><box>[[1, 2, 30, 40]]</box>"), Kind.NOT_ASKED),
        ({"gpt": "livr"}, Kind.UNKNOWN_LABEL),
        ({"language": "zh"}, Kind.LANGUAGE),
    ],
)
def test_each_problem_is_found_and_its_line_named(write, change, kind: Kind):
    report = check_dataset([write({}, change)], NoProgress())
    assert kind in report.counts
    assert any(problem.where.endswith("r.jsonl line 2") for problem in report.problems if problem.kind is kind)


def test_an_id_is_used_once(write):
    report = check_dataset([write({"id": "7"}, {"id": "7"})], NoProgress())
    assert report.counts == {Kind.SAME_ID: 1}


def test_two_answers_to_one_question_are_told_but_do_not_make_a_set_unfit(write):
    report = check_dataset([write({}, {"gpt": "spleen"})], NoProgress())
    assert (report.counts, report.errors) == ({Kind.CONTRADICTION: 1}, 0)


def test_a_patient_in_two_splits_is_found(write):
    write(split="train", seed=1)
    report = check_dataset([write(split="test", seed=2)], NoProgress())
    assert report.counts == {Kind.LEAKED_GROUP: 1}


def test_a_picture_in_two_splits_is_found_though_its_patients_have_other_names(write):
    write(split="train", seed=1, group="p")
    report = check_dataset([write(split="test", seed=1, group="q")], NoProgress(), workers=2)
    assert report.counts == {Kind.LEAKED_PICTURE: 1}


def test_a_label_that_is_tested_but_never_trained_is_told(write):
    write(split="train", seed=1, group="p")
    report = check_dataset([write({"gpt": "spleen"}, split="test", seed=2, group="q")], NoProgress())
    assert (report.counts, report.errors) == ({Kind.NEVER_LEARNT: 1}, 0)


@pytest.mark.parametrize(
    ("entry", "values", "words"),
    [
        ({"file": "masks/lost.png", "labels": ["liver"]}, None, "lost.png"),
        ({"file": "masks/a.png", "labels": ["liver"]}, np.full((48, 64), 2), "no label"),
        ({"file": "masks/a.png", "labels": ["liver"]}, np.ones((48, 63)), "63 x 48, its picture 64 x 48"),
        ("masks/a.png", None, "masks.json"),
    ],
)
def test_a_wrong_label_map_makes_a_set_unfit(write, entry, values, words: str):
    train = write() / "train"
    (train / "masks").mkdir()
    if values is not None:
        Image.fromarray(values.astype(np.uint8)).save(train / "masks" / "a.png")
    (train / "masks.json").write_text(json.dumps({"images/a.png": entry}), encoding="utf-8")
    report = check_dataset([train.parent], NoProgress())
    assert report.counts == {Kind.LABEL_MAP: 1}
    assert report.errors == 1
    assert words in report.problems[0].what


@pytest.mark.parametrize(
    ("image", "box", "words"),
    [
        ("images/a.png", [0.5, 0.5, 1.2, 0.7], "1.2"),
        ("images/a.png", [0.5, 0.5, 0.5, 0.7], "no box"),
        ("images/a.png", [0.5, 0.5, 0.7], "line 1"),
        ("images/lost.png", [0.5, 0.5, 0.7, 0.7], "not there"),
    ],
)
def test_a_wrong_marked_region_makes_a_set_unfit(write, image: str, box: list[float], words: str):
    train = write() / "train"
    line = {"image": image, "complete": True, "regions": [{"label": "liver", "box": box}]}
    (train / "regions.ndjson").write_text(json.dumps(line) + "\n", encoding="utf-8")
    report = check_dataset([train.parent], NoProgress())
    assert report.counts == {Kind.MARKED: 1}
    assert report.errors == 1
    assert words in report.problems[0].what


def test_a_folder_without_a_set_is_an_error(tmp_path: Path):
    with pytest.raises(DatasetError, match="neither a jsonl file nor a folder"):
        check_dataset([tmp_path], NoProgress())


def test_a_check_can_be_cancelled(write):
    class Cancel(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        check_dataset([write()], Cancel())


def test_the_verb_ends_with_one_when_a_set_is_unfit(write):
    result = CliRunner().invoke(dataset, ["check", str(write({"gpt": " "}))])
    assert result.exit_code == 1
    assert "empty answer" in result.output


def test_the_released_records_parse(shared_data: Path):
    report = check_dataset([shared_data / "medrega_demo" / "records.jsonl"], NoProgress())
    # Its pictures were left out.
    assert set(report.counts) <= {Kind.MISSING_PICTURE, Kind.UNKNOWN_LABEL}
