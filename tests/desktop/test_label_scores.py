"""The card says how well the model did on the very name it suggests."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt

from engine.models.registering import write_labels
from engine.regions import Box, LabelSet
from engine.runtime import LabelScore, ModelFile, ModelManifest

BOX = Box(30, 40, 60, 80)


def test_scores_of_the_chosen_name(open_window, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scored"
    shutil.copytree(tiny_model, folder)
    manifest = ModelManifest.read(folder)
    scores = {label.id: LabelScore(0.75, 8, 0.5, 4).to_json() for label in manifest.labels()}
    replace(manifest, scores={"labels": scores}, abstain_below=0.0).write()
    driver = open_window(str(folder))
    driver.draw_and_wait(BOX)
    card = driver.window.card
    assert card._score.isVisibleTo(card)
    assert card._score.text() == "In its test: named right 6 of 8"
    driver.window.set_interface_language("zh_CN")
    assert "6" in card._score.text()
    assert "named" not in card._score.text()
    driver.window.set_interface_language("en")
    driver.type("li")
    assert card.typing
    assert not card._score.isVisibleTo(card)


def test_a_name_without_score_is_told_and_a_model_without_scores_says_nothing(
    open_window, tiny_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "scored"
    shutil.copytree(tiny_model, folder)
    replace(ModelManifest.read(folder), scores={"labels": {}}, abstain_below=0.0).write()
    driver = open_window(str(folder))
    driver.draw_and_wait(BOX)
    assert driver.window.card._score.text() == "Never tested on this name"
    driver.window.close()

    driver = open_window(str(tiny_model), database=tmp_path / "b.sqlite")
    driver.draw_and_wait(BOX)
    card = driver.window.card
    driver.key(Qt.Key.Key_Down)
    assert not card._score.isVisibleTo(card)


def test_a_name_learnt_from_few_patients_says_so(open_window, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scored"
    shutil.copytree(tiny_model, folder)
    manifest = ModelManifest.read(folder)
    scores = {label.id: LabelScore(0.75, 8, 0.5, 4).to_json() for label in manifest.labels()}
    file = folder / "labels.json"
    for patients in (2, 60):
        told = [replace(label, patients=(("CT", patients), ("MR", patients))) for label in manifest.labels()]
        write_labels(LabelSet(told), file)
        files = manifest.files | {"labels": ModelFile.of(file)}
        replace(manifest, files=files, scores={"labels": scores}, abstain_below=0.0).write()
        driver = open_window(str(folder), database=tmp_path / f"{patients}.sqlite")
        driver.draw_and_wait(BOX)
        said = driver.window.card._score.text()
        tail = ". Patients with such scans in its training: 2" if patients == 2 else ""
        assert said == f"In its test: named right 6 of 8{tail}"
        driver.window.close()
