"""Two processes with gloo must train as one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from engine.progress import NoProgress  # noqa: E402
from training.launch import CONFIGS, find_config  # noqa: E402
from training.recipe import read_recipe  # noqa: E402
from training.trainer import run_recipe  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def alone(lora_recipe, phantom_set, tmp_path_factory) -> tuple[Path, dict[tuple[str, int], float]]:
    out = tmp_path_factory.mktemp("alone") / "run"
    heard = []
    run_recipe(read_recipe(lora_recipe), [phantom_set], out, NoProgress(), listener=heard.append)
    return out, {(event.stage, event.step): event.loss for event in heard if event.event == "step"}


@pytest.mark.slow
@pytest.mark.parametrize("config", [None, "fsdp-cpu"], ids=["ddp", "fsdp"])
def test_two_processes_have_the_loss_curve_and_weights_of_one(config, alone, lora_recipe, phantom_set, tmp_path):
    script = (
        "from pathlib import Path; from training.launch import launch_training; "
        f"launch_training(Path({str(lora_recipe)!r}), [Path({str(phantom_set)!r})], "
        f"Path({str(tmp_path / 'run')!r}), 2, "
        f"{f'Path({config!r})' if config else None}, style='json')"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    found = {(one["stage"], one["step"]): one["loss"] for one in told if one["event"] == "step"}
    assert found.keys() == alone[1].keys()
    first = [key for key in found if key[0] == "alignment"]
    assert [found[key] for key in first] == pytest.approx([alone[1][key] for key in first], abs=2e-4)
    # LoRA's dropout is drawn in each process for itself.
    second = [key for key in found if key[0] == "lora"]
    assert [found[key] for key in second] == pytest.approx([alone[1][key] for key in second], abs=0.05)
    mine, theirs = (load_file(folder / "alignment" / "model.safetensors") for folder in (tmp_path / "run", alone[0]))
    assert mine.keys() == theirs.keys()
    assert max(float((mine[name] - theirs[name]).abs().max()) for name in theirs) < 2e-3


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_configurations_are_accelerates(file: Path):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(file))
    assert config.num_processes == yaml.safe_load(file.read_text(encoding="utf-8"))["num_processes"]
    assert find_config(Path(file.stem)) == file
