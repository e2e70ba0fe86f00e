"""Which model answers when nobody names one, and where it runs: a person's default, and another for single tasks.

Kept in ``settings.json`` beside the models a person added.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.files import whole_file
from engine.protocol import Task
from engine.runtime import registry
from engine.runtime.device import Device
from engine.runtime.errors import ModelError
from engine.runtime.manifest import ModelManifest
from engine.runtime.offload import KvType
from engine.runtime.options import EngineOptions, default_threads

logger = logging.getLogger(__name__)

SETTINGS_FILE = "settings.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ModelChoices:
    """Ids of models. default : for whatever has none of its own. tasks : by task. device : where all of them run.

    kv_type : how all of them keep keys and values.
    """

    default: str = registry.DEFAULT_MODEL
    tasks: Mapping[Task, str] = field(default_factory=dict)
    device: Device = field(default_factory=Device)
    kv_type: KvType = KvType.F16

    def of(self, task: Task | None) -> str:
        """The chosen model of a task, or of all."""
        return self.default if task is None else self.tasks.get(task, self.default)

    def with_choice(self, model: str, task: Task | None) -> ModelChoices:
        """These with another model for a task, or by default; what is the same as the default is not a choice."""
        tasks = dict(self.tasks)
        if task is None:
            return replace(self, default=model, tasks={t: id for t, id in tasks.items() if id != model})
        tasks.pop(task, None)
        if model != self.default:
            tasks[task] = model
        return replace(self, tasks=tasks)

    def without(self, model: str) -> ModelChoices:
        """These without a model that is gone."""
        default = registry.DEFAULT_MODEL if self.default == model else self.default
        return replace(
            self, default=default, tasks={t: id for t, id in self.tasks.items() if id not in (model, default)}
        )


def _path() -> Path:
    return registry.model_folders()[0] / SETTINGS_FILE


def read_choices() -> ModelChoices:
    """The person's choices. Raises `ModelError` naming the file when it cannot be read as such."""
    path = _path()
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ModelChoices()
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the choice of models in {path}: {error}") from error
    if not isinstance(said, dict) or said.get("format") != _FORMAT:
        raise ModelError(f"the choice of models in {path} was written by another version: delete the file")
    default, tasks, device = said.get("default"), said.get("tasks"), said.get("device", str(Device()))
    kv_type = said.get("kv_type", KvType.F16.value)
    texts = isinstance(device, str) and isinstance(kv_type, str)
    if not isinstance(default, str) or not isinstance(tasks, dict) or not texts:
        raise ModelError(f"the choice of models in {path} is damaged: delete the file")
    known = {task.value: task for task in Task}
    chosen = {known[name]: id for name, id in tasks.items() if name in known}
    return ModelChoices(default, chosen, Device.parse(device), KvType.parse(kv_type))


def write_choices(choices: ModelChoices) -> None:
    """Keep the person's choices. Raises `ModelError` when the file cannot be written."""
    path = _path()
    data = {
        "format": _FORMAT,
        "default": choices.default,
        "tasks": {task.value: model for task, model in choices.tasks.items()},
        "device": str(choices.device),
        "kv_type": choices.kv_type.value,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelError(f"cannot write the choice of models to {path}: {error.strerror}") from error


def choose_model(model: str, task: Task | None = None) -> ModelManifest:
    """Make a registered model the one for a task, or for all. Raises `ModelError` for an unknown one."""
    manifest = registry.find_model(model)
    write_choices(read_choices().with_choice(manifest.id, task))
    return manifest


def chosen_device() -> Device:
    """Where models run. Raises `ModelError` when the choices cannot be read."""
    return read_choices().device


def chosen_options(
    device: Device | None = None,
    kv_type: KvType | None = None,
    *,
    threads: int | None = None,
    gpu_layers: int | None = None,
) -> EngineOptions:
    """How a model is to run; what is None is the person's choice. Raises `ModelError` when that cannot be read."""
    if device is None or kv_type is None:
        choices = read_choices()
        device, kv_type = device or choices.device, kv_type or choices.kv_type
    return EngineOptions(threads or default_threads(), device, kv_type, gpu_layers=gpu_layers)


def chosen_model(task: Task | None = None) -> ModelManifest:
    """The model for a task, or for all.

    A chosen one that is not there any more is replaced by the starter, with a warning in the log that names it.
    Raises `ModelError` when the choices or the model cannot be read.
    """
    wanted = read_choices().of(task)
    known = {model.id: model for model in registry.list_models()}
    if wanted in known:
        return known[wanted]
    logger.warning("the chosen model %s is not registered any more: %s is used", wanted, registry.DEFAULT_MODEL)
    return registry.find_model()
