"""The model that ships: whole, small enough, and as good on new patients as its card says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.phantom import PHANTOM_LABELS, Phantom, render_phantom_slice
from engine.protocol import AnswerForm, Language, Task
from engine.runtime import Session, find_model, verify_files
from engine.scans import Volume, Window
from engine.suggest import suggest

SEEDS = range(90_000_000, 90_000_006)
SHIPPED = Path(__file__).parents[2] / "resources" / "models" / "starter"


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
    assert manifest.tasks == (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION)
    assert {label.id for label in manifest.labels()} == {label.id for label in PHANTOM_LABELS}


def test_the_card_carries_the_manifests_figures():
    manifest = find_model(str(SHIPPED))
    card = (manifest.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert manifest.sha256 in card
    assert f"| trained for | {', '.join(manifest.tasks)} |" in card
    assert f"{manifest.scores['region_to_text_accuracy']:.1%}" in card
    assert f"{manifest.scores['text_to_region_mean_iou']:.3f}" in card
    assert "Not for diagnostic use" in card


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


def test_it_says_that_it_never_learnt_the_other_tasks(session: Session):
    volume, _ = next(patients())
    place = (session, volume, volume.plane, 0)
    known = suggest(*place, task=Task.TEXT_TO_REGION, language=Language.EN, names=["liver"])
    assert (known.warnings, known.trained) == ((), True)
    asked = suggest(*place, task=Task.VQA, language=Language.EN, text="Is there a mass?", form=AnswerForm.YES_NO)
    assert asked.option in ("yes", "no")
    # However sure it seems.
    assert asked.abstained
    assert "not trained on the task vqa" in asked.warnings[0]
