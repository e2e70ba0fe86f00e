"""Two processes with gloo must train as one does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")

import psutil  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from engine.progress import NoProgress  # noqa: E402
from training.checkpoint import last_complete  # noqa: E402
from training.launch import CONFIGS, find_config  # noqa: E402
from training.recipe import read_recipe  # noqa: E402
from training.records import MASKS_FILE  # noqa: E402
from training.trainer import run_recipe  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def alone(lora_recipe, phantom_set, tmp_path_factory) -> tuple[Path, dict[tuple[str, int], float]]:
    out = tmp_path_factory.mktemp("alone") / "run"
    heard = []
    run_recipe(read_recipe(lora_recipe), [phantom_set], out, NoProgress(), listener=heard.append)
    return out, {(event.stage, event.step): event.loss for event in heard if event.event == "step"}


def launch(recipe: Path, dataset: Path, out: Path, config: str | None) -> subprocess.Popen[str]:
    """Two processes, as `medrega train --launch 2` starts them."""
    script = (
        "from pathlib import Path; from training.launch import launch_training; "
        f"launch_training(Path({str(recipe)!r}), [Path({str(dataset)!r})], Path({str(out)!r}), 2, "
        f"{f'Path({config!r})' if config else None}, style='json')"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, env=environment)


def losses(lines: list[str]) -> dict[tuple[str, int], float]:
    told = [json.loads(line) for line in lines if line.startswith("{")]
    return {(one["stage"], one["step"]): one["loss"] for one in told if one["event"] == "step"}


def finish(child: subprocess.Popen[str]) -> list[str]:
    _, said = child.communicate(timeout=300)
    assert child.returncode == 0, said[-3000:]
    return said.splitlines()


@pytest.fixture(scope="module")
def sharded(lora_recipe, phantom_set, tmp_path_factory) -> tuple[Path, dict[tuple[str, int], float]]:
    """A run of two processes that share the model (FSDP), undisturbed."""
    out = tmp_path_factory.mktemp("sharded") / "run"
    return out, losses(finish(launch(lora_recipe, phantom_set, out, "fsdp-cpu")))


def assert_as_alone(found: dict[tuple[str, int], float], out: Path, alone: tuple[Path, dict]) -> None:
    assert found.keys() == alone[1].keys()
    first = [key for key in found if key[0] == "alignment"]
    assert [found[key] for key in first] == pytest.approx([alone[1][key] for key in first], abs=2e-4)
    # LoRA's dropout is drawn in each process for itself.
    second = [key for key in found if key[0] == "lora"]
    assert [found[key] for key in second] == pytest.approx([alone[1][key] for key in second], abs=0.05)
    mine, theirs = (load_file(folder / "alignment" / "model.safetensors") for folder in (out, alone[0]))
    assert mine.keys() == theirs.keys()
    assert max(float((mine[name] - theirs[name]).abs().max()) for name in theirs) < 2e-3


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_and_weights_of_one(alone, lora_recipe, phantom_set, tmp_path):
    found = losses(finish(launch(lora_recipe, phantom_set, tmp_path / "run", None)))
    assert_as_alone(found, tmp_path / "run", alone)


@pytest.mark.slow
def test_two_processes_that_share_the_model_have_the_loss_curve_and_weights_of_one(alone, sharded):
    assert_as_alone(sharded[1], sharded[0], alone)


DENSE = """
[model]
preset = "tiny"
seed = 1

[[stages]]
name = "dense"
kind = "dense"
train = ["connector"]
vision_top = 1
cache_features = true
cache_blocks = 1
cache_views = 2
steps = 4
images_per_step = 4
learning_rate = 3e-3
log_every = 1
bf16 = false
"""


@pytest.mark.slow
def test_a_dense_stage_that_shares_the_tower_learns_as_one_that_does_not_and_keeps_no_features(phantom_set, tmp_path):
    """Processes that found different pictures in a cache would wait for each other's parts of the tower for ever."""
    data = tmp_path / "data"
    shutil.copytree(phantom_set, data)
    # Without label maps it learns from boxes, and that kind alone has a cache.
    (data / MASKS_FILE).unlink()
    recipe = tmp_path / "dense.toml"
    recipe.write_text(DENSE, encoding="utf-8")
    heard = []
    run_recipe(read_recipe(recipe), [data], tmp_path / "alone", NoProgress(), listener=heard.append)
    expected = {(event.stage, event.step): event.loss for event in heard if event.event == "step"}
    found = losses(finish(launch(recipe, data, tmp_path / "shared", "fsdp-cpu")))
    assert found.keys() == expected.keys()
    assert [found[key] for key in expected] == pytest.approx(list(expected.values()), rel=0.05)
    assert (tmp_path / "alone" / "features").is_dir()
    assert not (tmp_path / "shared" / "features").exists()


@pytest.mark.slow
def test_a_killed_run_that_shares_the_model_goes_on_as_one_that_was_not_stopped(
    sharded, tiny_recipe, phantom_set, tmp_path
):
    """Both processes are killed in the sixth step; the last whole checkpoint is that of the fourth."""
    out = tmp_path / "run"
    child = launch(tiny_recipe, phantom_set, out, "fsdp-cpu")
    assert child.stderr is not None
    before = []
    for line in child.stderr:
        before.append(line)
        if losses([line]).keys() == {("alignment", 5)}:
            # torchrun and its workers have sessions of their own: killing the launcher alone would leave them.
            for one in [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]:
                one.kill()
            break
    before += child.stderr.readlines()
    assert child.wait(60) == -signal.SIGKILL
    assert last_complete(out / "alignment" / "steps") == out / "alignment" / "steps" / "checkpoint-4"
    after = losses(finish(launch(tiny_recipe, phantom_set, out, "fsdp-cpu")))
    assert min(step for _, step in after) == 5, "it began anew"
    found = losses(before) | after
    expected = {key: loss for key, loss in sharded[1].items() if key[0] == "alignment"}
    assert found.keys() == expected.keys()
    assert [found[key] for key in expected] == pytest.approx(list(expected.values()), abs=1e-6)
    mine, theirs = (load_file(folder / "alignment" / "model.safetensors") for folder in (out, sharded[0]))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_configurations_are_accelerates(file: Path):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(file))
    assert config.num_processes == yaml.safe_load(file.read_text(encoding="utf-8"))["num_processes"]
    assert find_config(Path(file.stem)) == file
