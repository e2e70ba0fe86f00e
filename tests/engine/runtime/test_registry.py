"""Where models are found."""

from __future__ import annotations

import shutil

import pytest

from engine.runtime import ModelError, find_model, list_models, registry


@pytest.fixture
def parents(tmp_path, monkeypatch):
    """Two empty places for models: the person's, and what ships."""
    folders = (tmp_path / "person", tmp_path / "shipped")
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(registry, "model_folders", lambda: folders)
    return folders


def put(model, parent, name):
    shutil.copytree(model.folder, parent / name)
    manifest = parent / name / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(f'"{model.id}"', f'"{name}"'), encoding="utf-8")


def test_a_model_is_found_by_its_id(random_model, parents):
    put(random_model, parents[1], "starter")
    assert find_model().folder == parents[1] / "starter"
    assert [one.id for one in list_models()] == ["starter"]


def test_a_persons_model_comes_before_the_shipped_one_of_the_same_id(random_model, parents):
    for parent in parents:
        put(random_model, parent, "starter")
    assert find_model("starter").folder == parents[0] / "starter"
    assert [one.folder for one in list_models()] == [parents[0] / "starter"]


def test_a_model_folder_is_taken_by_its_path(random_model, parents):
    assert find_model(str(random_model.folder)) == random_model


def test_an_unknown_model_is_answered_with_the_known_ones(random_model, parents):
    put(random_model, parents[1], "starter")
    with pytest.raises(ModelError, match=r"no model 'nope': registered are starter"):
        find_model("nope")


def test_a_broken_model_does_not_hide_the_sound_ones(random_model, parents, caplog):
    put(random_model, parents[1], "starter")
    (parents[0] / "broken").mkdir()
    (parents[0] / "broken" / "manifest.json").write_text("{")
    assert [one.id for one in list_models()] == ["starter"]
    assert "broken" in caplog.text
    with pytest.raises(ModelError, match="broken"):
        find_model("broken")


@pytest.mark.parametrize("model", ["", ".", "..", "../person", "a/b"])
def test_a_name_never_leads_out_of_the_model_folders(parents, model):
    with pytest.raises(ModelError):
        find_model(model)


def test_the_shipped_models_lie_in_the_resources():
    assert registry.model_folders()[1].parts[-2:] == ("resources", "models")
