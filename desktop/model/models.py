"""The registered models: which there are, which answers what, whether their files are sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from desktop.model.asking import AskingModel
from desktop.model.jobs import Job, JobRunner
from engine.errors import MedRegAError
from engine.protocol import Task
from engine.runtime import (
    AdapterManifest,
    Device,
    KvType,
    ModelManifest,
    Session,
    check_gguf,
    choose_model,
    is_removable,
    list_adapters,
    list_models,
    read_choices,
    remove_model,
    verify_files,
    write_choices,
)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model as the manager shows it. tasks : those that it answers although it is not the default."""

    manifest: ModelManifest
    is_default: bool
    tasks: tuple[Task, ...]
    removable: bool


class ModelsModel(QObject):
    """changed : models, or which answers what. failed : a message. checking : a job that verifies a model began.

    checked : a model's id; its files and its self-test are as they should be.
    """

    changed = Signal()
    failed = Signal(str)
    checking = Signal(object)
    checked = Signal(str)

    def __init__(self, asking: AskingModel, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._asking = asking
        self._jobs = jobs
        asking.model_changed.connect(self.changed)

    def rows(self) -> list[ModelRow]:
        """Every registered model, and the one in use where it is none of them."""
        try:
            choices = read_choices()
        except MedRegAError as error:
            self.failed.emit(str(error))
            return []
        current = self._asking.manifest
        models = list_models()
        if not any(one.folder == current.folder for one in models):
            models.append(current)
        return [
            ModelRow(
                model,
                model.folder == current.folder,
                tuple(task for task, id in choices.tasks.items() if id == model.id),
                is_removable(model) and model.folder != current.folder,
            )
            for model in models
        ]

    def card(self, manifest: ModelManifest) -> str:
        """The model's card in Markdown, "" where it has none."""
        try:
            return manifest.card.read_text(encoding="utf-8") if manifest.card.is_file() else ""
        except (OSError, UnicodeDecodeError) as error:
            return str(error)

    def adapters(self, manifest: ModelManifest) -> list[AdapterManifest]:
        """The LoRA adapters that were trained on a model."""
        return list_adapters(manifest)

    @property
    def adapter(self) -> AdapterManifest | None:
        """The adapter of the model that answers by default."""
        return self._asking.session.adapter

    def verify(self, manifest: ModelManifest) -> Job:
        """Compare a model's files with its manifest and let it pass its self-test, in the background."""

        def work(job: Job) -> str:
            verify_files(manifest, job)
            for role in ("text", "mmproj"):
                check_gguf(manifest.path(role))
            job.report(0, 0, "self-test")
            with Session(manifest) as session:
                session.start(job.cancelled)
            return manifest.id

        job = self._jobs.start(work)
        job.done.connect(lambda id: self.checked.emit(id))
        job.failed.connect(self.failed)
        self.checking.emit(job)
        return job

    def use(self, manifest: ModelManifest, task: Task | None = None) -> None:
        """Let a model answer by default, or one task alone; kept for the next start."""
        self._do(lambda: choose_model(manifest.id, task))
        self._follow()

    def release(self, task: Task) -> None:
        """Let the default model answer a task again."""
        self._do(lambda: write_choices(read_choices().with_choice(read_choices().default, task)))
        self._follow()

    @property
    def device(self) -> Device:
        """Where models run."""
        return self._asking.device

    def use_device(self, device: Device) -> None:
        """Let models run elsewhere; kept for the next start."""
        if self._do(lambda: write_choices(replace(read_choices(), device=device))):
            self._asking.run_as(device=device)

    @property
    def kv_type(self) -> KvType:
        """How models keep keys and values."""
        return self._asking.kv_type

    def use_kv_type(self, kv_type: KvType) -> None:
        """Let models keep keys and values otherwise; kept for the next start."""
        if self._do(lambda: write_choices(replace(read_choices(), kv_type=kv_type))):
            self._asking.run_as(kv_type=kv_type)

    def use_adapter(self, adapter: AdapterManifest | None) -> None:
        """Answer with an adapter of the default model, or with none; the base stays loaded."""
        self._do(lambda: self._asking.use_adapter(adapter))

    def remove(self, manifest: ModelManifest) -> None:
        """Delete an added model that is not in use, with its files."""
        if self._do(lambda: remove_model(manifest.id)):
            self._do(lambda: write_choices(read_choices().without(manifest.id)))
            self._follow()

    def _follow(self) -> None:
        """Have those answer that are chosen now."""
        try:
            choices = read_choices()
        except MedRegAError as error:
            self.failed.emit(str(error))
            return
        known = {model.id: model for model in list_models()}
        of_tasks = {task: known[id] for task, id in choices.tasks.items() if id in known}
        self._do(lambda: self._asking.use_models(known.get(choices.default, self._asking.manifest), of_tasks))

    def _do(self, deed: Callable[[], object]) -> bool:
        try:
            deed()
        except MedRegAError as error:
            self.failed.emit(str(error))
            return False
        return True
