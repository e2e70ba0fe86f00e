"""The trial of two adapters that is running on this computer: of which, on how many regions, since when.

``adapters/trial-MODEL.json`` beside the adapters, one a model; without it no trial runs. What the two said and what
people made of it is in the database like everything else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.runtime import AdapterManifest, ModelError, ModelManifest, adapters_folder
from engine.shadow import ShadowSummary, ShadowTrial, summarize_trial
from engine.store import AnnotationStore, utc_now

_FORMAT = 1
_HASH_LETTERS = 16


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """regions : on so many that a person names. started : ISO 8601 UTC; what was asked before does not count.

    who : began it.
    """

    trial: ShadowTrial
    regions: int
    started: str
    who: str

    def summary(self, store: AnnotationStore, model: ModelManifest) -> ShadowSummary:
        """What came of it so far."""
        return summarize_trial(store, model.sha256, self.trial, self.regions, self.started)


def begin_trial(model: ModelManifest, trial: ShadowTrial, regions: int, who: str) -> RunningTrial:
    """Let both adapters answer from the next question of a window on. Raises `ModelError`.

    Either must be this model's, and one that could be loaded; they must be two; none may be running already.
    """
    if _hash(trial.first) == _hash(trial.second):
        raise ModelError("a comparison needs two different adapters: choose another one")
    for adapter in (trial.first, trial.second):
        if adapter is not None:
            adapter.require_base(model)
            adapter.verify()
    path = _path(model)
    if path.is_file():
        raise ModelError("another comparison is running: end it first")
    made = RunningTrial(trial, regions, utc_now(), who)
    said = {
        "format": _FORMAT,
        "first": _named(trial.first),
        "second": _named(trial.second),
        "regions": regions,
        "started": made.started,
        "who": who,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelError(f"cannot write to the folder of adapters {path.parent}: {error.strerror}") from error
    return made


def running_trial(model: ModelManifest) -> RunningTrial | None:
    """The trial of a model, None where none runs. Raises `ModelError` when an adapter of it is not what it was."""
    path = _path(model)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["format"] != _FORMAT:
            raise ValueError(f"format {said['format']!r}, this version reads {_FORMAT}")
        trial = ShadowTrial(_found(said["first"]), _found(said["second"]))
        return RunningTrial(trial, int(said["regions"]), str(said["started"]), str(said["who"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read the comparison of adapters {path}: {error}; end it, and begin anew") from error


def end_trial(model: ModelManifest) -> None:
    """Let one adapter answer again; what the two said stays in the database. Raises `ModelError`."""
    path = _path(model)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(f"cannot write to the folder of adapters {path.parent}: {error.strerror}") from error


def _path(model: ModelManifest) -> Path:
    return adapters_folder() / f"trial-{model.sha256[:_HASH_LETTERS]}.json"


def _hash(adapter: AdapterManifest | None) -> str:
    return "" if adapter is None else adapter.file.sha256


def _named(adapter: AdapterManifest | None) -> dict[str, Any] | None:
    """Where it lies: one that was never promoted lies in its run."""
    return None if adapter is None else {"folder": str(adapter.folder.resolve()), "sha256": adapter.file.sha256}


def _found(said: dict[str, Any] | None) -> AdapterManifest | None:
    if said is None:
        return None
    adapter = AdapterManifest.read(Path(said["folder"]))
    if adapter.file.sha256 != said["sha256"]:
        raise ModelError(f"the adapter {adapter.folder} is not the one that is compared: end the comparison")
    return adapter
