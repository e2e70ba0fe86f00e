"""Checkpoints that are whole or not there: a step's, to resume from, and a stage's, to go on with."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from safetensors import SafetensorError
from transformers import InternVLForConditionalGeneration, PreTrainedTokenizerFast

from engine.errors import MedRegAError
from engine.files import whole_file

COMPLETE_FILE = "complete.json"
_PREFIX = "checkpoint-"
WRITE_ERRORS = (OSError, SafetensorError, RuntimeError)
"""What safetensors, torch and Python raise when a disk is full."""


class TrainingError(MedRegAError):
    """A training that cannot go on: the message says where it stands and what to do."""


def mark_complete(folder: Path, step: int, *, world: int) -> None:
    """Sync a step's checkpoint to disk and list its files, which makes it one to resume from."""
    sizes = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
            sizes[str(file.relative_to(folder))] = file.stat().st_size
    with whole_file(folder / COMPLETE_FILE) as temporary:
        text = json.dumps({"step": step, "processes": world, "files": sizes}, indent=2)
        temporary.write_text(text, encoding="utf-8")


def is_complete(folder: Path) -> bool:
    """Whether every file that was listed is there in its full size."""
    try:
        listed = json.loads((folder / COMPLETE_FILE).read_text(encoding="utf-8"))["files"]
        return all((folder / name).stat().st_size == size for name, size in listed.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def step_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints of a stage by step, the incomplete ones too."""
    found = folder.glob(f"{_PREFIX}*") if folder.is_dir() else []
    numbered = [path for path in found if path.name.removeprefix(_PREFIX).isdecimal()]
    return sorted(numbered, key=lambda path: int(path.name.removeprefix(_PREFIX)))


def last_complete(folder: Path) -> Path | None:
    """The newest checkpoint to resume from."""
    return next((path for path in reversed(step_checkpoints(folder)) if is_complete(path)), None)


def remove_incomplete(folder: Path) -> None:
    """Delete what a killed or failed save left."""
    for path in step_checkpoints(folder):
        if not is_complete(path):
            shutil.rmtree(path)


def save_checkpoint(model: InternVLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write config, safetensors and tokenizer; model.safetensors comes last, so that it marks a whole one.

    Raises `TrainingError` when they cannot be written; the folder is left as it was then.
    """
    part = folder / ".part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        tokenizer.save_pretrained(part)
        model.save_pretrained(part)
        written = sorted(part.iterdir(), key=lambda path: (path.name.startswith("model.safetensors"), path.name))
        for path in written:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        for path in written:
            path.replace(folder / path.name)
    except WRITE_ERRORS as error:
        raise TrainingError(
            f"cannot write the checkpoint {folder}: {error}; free some space and start the same command again"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
