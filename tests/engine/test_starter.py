"""The model that ships: whole, small enough, and as good on new patients as its card says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.labels.prior import patients_behind
from engine.phantom import PHANTOM_LABELS, Phantom, render_phantom_slice
from engine.progress import NoProgress
from engine.protocol import AnswerForm, Language, Task
from engine.regions import Box
from engine.runtime import Session, find_model, verify_files
from engine.scans import Volume, Window, read_volume
from engine.suggest import suggest

SEEDS = range(90_000_000, 90_000_006)
RESOURCES = Path(__file__).parents[2] / "resources"
SHIPPED = RESOURCES / "models" / "starter"
SPLITS = RESOURCES / "splits" / "starter-real.json"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(find_model(str(SHIPPED))) as running:
        yield running


def patients() -> Iterator[tuple[Volume, dict[str, tuple]]]:
    """Slices of patients that no split has: a volume of one slice, and the boxes on it."""
    for seed in SEEDS:
        phantom = Phantom.random(seed)
        for z_mm in (-30.0, 15.0, 60.0):
            cut = render_phantom_slice(phantom, z_mm, 256)
            volume = Volume(
                cut.hu[None], (cut.pixel_mm, cut.pixel_mm, 4.0), (0, 0, 0), np.eye(3), "CT", Window(40, 400), Path("x")
            )
            yield volume, {id: cut.boxes(id) for id in cut.present()}


def test_its_files_are_what_the_manifest_says_and_small_enough_to_ship():
    manifest = find_model(str(SHIPPED))
    verify_files(manifest)
    assert manifest.id == "starter"
    assert max(file.bytes for file in manifest.files.values()) < 45 * 2**20
    assert {Task.REGION_TO_TEXT, Task.TEXT_TO_REGION} <= set(manifest.tasks)
    assert {label.id for label in manifest.labels()} >= {label.id for label in PHANTOM_LABELS}


def test_the_card_carries_the_manifests_figures():
    manifest = find_model(str(SHIPPED))
    card = (manifest.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert manifest.sha256 in card
    assert f"| trained for | {', '.join(manifest.tasks)} |" in card
    assert f"{manifest.scores['region_to_text_accuracy']:.1%}" in card
    assert f"{manifest.scores['text_to_region_mean_iou']:.3f}" in card
    assert "Not for diagnostic use" in card


def test_it_was_scored_and_calibrated_on_the_parts_that_the_split_holds_back():
    manifest = find_model(str(SHIPPED))
    hashes = json.loads(SPLITS.read_text(encoding="utf-8"))["real"]["sha256"]
    assert manifest.scores["dataset_sha256"] == hashes["test"]
    assert manifest.calibration.dataset_sha256 == hashes["validation"]


def test_its_labels_say_how_many_real_patients_taught_them():
    labels = find_model(str(SHIPPED)).labels()
    assert patients_behind(labels, "melanoma", "DMS") > 100
    # One real CT of the trunk; phantoms are nobody.
    assert patients_behind(labels, "liver", "CT") == 1
    assert patients_behind(labels, "liver tumor", "CT") == 0


HELD_OUT = {
    "bccd:BloodImage_00009": "SM",
    "bccd:BloodImage_00024": "SM",
    "bccd:BloodImage_00053": "SM",
    "bccd:BloodImage_00113": "SM",
    "us_fetal_head_hc18:1176": "US",
    "us_fetal_head_hc18:1189": "US",
}
"""Patients of the test part, and what their pictures are of."""


@pytest.mark.parametrize("as_opened", [True, False], ids=["as a picture file", "with its modality"])
def test_it_names_what_is_on_real_pictures_of_held_out_patients(session: Session, shared_data: Path, as_opened: bool):
    right, sure = [], []
    for line in (shared_data / "2d" / "index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["group"] not in HELD_OUT:
            continue
        volume = read_volume(shared_data / row["image"], "", NoProgress())
        if not as_opened:
            volume = replace(volume, modality=HELD_OUT[row["group"]])
        for region in row["regions"][:6]:
            box = Box(*(value - 0.5 for value in region["box"])).clipped(row["width"], row["height"])
            for language in Language:
                answer = suggest(session, volume, volume.plane, 0, task=Task.REGION_TO_TEXT, language=language, box=box)
                right.append(answer.candidates[0].label == region["label"])
                sure.append(answer.candidates[0].probability)
    assert len(right) > 40
    assert np.mean(right) >= 0.8
    # It is not believed less for being a file that does not say what it is of.
    assert np.mean(sure) >= 0.6


def test_it_names_the_organs_of_new_patients(session: Session):
    right = []
    for volume, present in patients():
        for language in Language:
            for id, boxes in present.items():
                answer = suggest(
                    session, volume, volume.plane, 0, task=Task.REGION_TO_TEXT, language=language, box=boxes[0]
                )
                right.append(answer.candidates[0].label_id == id)
    assert len(right) > 150
    assert np.mean(right) >= 0.75


def test_it_finds_the_organs_of_new_patients(session: Session):
    ious = []
    for volume, present in patients():
        for id, boxes in present.items():
            answer = suggest(
                session, volume, volume.plane, 0, task=Task.TEXT_TO_REGION, language=Language.EN, names=[id]
            )
            ious.append(max((r.box.iou(box) for r in answer.regions for box in boxes), default=0.0))
    assert len(ious) > 80
    # The goal is 0.50; the card says how far the model that ships is from it.
    assert np.mean(ious) >= 0.20


def test_a_model_says_that_it_never_learnt_the_other_tasks():
    volume, _ = next(patients())
    taught = replace(find_model(str(SHIPPED)), tasks=(Task.REGION_TO_TEXT, Task.TEXT_TO_REGION))
    with Session(taught) as session:
        place = (session, volume, volume.plane, 0)
        known = suggest(*place, task=Task.TEXT_TO_REGION, language=Language.EN, names=["liver"])
        assert (known.warnings, known.trained) == ((), True)
        asked = suggest(*place, task=Task.VQA, language=Language.EN, text="Is there a mass?", form=AnswerForm.YES_NO)
    assert asked.option in ("yes", "no")
    # However sure it seems.
    assert asked.abstained
    assert "not trained on the task vqa" in asked.warnings[0]
