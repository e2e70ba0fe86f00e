"""`medrega train --launch N`: the same command in many processes, through accelerate or torchrun."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import torch
import yaml

from engine.progress import Cancelled
from training.checkpoint import TrainingError

CONFIGS = Path(__file__).parent / "configs"
_WORKER = "training.worker"


def is_first_process() -> bool:
    """Whether this process speaks for all of them."""
    return int(os.environ.get("RANK", "0")) == 0


def is_sharded() -> bool:
    """Whether the launcher asked for the model to be shared by the processes."""
    return any(os.environ.get(name) == "true" for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"))


def launch_training(
    recipe: Path,
    datasets: Sequence[Path],
    out: Path,
    processes: int,
    config: Path | None,
    *,
    steps: int | None = None,
    skip_bad: bool = False,
    style: str = "text",
) -> None:
    """Run the training in `processes` processes of this machine and wait for them.

    config : accelerate's YAML, a path or the name of one in ``training/configs``; None shares the batch between
    copies of the model (DDP). An interrupt is handed on: the processes end their step and write a checkpoint.
    Raises `TrainingError` when one failed (it has said why), `Cancelled` after an interrupt.
    """
    command = [*launch_command(processes, config), "-m", _WORKER, str(recipe), "--out", str(out), "--progress", style]
    for dataset in datasets:
        command += ["--data", str(dataset)]
    if steps is not None:
        command += ["--steps", str(steps)]
    if skip_bad:
        command.append("--skip-bad")
    environment = os.environ | launch_environment(config)
    # A group of its own: the terminal's interrupt must reach the workers once, from here, not from both.
    child = subprocess.Popen(command, env=environment, start_new_session=True)
    interrupted = False

    def hand_on(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        # torchrun forwards SIGTERM and SIGINT to its workers and waits for them.
        child.send_signal(signal.SIGTERM if interrupted else signal.SIGINT)
        interrupted = True

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            child.kill()
    if interrupted:
        raise Cancelled
    if code:
        raise TrainingError(f"a process of the training ended with code {code}; what it said is above")


def launch_command(processes: int, config: Path | None) -> list[str]:
    """The launcher and its options: accelerate's for GPUs, torchrun between processors (accelerate wants MPI)."""
    if torch.cuda.is_available():
        launcher = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", str(processes)]
        return [*launcher, *(["--config_file", str(find_config(config))] if config else ["--multi_gpu"])]
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]


def launch_environment(config: Path | None) -> dict[str, str]:
    """Where torchrun starts the processes: what accelerate's launcher would have put there of a configuration."""
    if config is None or torch.cuda.is_available():
        return {}
    settings = yaml.safe_load(find_config(config).read_text(encoding="utf-8"))
    kind = settings.get("distributed_type")
    if kind == "DEEPSPEED":
        raise TrainingError(f"{config} needs GPUs: DeepSpeed is not offered between processors")
    if kind != "FSDP":
        return {}
    values = {name.upper(): str(value) for name, value in settings["fsdp_config"].items()}
    lower = {name: value.lower() if value in ("True", "False") else value for name, value in values.items()}
    return {"ACCELERATE_USE_FSDP": "true", "ACCELERATE_USE_CPU": "true", **lower}


def find_config(config: Path) -> Path:
    """A configuration by path, or by its name in ``training/configs``. Raises `TrainingError` naming those."""
    for file in (config, CONFIGS / config.name, CONFIGS / f"{config.name}.yaml"):
        if file.is_file():
            return file
    names = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.yaml")))
    raise TrainingError(f"there is no configuration {config}; those that come along: {names}")
