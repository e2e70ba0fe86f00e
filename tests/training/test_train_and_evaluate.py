"""From a dataset to a trained, exported and scored model, at the size of a test."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from engine.progress import Cancelled, NoProgress  # noqa: E402
from engine.runtime import ModelManifest  # noqa: E402
from training.cli_evaluate import evaluate  # noqa: E402
from training.cli_train import train  # noqa: E402
from training.phantom_set import PhantomSetSpec, build_phantom_set  # noqa: E402
from training.recipe import RecipeError, read_recipe  # noqa: E402
from training.records import DatasetError, read_records  # noqa: E402
from training.trainer import run_recipe  # noqa: E402

RECIPE = """
[model]
preset = "tiny"
seed = 1

[[stages]]
name = "dense"
kind = "dense"
train = ["vision"]
steps = 4
images_per_step = 4
learning_rate = 1e-3
bf16 = false

[[stages]]
name = "instruction"
kind = "instruction"
train = ["vision", "connector", "text"]
steps = 30
images_per_step = 4
learning_rate = 3e-3
bf16 = false
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "phantoms"
    build_phantom_set(out, PhantomSetSpec(3, 1, 1, slices=2, size=96), NoProgress())
    return out


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(dataset: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("trained")
    arguments = [str(recipe), "--data", str(dataset / "train"), "--out", str(folder / "run")]
    result = CliRunner().invoke(train, [*arguments, "--export", str(folder / "model"), "--model-id", "test"])
    assert result.exit_code == 0, result.output
    return folder / "run", folder / "model"


def test_splits_share_no_patient(dataset: Path):
    patients = [
        {record.group for _, record in read_records(dataset / split)} for split in ("train", "validation", "test")
    ]
    assert [len(p) for p in patients] == [3, 1, 1]
    assert len(set.union(*patients)) == 5


def test_a_phantom_training_image_is_what_the_window_would_show(dataset: Path):
    """The builder windows by itself; it must give the pixels of the one renderer within rounding."""
    import numpy as np
    from PIL import Image

    from engine.phantom import Phantom, render_phantom_slice
    from engine.scans import Plane, Volume, Window, render_slice
    from training.phantom_set import _positions

    first = PhantomSetSpec().splits()[0][2]
    phantom = Phantom.random(first)
    z_mm = next(_positions(phantom, 1, np.random.default_rng([first, 77])))
    cut = render_phantom_slice(phantom, z_mm, 96)
    volume = Volume(cut.hu[None], (1, 1, 1), (0, 0, 0), np.eye(3), "CT", Window(40, 400), Path("x"))
    shown = render_slice(volume, Plane.AXIAL, 0)[..., 0].astype(int)
    written = np.asarray(Image.open(dataset / "train" / "images" / f"p{first}_0.png")).astype(int)
    assert np.abs(shown - written).max() <= 1


def test_training_lowers_the_loss_and_exports_a_model_that_verifies(trained, dataset):
    from engine.runtime import verify_files
    from training.drawing import Drawing, QuestionCollator, QuestionDataset
    from training.model import load_model
    from training.samples import gather_samples
    from training.tokenizer import PromptEncoder, load_tokenizer
    from training.trainer import packed_loss

    run, model = trained
    verify_files(ModelManifest.read(model))
    tokenizer = load_tokenizer(run)
    losses = []
    for folder in (run / "dense", run):
        torch_model = load_model(folder).eval()
        encoder = PromptEncoder(tokenizer, torch_model.config.image_seq_length)
        samples = gather_samples([dataset / "train"])
        drawing = Drawing(56, augment=False, groups_per_image=4, branches_per_group=4, seed=0)
        drawn = QuestionDataset(samples, encoder, drawing)
        with torch.no_grad():
            batch = QuestionCollator(encoder)([drawn[i] for i in range(4)])
            losses.append(float(packed_loss(torch_model, batch)))
    assert losses[1] < 0.7 * losses[0]


def test_evaluation_writes_scores_and_predictions(trained, dataset, tmp_path):
    out = tmp_path / "predictions.jsonl"
    arguments = [str(trained[1]), str(dataset / "test"), "--limit", "12", "--predictions", str(out), "--json"]
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["dataset"]["records"] == 12
    assert 0 <= report["metrics"]["region_to_text"]["accuracy"] <= 1
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 12
    assert {"question_id", "hw", "gt", "answer", "subtask", "candidates"} <= lines[0].keys()


def test_a_finished_stage_is_not_trained_again(trained, recipe, dataset):
    run = trained[0]
    before = (run / "dense" / "model.safetensors").stat().st_mtime_ns
    started = time.monotonic()
    run_recipe(read_recipe(recipe), [dataset / "train"], run, NoProgress())
    assert (run / "dense" / "model.safetensors").stat().st_mtime_ns == before
    assert time.monotonic() - started < 60


def test_a_cancelled_training_stops_and_leaves_no_checkpoint(recipe, dataset, tmp_path):
    class AfterTwo:
        steps = 0

        def report(self, done: int, total: int, what: str) -> None:
            self.steps = done

        def cancelled(self) -> bool:
            return self.steps >= 2

    with pytest.raises(Cancelled):
        run_recipe(read_recipe(recipe), [dataset / "train"], tmp_path / "run", AfterTwo())
    assert not (tmp_path / "run" / "dense" / "model.safetensors").exists()


def test_a_wrong_recipe_names_the_setting(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(RECIPE.replace("steps = 4", "steps = -4"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"stages\.0\.steps"):
        read_recipe(path)


def test_a_missing_image_is_named(dataset, recipe, tmp_path):
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(dataset / "train", folder)
    gone = next((folder / "images").iterdir())
    gone.unlink()
    with pytest.raises(DatasetError, match=gone.name):
        run_recipe(read_recipe(recipe), [folder], tmp_path / "run", NoProgress())


def test_the_shipped_recipe_is_valid():
    assert read_recipe(Path("training/recipes/starter.toml").resolve()).model.preset == "starter-v1"
