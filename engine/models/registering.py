"""A model's folder while it is being made: it appears whole under its name, or not at all."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.labels import LabelSet, builtin_schemes
from engine.runtime.errors import ModelError
from engine.runtime.registry import list_models, model_folders

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MIB = 1 << 20


@contextlib.contextmanager
def new_model_folder(model_id: str, needed_bytes: int) -> Iterator[Path]:
    """A folder to fill, which becomes the registered model's when the block ends well.

    needed_bytes : of room on the disk. Raises `ModelError` for an id that is taken or none, and when the disk is too
    full or cannot be written.
    """
    if not _ID.fullmatch(model_id):
        raise ModelError(f"{model_id!r} is no id for a model: use lower-case letters, digits, dots and hyphens")
    if any(model.id == model_id for model in list_models()):
        raise ModelError(f"there is a model {model_id} already: give another id, or remove that one first")
    parent = model_folders()[0]
    folder, made = parent / model_id, parent / f".{model_id}.new"
    if folder.exists():
        raise ModelError(f"{folder} is in the way: it holds no model that can be read; remove it")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(parent).free
        if room < needed_bytes:
            raise ModelError(
                f"too little room in {parent}: {needed_bytes // _MIB} MB are needed, {room // _MIB} MB are free"
            )
        # Left by one that was interrupted.
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        try:
            yield made
            made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"cannot write the model folder {folder}: {error.strerror}") from error


def default_labels() -> LabelSet:
    """The labels of all sets that ship, for models that bring none."""
    labels = {entry.label.id: entry.label for scheme in builtin_schemes() for entry in scheme.entries}
    return LabelSet(labels.values())


def write_labels(labels: LabelSet, path: Path) -> None:
    """Write a label file as `LabelSet.from_file` reads it."""
    entries = [
        {"id": one.id, "en": one.en, "zh": one.zh, "code": one.code}
        | ({"modalities": list(one.modalities)} if one.modalities else {})
        | ({"patients": dict(one.patients)} if one.patients else {})
        for one in labels
    ]
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def self_test_image(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) uint8: gradients, a checkerboard and grain, so that every patch and channel differs."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size, 0:size]
    planes = np.stack([x * 255 // size, y * 255 // size, ((x // 16 + y // 16) % 2) * 200], axis=-1)
    mixed: NDArray[np.uint8] = (planes // 2 + rng.integers(0, 128, planes.shape)).astype(np.uint8)
    return mixed
