"""Any two GGUF files become a model, or are refused with the reason."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from engine.cli.main import main
from engine.models.adding import add_model
from engine.progress import Cancelled, NoProgress
from engine.protocol import Language, Task
from engine.regions import Box
from engine.runtime import ModelError, Session, find_model, list_models, verify_files
from engine.scans import read_volume
from engine.suggest import suggest


def files(model):
    return model.path("text"), model.path("mmproj")


def test_an_added_model_is_registered_verified_and_answers_in_its_dialect(random_model, parents, phantom_series):
    manifest = add_model(
        *files(random_model), "medmo", "mine", NoProgress(), licence="MIT", labels=random_model.labels()
    )
    assert manifest == find_model("mine")
    assert (manifest.dialect, manifest.licence, manifest.image_tokens) == ("medmo", "MIT", random_model.image_tokens)
    verify_files(manifest)
    volume = read_volume(phantom_series / "dicom", "", NoProgress())
    with Session(manifest, threads=1) as session:
        where = suggest(
            session, volume, volume.plane, 2, task=Task.TEXT_TO_REGION, language=Language.EN, names=["liver"]
        )
        what = suggest(
            session, volume, volume.plane, 2, task=Task.REGION_TO_TEXT, language=Language.EN, box=Box(9, 9, 60, 60)
        )
    assert where.prompt.startswith("<|im_start|>user\n<image>\nLocate")
    assert where.raw.startswith("liver ")
    assert "<box>[[70, 70, 469, 469]]</box>" in what.prompt
    assert what.candidates


@pytest.mark.parametrize("dialect", ["qwen-vl", "internvl"])
def test_grammars_of_other_dialects_run_in_llama_cpp(random_model, parents, phantom_series, dialect):
    manifest = add_model(*files(random_model), dialect, "mine", NoProgress(), labels=random_model.labels())
    volume = read_volume(phantom_series / "dicom", "", NoProgress())
    with Session(manifest, threads=1) as session:
        for task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
            answer = suggest(session, volume, volume.plane, 2, task=task, language=Language.EN, names=["liver"])
            assert answer.raw.startswith(("[", "```json", "<ref>liver</ref>"))
            for region in answer.regions:
                region.box.require_inside(answer.image.width, answer.image.height)


class TestRefusals:
    def refused(self, parents, text, mmproj, dialect="medrega"):
        with pytest.raises(ModelError) as error:
            add_model(text, mmproj, dialect, "mine", NoProgress())
        assert list(parents[0].iterdir()) == []
        return str(error.value)

    def test_files_in_the_wrong_order(self, random_model, parents):
        text, mmproj = files(random_model)
        assert "name the text model first" in self.refused(parents, mmproj, text)
        assert "no vision tower" in self.refused(parents, text, text)

    def test_a_dialect_whose_turns_the_model_does_not_know(self, random_model, parents):
        assert "<start_of_turn>" in self.refused(parents, *files(random_model), dialect="gemma")

    def test_a_hostile_header_before_anything_is_copied(self, random_model, parents, tmp_path):
        bad = tmp_path / "bad.gguf"
        bad.write_bytes(b"GGUF" + b"\xff" * 40)
        assert "not a sound GGUF file" in self.refused(parents, bad, random_model.path("mmproj"))

    def test_a_tower_of_another_width_than_the_text(self, random_model, parents, tmp_path):
        content = random_model.path("mmproj").read_bytes()
        bad = tmp_path / "bad.gguf"
        # What is claimed of the projector and what its tensors are no longer agree with the text model.
        bad.write_bytes(content.replace(b"internvl", b"intervnl"))
        assert "llama.cpp cannot load the vision tower" in self.refused(parents, random_model.path("text"), bad)

    @pytest.mark.parametrize("id_", ["", "../x", "A", ".x", "a/b"])
    def test_an_id_that_is_none(self, random_model, parents, id_):
        with pytest.raises(ModelError, match="is no id"):
            add_model(*files(random_model), "medrega", id_, NoProgress())

    def test_a_full_disk(self, random_model, parents, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
        assert "too little room" in self.refused(parents, *files(random_model))

    def test_a_cancelled_one_leaves_nothing(self, random_model, parents):
        class Stop(NoProgress):
            def cancelled(self):
                return True

        with pytest.raises(Cancelled):
            add_model(*files(random_model), "medrega", "mine", Stop())
        assert list(parents[0].iterdir()) == []


class TestCommandLine:
    def run(self, *arguments):
        return CliRunner().invoke(main, ["model", *map(str, arguments)])

    def test_add_list_default_verify_remove(self, random_model, parents):
        shutil.copytree(random_model.folder, parents[1] / "starter")
        manifest = parents[1] / "starter" / "manifest.json"
        manifest.write_text(manifest.read_text().replace(f'"{random_model.id}"', '"starter"', 1))
        added = self.run("add", *files(random_model), "--dialect", "internvl", "--id", "mine", "--json")
        assert added.exit_code == 0, added.output
        assert json.loads(added.stdout)["dialect"] == "internvl"
        assert self.run("default", "mine").exit_code == 0
        assert self.run("default", "starter", "--task", "report").exit_code == 0
        rows = {row["id"]: row for row in json.loads(self.run("list", "--json").stdout)}
        assert rows["mine"]["default"]
        assert rows["starter"]["default_for"] == ["report"]
        assert rows["mine"]["bytes"] > 0
        assert "* mine" in self.run("list").stdout
        assert json.loads(self.run("verify", "--json").stdout) == {
            "id": "mine", "sha256": rows["mine"]["sha256"], "ok": True,
        }  # fmt: skip
        assert json.loads(self.run("remove", "mine", "--json").stdout)["removed"]
        assert [one.id for one in list_models()] == ["starter"]
        assert json.loads(self.run("list", "--json").stdout)[0]["default"]

    def test_what_ships_is_not_removed(self, random_model, parents):
        shutil.copytree(random_model.folder, parents[1] / "starter")
        gone = self.run("remove", random_model.id)
        assert gone.exit_code == 1
        assert "stays" in gone.output
        assert (parents[1] / "starter" / "manifest.json").is_file()

    def test_an_altered_file_is_found_by_verify(self, random_model, parents):
        add_model(*files(random_model), "medrega", "mine", NoProgress())
        path = find_model("mine").path("golden_embedding")
        np.save(path, np.zeros((4, 64), np.float32))
        refused = self.run("verify", "mine")
        assert refused.exit_code == 1
        assert "golden.npy" in refused.output
