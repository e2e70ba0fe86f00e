"""A LoRA adapter from a snapshot of corrections, reminded of what the base learnt from.

Only the output layer is adapted: that is where a name that the model never said is missing, and there the base can be
held to what it said before by vectors alone (see `training.latent_replay`). It is taught to choose among names as the
engine does (see `training.name_choices`): what the base says of anything else stays out of it.
"""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file

from engine.files import whole_file
from engine.priority import lower_priority
from engine.progress import Progress
from engine.protocol import Task
from engine.runtime import AdapterManifest, ModelFile, ModelManifest, taught_labels
from training.checkpoint import TrainingError
from training.early_stopping import HeldOut, read_losses, split_by_patient
from training.events import Listener, nobody
from training.export.lora import write_lora
from training.feedback.latents import ROLE, latents_of, replay_vectors
from training.feedback.parity import check_adapter
from training.feedback.run_lock import working_on
from training.feedback.sets import (
    SnapshotFolder,
    heldout_samples,
    replay_set,
    require_apart,
    require_judges,
    sample_images,
    write_json,
)
from training.latent_replay import WEIGHT, Remembered
from training.low_rank import HEAD
from training.recipe import LoraSettings, ModelSettings, Recipe, Stage
from training.records import dataset_sha256
from training.samples import gather_samples
from training.trainer import train_samples

logger = logging.getLogger(__name__)

RUN_FILE = "run.json"
RESULT_FILE = "result.json"
PLACES_FILE = "places.json"
REPLAYED_FILE = "replayed.json"
LINEAGE_FILE = "lineage.json"
ADAPTER = "adapter"
_STAGE = "lora"
_VECTORS = "vectors.safetensors"
_PACK = 512
"""Ids of a row that images share: about the longest group. A row each would be padding for nearly a half."""
_ADAPTER_WEIGHTS = "adapter.gguf"
_CHECKS = 12
_AMONG = "names, weighed by modality"
_EVALUATIONS = 8
"""Times the held-out loss is measured in a run."""


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Settings of a run, all of them in its record.

    epochs, max_steps : each image is visited so often, but for so many steps at most. replay_images : at most so many
    of a set to replay. held_out : the share of training patients by whom it is decided when to stop. patience : see
    `training.early_stopping.HeldOut`.

    Measured with the starter on a new site (three folds of `medrega bench feedback`, 90 to 95 corrections): names 16.7
    to 45.3 %, no more than 0.6 points of any task forgotten, 190 s on two busy processor cores.
    """

    rank: int = 32
    alpha: int = 64
    dropout: float = 0.0
    learning_rate: float = 3e-2
    loss_reduction: Literal["token", "square", "sample"] = "square"
    epochs: float = 48
    max_steps: int = 300
    images_per_step: int = 8
    replay_images: int = 400
    held_out: float = 0.15
    patience: int = 3
    seed: int = 0
    tasks: Mapping[str, float] = field(default_factory=lambda: {Task.REGION_TO_TEXT.value: 3.0})

    def steps_for(self, images: int) -> int:
        """How many steps it takes on so many images."""
        return min(self.max_steps, max(1, math.ceil(self.epochs * images / self.images_per_step)))

    def recipe(self, checkpoint: Path, images: int) -> Recipe:
        """One instruction stage with an adapter on the output layer; the tower says the same of an image every time."""
        steps = self.steps_for(images)
        stage = Stage(
            name=_STAGE,
            kind="instruction",
            lora=LoraSettings(rank=self.rank, alpha=self.alpha, dropout=self.dropout, targets=(HEAD,)),
            steps=steps,
            images_per_step=self.images_per_step,
            learning_rate=self.learning_rate,
            tasks={Task(name): weight for name, weight in self.tasks.items()},
            warmup=0.05,
            pack=_PACK,
            # Else the names, a few tokens each, are lost among the lists of boxes.
            loss_reduction=self.loss_reduction,
            cache_features=True,
            save_every=max(1, steps // _EVALUATIONS),
            log_every=max(1, min(5, steps // 20)),
        )
        return Recipe(model=ModelSettings(checkpoint=checkpoint, seed=self.seed), stages=(stage,))


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A finished run. result : its ``result.json``."""

    folder: Path
    adapter: AdapterManifest
    result: dict[str, Any]


def fine_tune(
    snapshot_folder: Path,
    base: ModelManifest,
    out: Path,
    settings: FineTuning,
    progress: Progress,
    *,
    replay: Path | None = None,
    checkpoint: Path | None = None,
    listener: Listener = nobody,
) -> FineTuned:
    """Train an adapter for `base` in the folder `out` and check its GGUF form against torch.

    replay : a set that the base learnt from; when None what came with the base (see `training.feedback.latents`), or
    generated phantoms, where those are what it knows.
    checkpoint : the base's weights for torch, where they are at hand; its GGUF files, dequantised, when None.
    Started again with the same arguments it goes on where it was stopped, and does nothing when it is finished.
    Raises `DatasetError`, `CheckpointError`, `ModelError`, `TrainingError`, `BusyError`, `Cancelled`.
    """
    with working_on(out, progress):
        return _fine_tune(snapshot_folder, base, out, settings, progress, replay, checkpoint, listener)


def _fine_tune(
    snapshot_folder: Path,
    base: ModelManifest,
    out: Path,
    settings: FineTuning,
    progress: Progress,
    replay: Path | None,
    checkpoint: Path | None,
    listener: Listener,
) -> FineTuned:
    started = time.monotonic()
    snapshot = SnapshotFolder.read(snapshot_folder)
    corrected = gather_samples([snapshot.train])
    held = heldout_samples(snapshot)
    require_judges(snapshot, held)
    require_apart(corrected, held, f"the held-out part of {snapshot.folder.name}")
    reminder = _reminder(base, replay, out / "replay", settings, progress)
    learn, judge = split_by_patient(corrected, settings.held_out, settings.seed)
    record = {
        "base": {"id": base.id, "version": base.version, "sha256": base.sha256},
        "snapshot": {"name": snapshot.folder.name, "sha256": snapshot.sha256},
        "replay": {"source": reminder.source, "sha256": reminder.sha256, "vectors": len(reminder.hidden)},
        "images": {"corrected": len(corrected), "trained": len(learn), "early_stopping": len(judge)},
        "records": sum(len(sample.records) for sample in corrected),
        "settings": json.loads(json.dumps(asdict(settings))),
        "remembered_weight": WEIGHT,
        "names_chosen_among": _AMONG,
    }
    _keep_record(out, record)
    # Not in the record, which goes wherever the adapter goes: a set may name its patients, and a path its owner.
    write_json(out / REPLAYED_FILE, reminder.patients)
    write_json(out / PLACES_FILE, {"base": str(base.folder.resolve()), "snapshot": str(snapshot.folder.resolve())})
    if (out / RESULT_FILE).is_file():
        _tidy(out)
        return read_run(out)
    logger.info("%d corrected images; reminded of %s", len(corrected), reminder.source)
    train_samples(
        settings.recipe(checkpoint or base.folder, len(learn)),
        learn,
        out / "train",
        progress,
        held_out=HeldOut(tuple(judge), settings.patience) if judge else None,
        remembered=Remembered(reminder.hidden.float()),
        names=taught_labels(base.labels(), snapshot.taught(base.labels())),
        listener=listener,
    )
    adapter = _export(out, base, snapshot, record)
    check = check_adapter(out / "train", base, adapter, snapshot.train, _CHECKS, progress)
    losses = read_losses(out / "train" / _STAGE)
    result = {
        "adapter": {"id": adapter.id, "sha256": adapter.file.sha256},
        "steps": settings.steps_for(len(learn)),
        "held_out_losses": {str(step): round(loss, 5) for step, loss in losses.items()},
        "best_step": min(losses, key=lambda step: (losses[step], step)) if losses else None,
        "seconds": round(time.monotonic() - started, 1),
        "threads": torch.get_num_threads(),
        "check": check.to_json(),
    }
    check.require_close()
    write_json(out / RESULT_FILE, result)
    _tidy(out)
    return read_run(out)


def read_run(folder: Path) -> FineTuned:
    """A finished run. Raises `TrainingError` for one that is not finished."""
    if not (folder / RESULT_FILE).is_file():
        raise TrainingError(f"{folder} holds no finished run: start medrega feedback train with it again")
    result = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    return FineTuned(folder, AdapterManifest.read(folder / ADAPTER), result)


def read_record(folder: Path) -> dict[str, Any]:
    """What a run was started with. Raises `TrainingError` for a folder that is no run."""
    try:
        record: dict[str, Any] = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{folder} is no run of medrega feedback train: {error}") from error
    return record


def read_places(folder: Path) -> tuple[Path, Path]:
    """Where a run's base and snapshot lay when it was trained. Raises `TrainingError` for a folder that is no run."""
    try:
        places = json.loads((folder / PLACES_FILE).read_text(encoding="utf-8"))
        return Path(places["base"]), Path(places["snapshot"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{folder} is no run of medrega feedback train: {error!r}") from error


def be_modest(threads: int, niceness: int) -> None:
    """Let this process give way: at most so many threads, and a lower priority."""
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    lower_priority(niceness)


def default_threads() -> int:
    """One core is left to the window."""
    return max(1, min(8, (os.cpu_count() or 1) - 1))


@dataclass(frozen=True, slots=True, eq=False)
class _Reminder:
    """What the base must go on saying. hidden : (N, text width). patients : those of a replayed set."""

    hidden: torch.Tensor
    source: str
    sha256: str
    patients: list[str]


def _reminder(
    base: ModelManifest, replay: Path | None, out: Path, settings: FineTuning, progress: Progress
) -> _Reminder:
    latents = latents_of(base) if replay is None else None
    if latents is not None:
        return _Reminder(latents.replay, "what came with the model", base.files[ROLE].sha256, [])
    base_set = replay_set(base, replay, out, settings.replay_images, progress)
    samples = sample_images(gather_samples([base_set.folder]), settings.replay_images, settings.seed)
    kept = out / _VECTORS
    if kept.is_file():
        hidden = load_file(kept)["hidden"]
    else:
        out.mkdir(parents=True, exist_ok=True)
        hidden = replay_vectors(base, samples, settings.seed, progress)
        with whole_file(kept) as target:
            save_file({"hidden": hidden}, target)
    patients = sorted({one.records[0].group for one in samples})
    return _Reminder(hidden, base_set.source, dataset_sha256(base_set.folder), patients)


def _keep_record(out: Path, record: dict[str, Any]) -> None:
    path = out / RUN_FILE
    if path.is_file():
        # One of before something was written down cannot go on as it began: it lacks the key.
        before = read_record(out)
        changed = sorted(key for key in record if before.get(key) != record[key])
        if changed:
            raise TrainingError(f"{out} holds a run with other {', '.join(changed)}: name another --out, or delete it")
        return
    write_json(path, record)


def _export(out: Path, base: ModelManifest, snapshot: SnapshotFolder, record: dict[str, Any]) -> AdapterManifest:
    """Write the adapter's folder; its manifest comes last."""
    folder = out / ADAPTER
    folder.mkdir(exist_ok=True)
    path = folder / _ADAPTER_WEIGHTS
    write_lora(out / "train" / _STAGE / "adapter", path)
    file = ModelFile.of(path)
    write_json(folder / LINEAGE_FILE, record)
    # The hash is in the id: what a suggestion says made it can be nothing else.
    adapter = AdapterManifest(
        f"feedback-{file.sha256[:16]}",
        f"Corrections {snapshot.sha256[:8]}",
        base.sha256,
        folder,
        file,
        labels=snapshot.taught(base.labels()),
    )
    adapter.write()
    return adapter


def _tidy(out: Path) -> None:
    """Delete what only going on needs: weights that the base and the adapter make again, and cached features."""
    for name in ("train/features", f"train/{_STAGE}/steps"):
        shutil.rmtree(out / name, ignore_errors=True)
    for file in ("train/model.safetensors", f"train/{_STAGE}/model.safetensors"):
        (out / file).unlink(missing_ok=True)
