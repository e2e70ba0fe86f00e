"""Questions to the model: asked off the GUI thread, answers shown only where they belong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import Job, JobRunner
from desktop.model.looking_ahead import LookingAhead
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from engine.labels import LabelScheme
from engine.protocol import Language, Task
from engine.regions import LabelSet
from engine.runtime import (
    AdapterManifest,
    Device,
    EngineEvent,
    KvType,
    ModelManifest,
    Session,
    list_models,
    taught_labels,
)
from engine.shadow import BothAnswers, ShadowTrial, ask_both
from engine.store import StoreError
from engine.suggest import ImageRef, Suggestion, suggest


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an answer must still fit when it comes. root_id : None for a question about the whole slice."""

    number: int
    root_id: int | None


class AskingModel(QObject):
    """started : a job. answered : the region's root id, or -1 for the slice. engine_event : an `EngineEvent`.

    refused : the model may not be asked, and why. not_found : names that the answer says are not in the slice.
    already : what was found is known. unreadable : where something is was asked, and the answer says nothing of it.
    untrained : a model's name that was asked what it never learnt.
    idle : nothing is being asked. unusable : the model cannot be loaded, and why. model_changed : another answers.

    manifest : of the model that answers by default. trial : two adapters of it that name each region together, one
    of them seen; None while one adapter answers alone.
    binding : the label set, if any, that a region's name is to be of. chosen_by_hand : the adapter that answers was
    chosen by a person, and is not the one that was promoted last; so until the next promotion.
    """

    started = Signal(object)
    answered = Signal(int)
    not_found = Signal(str)
    already = Signal()
    unreadable = Signal()
    untrained = Signal(str)
    idle = Signal()
    engine_event = Signal(object)
    failed = Signal(str)
    refused = Signal(str)
    unusable = Signal(str)
    model_changed = Signal()

    def __init__(
        self,
        manifest: ModelManifest,
        viewing: ViewingModel,
        regions: RegionsModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.manifest = manifest
        self._labels: dict[Path, LabelSet] = {manifest.folder: manifest.labels()}
        self.language = Language.EN
        self.trial: ShadowTrial | None = None
        self.binding: Callable[[], LabelScheme | None] = lambda: None
        self._viewing = viewing
        self._regions = regions
        self._numbers = itertools.count(1)
        self._current: tuple[_Asked, Job] | None = None
        # One thread: the newest question cancels the one before it.
        self._jobs = JobRunner(1, self)
        # The person's own choice, kept, when None.
        self._device: Device | None = None
        self._kv_type: KvType | None = None
        self.session = self._new_session(manifest)
        self._shown_adapter: AdapterManifest | None = None
        self._unusable = False
        self.chosen_by_hand = False
        self._of_tasks: dict[Task, ModelManifest] = {}
        self._others: dict[Path, Session] = {}
        # Read once: each turn to a slice asks for them.
        self._known: list[ModelManifest] | None = None
        regions.drawn.connect(self.ask_region)
        viewing.slice_changed.connect(self.cancel)
        # A person who reads blind gives the model nothing to do.
        self.ahead = LookingAhead(
            viewing,
            lambda: self.session_for(Task.REGION_TO_TEXT),
            lambda: self.language,
            lambda: not (self.asking or self.refusal),
            self,
        )
        self.started.connect(self.ahead.stop)
        self.idle.connect(self.ahead.later)

    def _tell(self, event: EngineEvent) -> None:
        # Called on the asking thread: a signal crosses over.
        self.engine_event.emit(event)

    def _new_session(self, manifest: ModelManifest) -> Session:
        return Session(manifest, device=self._device, kv_type=self._kv_type, promoted=True, on_event=self._tell)

    def manifest_for(self, task: Task) -> ModelManifest:
        """The model that answers this task."""
        return self._of_tasks.get(task, self.manifest)

    def manifest_of(self, model_id: str, sha256: str) -> ModelManifest | None:
        """The model that gave an answer; None when it is not registered any more."""
        if self._known is None:
            self._known = [self.manifest, *self._of_tasks.values(), *list_models()]
        return next((one for one in self._known if (one.id, one.sha256) == (model_id, sha256)), None)

    @property
    def of_single_tasks(self) -> list[ModelManifest]:
        """The models that answer single tasks in place of the default one, each once."""
        return list({one.folder: one for one in self._of_tasks.values() if one != self.manifest}.values())

    def labels_for(self, task: Task) -> LabelSet:
        """The names that the model of this task was trained on, and its adapter."""
        folder = self.manifest_for(task).folder
        session = self.session if folder == self.manifest.folder else self._others.get(folder)
        adapter = session.adapter if session else None
        return taught_labels(self._labels[folder], adapter.labels if adapter else ())

    def own_labels(self, task: Task) -> LabelSet:
        """The names of the model of this task, without what an adapter was taught."""
        return self._labels[self.manifest_for(task).folder]

    @property
    def labels(self) -> LabelSet:
        """The names that the model can give a region."""
        return self.labels_for(Task.REGION_TO_TEXT)

    @property
    def allowed(self) -> LabelSet:
        """The names among which that of a region on screen is chosen now."""
        scheme = self.binding()
        if scheme is None:
            return self.labels
        wanted = {entry.label.id for entry in scheme}
        return LabelSet(label for label in self.labels if label.id in wanted)

    def session_for(self, task: Task) -> Session:
        """The session of the model that answers this task; one of its own is loaded with its first question."""
        manifest = self.manifest_for(task)
        if manifest == self.manifest:
            return self.session
        if manifest.folder not in self._others:
            self._others[manifest.folder] = self._new_session(manifest)
        return self._others[manifest.folder]

    def use_models(self, manifest: ModelManifest, of_tasks: Mapping[Task, ModelManifest]) -> None:
        """Let another model answer by default, and others for single tasks; the question in work is given up.

        Raises `MedRegAError`, and changes nothing, when the names of one cannot be read.
        """
        labels = {one.folder: one.labels() for one in (manifest, *of_tasks.values())}
        self.cancel()
        self._of_tasks, self._labels, self._known = dict(of_tasks), labels, None
        wanted = {one.folder for one in of_tasks.values()} - {manifest.folder}
        for folder in [folder for folder in self._others if folder not in wanted]:
            self._others.pop(folder).close()
        if manifest != self.manifest:
            old, self.session = self.session, self._new_session(manifest)
            old.close()
            self._shown_adapter, self.chosen_by_hand = None, False
            self.warm_up()
        self.manifest = manifest
        self.model_changed.emit()

    @property
    def device(self) -> Device:
        """Where the models run."""
        return self.session.options.device

    @property
    def kv_type(self) -> KvType:
        """How the models keep keys and values."""
        return self.session.options.kv_type

    def run_as(self, *, device: Device | None = None, kv_type: KvType | None = None) -> None:
        """Let the models run so from the next question on; the one that answers by default is loaded at once.

        What is None stays as it is.
        """
        self._device, self._kv_type = device or self._device, kv_type or self._kv_type
        for session in (self.session, *self._others.values()):
            session.run_as(device=device, kv_type=kv_type)
        self.warm_up()

    def use_adapter(self, adapter: AdapterManifest | None) -> None:
        """Answer with a LoRA adapter of the default model from the next question on. Raises `ModelError`."""
        self.session.use_adapter(adapter)
        self._shown_adapter = adapter
        self.chosen_by_hand = True
        self.model_changed.emit()

    def _tell_of_adapter(self) -> None:
        """The session follows what is promoted and rolled back, wherever that is done."""
        promoted = self.session.adapter != self._shown_adapter
        if promoted or self._unusable:
            self.chosen_by_hand = self.chosen_by_hand and not promoted
            self._shown_adapter, self._unusable = self.session.adapter, False
            self.model_changed.emit()

    def _cannot_load(self, message: str) -> None:
        self._unusable = True
        self.unusable.emit(message)

    def warm_up(self) -> None:
        """Load the model before the first question needs it."""
        session = self.session
        job = self._jobs.start(lambda job: session.start(job.cancelled))
        job.failed.connect(self._cannot_load)
        job.done.connect(self._tell_of_adapter)
        job.done.connect(self.ahead.later)

    @property
    def refusal(self) -> str:
        """Why the model cannot be asked about what is on screen; "" when it can."""
        if not self._regions.blind:
            return ""
        return self.tr("You read this scan blind: the model answers once every reader has submitted.")

    @property
    def asking(self) -> bool:
        """Whether a question waits for its answer."""
        return self._current is not None

    def is_asked(self, root_id: int) -> bool:
        """Whether this region is being asked about."""
        return self._current is not None and self._current[0].root_id == root_id

    def ask_region(self, root_id: int) -> None:
        """What is in this region?"""
        region = self._regions.region(root_id)
        if region is not None:
            self._ask(Task.REGION_TO_TEXT, root_id, self.allowed, box=region.box)

    def find(self, names: Sequence[str]) -> None:
        """Where are these on the slice on screen?"""
        self._ask(Task.TEXT_TO_REGION, None, self.labels_for(Task.TEXT_TO_REGION), names=tuple(names))

    def run(self, work: Callable[[Job], object]) -> Job:
        """Other work with the session, after the question in work; see `JobRunner.start`."""
        return self._jobs.start(work)

    def cancel(self) -> None:
        """Give up the question in work."""
        if self._current is not None:
            self._current[1].cancel()
            self._current = None
            self.idle.emit()

    def close(self) -> None:
        """End the model process."""
        self.cancel()
        self.ahead.close()
        for session in (self.session, *self._others.values()):
            session.close()
        self._jobs.stop()

    def _ask(self, task: Task, root_id: int | None, labels: LabelSet, **what: Any) -> None:
        viewing = self._viewing
        volume = viewing.volume
        if volume is None:
            return
        if self.refusal:
            self.refused.emit(self.refusal)
            return
        if not viewing.active.has_slice:
            self.failed.emit(self.tr("this slice is not read yet"))
            return
        if not len(labels):
            self.failed.emit(self.tr("The model knows none of the names of the label set that it is to choose from"))
            return
        self.cancel()
        asked = _Asked(next(self._numbers), root_id)
        plane, index, window, language = viewing.plane, viewing.index, viewing.window, self.language
        session = self.session_for(task)
        trial = self.trial if session is self.session else None
        # Else each of the two chooses among all that it knows.
        bound = self.binding() is not None

        def work(job: Job) -> Suggestion | BothAnswers:
            if trial is not None and root_id is not None:
                more = {"language": language, "cancelled": job.cancelled, **what}
                if bound:
                    more["labels"] = labels
                return ask_both(session, trial, root_id, volume, plane, index, window, **more)
            return suggest(
                session,
                volume,
                plane,
                index,
                window,
                task=task,
                language=language,
                labels=labels,
                cancelled=job.cancelled,
                **what,
            )

        job = self._jobs.start(work)
        self._current = (asked, job)
        job.done.connect(lambda said: self._arrived(asked, said))
        job.failed.connect(lambda message: self._failed(asked, message))
        self.started.emit(job)

    def _is_current(self, asked: _Asked) -> bool:
        return self._current is not None and self._current[0] == asked

    def _is_on_screen(self, image: ImageRef) -> bool:
        """Whether the active view shows this slice, through whatever window."""
        volume, viewing = self._viewing.volume, self._viewing
        if volume is None:
            return False
        shown = (volume.source, volume.series_uid, viewing.plane, viewing.index)
        return (image.path, image.series_uid, image.plane, image.slice) == shown

    def _arrived(self, asked: _Asked, said: Suggestion | BothAnswers) -> None:
        # A late answer is dropped: it belongs to a question, slice or region that is gone.
        if not self._is_current(asked):
            return
        self._current = None
        suggestion = said.shown if isinstance(said, BothAnswers) else said
        self._tell_of_adapter()
        if not suggestion.trained:
            self.untrained.emit(suggestion.model.id)
        fits = self._is_on_screen(suggestion.image)
        try:
            if not fits:
                pass
            elif asked.root_id is None:
                found = self._regions.keep_found(suggestion)
                if suggestion.regions and not found:
                    self.already.emit()
                elif suggestion.not_present:
                    self.not_found.emit(self._absent(suggestion))
                elif not suggestion.regions:
                    self.unreadable.emit()
                self.answered.emit(-1)
            elif self._regions.region(asked.root_id) is not None:
                self._regions.keep_suggestion(said, asked.root_id)
                self.answered.emit(asked.root_id)
        except StoreError as error:
            self.failed.emit(str(error))
        self.idle.emit()

    def _absent(self, suggestion: Suggestion) -> str:
        """The names that are not there, each with the probability that it is all the same, where the model tells."""
        there = {word: one.probability for one in suggestion.presence for word in (one.label, one.label_zh)}
        words = self.tr("{0} (probability of being here: {1})")
        return ", ".join(
            words.format(name, f"{there[name]:.0%}") if name in there else name for name in suggestion.not_present
        )

    def _failed(self, asked: _Asked, message: str) -> None:
        if self._is_current(asked):
            self._current = None
            self.failed.emit(message)
            self.idle.emit()
