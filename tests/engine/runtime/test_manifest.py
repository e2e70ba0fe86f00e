"""What a model folder says about itself, and what is done when it is not so."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from engine.runtime import Calibration, LogisticMap, ModelError, ModelManifest, NameMap, verify_files

CALIBRATION = Calibration(
    {"region_to_text": 1.5}, LogisticMap(0.8, -0.2), 0.4, LogisticMap(2.0, 0.1), "ab12", NameMap(0.7, -0.5, 0.3)
).to_json()


@pytest.fixture
def folder(random_model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(random_model.folder, copy)
    return copy


def change(folder, **fields):
    path = folder / "manifest.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for dotted, value in fields.items():
        *parents, last = dotted.split("__")
        target = data
        for parent in parents:
            target = target[parent]
        if value is None:
            del target[last]
        else:
            target[last] = value
    path.write_text(json.dumps(data), encoding="utf-8")


def test_a_manifest_reads_back_as_it_was_written(random_model):
    again = ModelManifest.read(random_model.folder)
    assert again == random_model
    assert again.sha256 == random_model.sha256
    verify_files(again)


def test_the_models_hash_changes_with_either_weight_file(random_model):
    text = random_model.files["text"]
    other = replace(random_model, files={**random_model.files, "text": replace(text, sha256="0" * 64)})
    assert other.sha256 != random_model.sha256


def test_a_model_that_says_what_it_learnt_knows_nothing_else(random_model, tmp_path):
    assert random_model.tasks == ()
    assert random_model.knows("vqa")
    told = replace(random_model, folder=tmp_path, tasks=("region_to_text", "a_task_of_tomorrow"))
    told.write()
    again = ModelManifest.read(tmp_path)
    assert again.tasks == told.tasks
    assert again.knows("region_to_text")
    assert not again.knows("vqa")


def test_a_calibration_reads_back_and_leaves_the_models_hash_alone(random_model, tmp_path):
    assert "calibration" not in json.loads((random_model.folder / "manifest.json").read_text(encoding="utf-8"))
    fitted = Calibration.from_json(CALIBRATION)
    told = replace(random_model, folder=tmp_path, calibration=fitted)
    told.write()
    again = ModelManifest.read(tmp_path)
    assert again.calibration == fitted
    assert again.sha256 == random_model.sha256


def test_a_calibration_of_before_leaves_names_alone():
    before = {name: value for name, value in CALIBRATION.items() if name != "names"}
    assert Calibration.from_json(before).names == NameMap()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tasks": "vqa"}, "tasks is 'vqa'"),
        ({"tasks": ["vqa", 3]}, "tasks holds 3"),
        ({"tasks": ["V q a"]}, "no task's name"),
        ({"format": 2}, "format 2"),
        ({"id": None}, "lacks the field 'id'"),
        ({"id": "../starter"}, "id '../starter'"),
        ({"name": 3}, "name is 3"),
        ({"dialect": "other"}, "dialect 'other'"),
        ({"files": []}, "files"),
        ({"files__text": None}, "lacks the field 'text'"),
        ({"files__text__name": "../text.gguf"}, "leaves the model's folder"),
        ({"files__text__name": "a\\text.gguf"}, "leaves the model's folder"),
        ({"files__text__sha256": "abc"}, "files.text.sha256"),
        ({"files__text__sha256": "G" * 64}, "files.text.sha256"),
        ({"files__text__bytes": "12"}, "bytes is '12'"),
        ({"files__text__bytes": -1}, "files.text.bytes is -1"),
        ({"image_size": "224"}, "image_size"),
        ({"image_size": True}, "image_size"),
        ({"image_size": 0}, "image_size is 0"),
        ({"image_tokens": 1 << 30}, "image_tokens"),
        ({"context_length": 0}, "context_length"),
        ({"golden_tolerance": 0}, "golden_tolerance"),
        ({"golden_tolerance": float("nan")}, "golden_tolerance"),
        ({"abstain_below": 1.5}, "abstain_below"),
        ({"scores": []}, "scores"),
        ({"calibration": []}, "calibration is not"),
        ({"calibration": {"dataset_sha256": ""}}, "temperatures"),
        ({"calibration": CALIBRATION | {"temperatures": {"vqa": 0}}}, "temperatures.vqa is 0"),
        ({"calibration": CALIBRATION | {"temperatures": {"vqa": "1"}}}, "temperatures.vqa is '1'"),
        ({"calibration": CALIBRATION | {"present_above": 1.5}}, "present_above is 1.5"),
        ({"calibration": CALIBRATION | {"boxes": {"scale": -1, "shift": 0}}}, "boxes.scale is -1"),
        ({"calibration": CALIBRATION | {"presence": {"scale": 1, "shift": float("nan")}}}, "presence.shift is nan"),
        (
            {"calibration": CALIBRATION | {"names": {"scale": 1, "shift": 0, "experience": -1}}},
            "names.experience is -1",
        ),
        ({"sha256": "0" * 64}, "contradicts itself"),
    ],
)
def test_a_field_that_cannot_be_is_named_with_its_file(folder, fields, words):
    change(folder, **fields)
    with pytest.raises(ModelError) as error:
        ModelManifest.read(folder)
    assert words in str(error.value)
    assert str(folder / "manifest.json") in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"x"', "\ufeff{}", '{"format": 1}'])
def test_a_manifest_that_is_no_manifest_is_a_model_error(folder, text):
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"manifest\.json"):
        ModelManifest.read(folder)


def test_a_folder_without_a_manifest_is_not_a_model(tmp_path):
    with pytest.raises(ModelError, match="is not a model"):
        ModelManifest.read(tmp_path)


def test_a_missing_a_truncated_and_an_altered_file_are_told_apart(folder):
    manifest = ModelManifest.read(folder)
    path = manifest.path("text")
    sound = path.read_bytes()

    path.write_bytes(sound[:-1])
    with pytest.raises(ModelError, match=r"text\.gguf is truncated: \d+ bytes instead of \d+: .*install"):
        verify_files(manifest)
    path.write_bytes(sound + b"x")
    with pytest.raises(ModelError, match=r"text\.gguf is too long"):
        verify_files(manifest)
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    with pytest.raises(ModelError, match=r"text\.gguf was altered: its SHA-256 .*install"):
        verify_files(manifest)
    path.unlink()
    with pytest.raises(ModelError, match=r"text\.gguf is missing: .*install"):
        verify_files(manifest)


@pytest.mark.parametrize("role", ["text", "mmproj", "labels", "golden_image", "golden_embedding"])
def test_one_flipped_bit_in_any_file_is_seen(folder, role):
    manifest = ModelManifest.read(folder)
    path = manifest.path(role)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"{path.name} was altered"):
        verify_files(manifest)
