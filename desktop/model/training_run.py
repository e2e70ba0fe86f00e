"""The feedback loop as the window drives it: runs, each of them a few child processes, and which adapter is in use."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal

from desktop.model.asking import AskingModel
from desktop.model.feedback_child import ChildEnd, ChildEvent, FeedbackChild
from desktop.model.jobs import Job, JobRunner
from desktop.model.reader import ReaderModel
from desktop.model.run_lock import take_run
from desktop.model.training_advice import TrainingAdvice
from desktop.model.training_folder import (
    CurvePoint,
    RunError,
    RunOptions,
    RunPlan,
    RunRow,
    Step,
    add_points,
    discard_run,
    is_unjudged,
    keep_frozen,
    new_run,
    next_step,
    put_report_aside,
    read_curve,
    read_runs,
    step_arguments,
)
from engine.errors import MedRegAError
from engine.runtime import ModelError, ModelManifest, Switch, adapter_in_use, read_history, roll_back
from engine.store import AnnotationStore

logger = logging.getLogger(__name__)

_CLOSING_MS = 5_000
_LOSSES = ("step", "validation")


@dataclass(frozen=True, slots=True)
class Live:
    """The run in work. done, total : of the step, total 0 where it is not known. eta_s : None before it can be told.

    stopping : it was asked to stop and ends what it is at.
    """

    folder: Path
    step: Step
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    rows: tuple[RunRow, ...]
    history: tuple[Switch, ...]
    in_use: str
    trouble: str


class TrainingModel(QObject):
    """changed : runs, which of them is in work, or what is in use. progressed : of the one in work. failed : a message.

    troubled : a message, once: the adapter in use is gone or cannot be read.
    finished : a run's folder; its gate has said what it thinks. switched : another adapter answers, or none.

    rows : runs on the model that answers by default, newest first. history : its switches, oldest first. in_use : id of
    its promoted adapter, "" for none. trouble : what is wrong with that, "" when it can be loaded.
    """

    changed = Signal()
    progressed = Signal()
    failed = Signal(str)
    troubled = Signal(str)
    finished = Signal(object)
    switched = Signal()

    def __init__(
        self,
        store: AnnotationStore,
        asking: AskingModel,
        reader: ReaderModel,
        jobs: JobRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._asking = asking
        self._reader = reader
        self._advice = TrainingAdvice(self)
        self._jobs = jobs
        self.rows: tuple[RunRow, ...] = ()
        self.history: tuple[Switch, ...] = ()
        self.in_use = ""
        self.trouble = ""
        self.live: Live | None = None
        self._points: list[CurvePoint] = []
        self._worked_on: Path | None = None
        self._then: Callable[[], object] | None = None
        self._child: FeedbackChild | None = None
        self._promoting: FeedbackChild | None = None
        self._lock: QLockFile | None = None
        self._discards = False
        self._counted_from = (0.0, 0)
        self._job: Job | None = None
        asking.model_changed.connect(self.refresh)

    @property
    def manifest(self) -> ModelManifest:
        """The model that corrections are for: the one that answers by default."""
        return self._asking.manifest

    @property
    def answering(self) -> str:
        """Id of the adapter that this window's questions are answered with, "" for none: a person may have chosen
        another than is in use.
        """
        adapter = self._asking.session.adapter
        return (adapter.id if adapter else "") if self._asking.chosen_by_hand else self.in_use

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """The losses of the run in work, or of the one that was last."""
        return tuple(self._points)

    def curve_of(self, row: RunRow) -> tuple[CurvePoint, ...]:
        """The losses of a run, also those that came since the disk was looked at."""
        return self.curve if row.folder == self._worked_on else row.curve

    @property
    def child_pid(self) -> int:
        """The process of the step in work, 0 for none."""
        return 0 if self._child is None else self._child.pid

    @property
    def promoting_pid(self) -> int:
        """The process that promotes an adapter, 0 for none."""
        return 0 if self._promoting is None else self._promoting.pid

    @property
    def switching(self) -> bool:
        """Whether an adapter is being promoted."""
        return self._promoting is not None

    def refresh(self) -> None:
        """Look at the disk anew."""
        manifest = self.manifest

        def work(job: Job) -> _Seen:
            rows = tuple(read_runs(manifest.sha256))
            history = tuple(one for one in read_history() if one.base == manifest.sha256)
            trouble = ""
            try:
                adapter_in_use(manifest)
            except ModelError as error:
                # Runs and history are what a person needs now: to go back is the remedy.
                trouble = str(error)
            return _Seen(rows, history, history[-1].adapter if history else "", trouble)

        job = self._job = self._jobs.start(work)
        job.done.connect(lambda seen: self._show(seen) if job is self._job else None)
        job.failed.connect(self.failed)
        job.failed.connect(lambda _: self._show(None) if job is self._job else None)

    def _show(self, seen: _Seen | None) -> None:
        if seen is not None:
            self.rows, self.history, self.in_use = seen.rows, seen.history, seen.in_use
            told, self.trouble = self.trouble, seen.trouble
            if self.trouble and self.trouble != told:
                self.troubled.emit(self.trouble)
        then, self._then = self._then, None
        if then is not None:
            self._rest()
        self.changed.emit()
        if then is not None:
            then()

    def start(self, options: RunOptions) -> None:
        """Freeze what was decided, train on it, and let the gate judge."""
        if self.live is not None:
            self.failed.emit(self.tr("Another training is running: pause or discard it first."))
            return
        manifest = self.manifest
        try:
            folder = new_run(manifest.folder, manifest.sha256, self._store.path, options)
        except RunError as error:
            self.failed.emit(str(error))
            return
        self.resume(folder)

    def resume(self, folder: Path, *, unjudged: bool = False) -> None:
        """Go on with a run where it was stopped. unjudged : train although too few patients are held out."""
        if self._take(folder):
            self._go_on(folder, unjudged=unjudged)
            self.refresh()

    def judge_again(self, folder: Path) -> None:
        """Compare a finished run's adapter with what is in use now."""
        if not self._take(folder):
            return
        try:
            put_report_aside(folder)
        except OSError as error:
            text = self.tr("The report of this training cannot be put aside: {0}")
            self._fail(text.format(error.strerror))
            return
        self._go_on(folder)
        self.refresh()

    def _take(self, folder: Path) -> bool:
        """Make a run this window's to work on; says why not where it cannot be."""
        if self.live is not None:
            self.failed.emit(self.tr("Another training is running: pause or discard it first."))
            return False
        lock = take_run(folder)
        if lock is None:
            self.failed.emit(self.tr("Another window works on this training."))
            return False
        self._lock = lock
        self._points, self._worked_on = list(read_curve(folder)), folder
        return True

    def pause(self) -> None:
        """Let the run in work end its step and keep a checkpoint."""
        if self.live is not None and self._child is not None:
            self.live = replace(self.live, stopping=True)
            self._child.interrupt()
            self.progressed.emit()

    def discard(self, folder: Path) -> None:
        """Delete a run that nobody else works on; its snapshot and what was promoted of it stay."""
        if self.live is not None and self.live.folder == folder and self._child is not None:
            self._discards = True
            self.live = replace(self.live, stopping=True)
            self._child.kill()
            return
        job = self._jobs.start(lambda job: discard_run(folder))
        job.failed.connect(self.failed)
        job.finished.connect(self.refresh)

    def promote(self, folder: Path, reason: str = "", *, overridden: bool = True) -> None:
        """Answer with a run's adapter from the next question on.

        reason : needed where its gate did not pass. overridden : whether it is used although it did not.
        """
        if self._promoting is not None:
            return
        try:
            base = RunPlan.read(folder).base
        except RunError as error:
            self.failed.emit(str(error))
            return
        why = ["--reason", reason] if reason else []
        why += ["--override"] if reason and overridden else []
        words = ["promote", str(folder), "--base", str(base), "--who", self._reader.name, *why, "--json"]
        child = self._promoting = FeedbackChild(words, self)
        child.ended.connect(self._promoted)
        child.start()
        self.changed.emit()

    def roll_back(self, reason: str = "", *, to_base: bool = False) -> None:
        """Answer again with what was in use before. to_base : with the model alone, which is always there."""
        manifest, who = self.manifest, self._reader.name
        job = self._jobs.start(lambda job: roll_back(manifest, who, reason=reason, to_base=to_base))
        job.done.connect(lambda _: self.has_switched())
        job.failed.connect(self.failed)

    def close(self) -> None:
        """Stop what runs; it goes on where it was when the window is opened again."""
        for child in (self._child, self._promoting):
            if child is not None:
                child.close(_CLOSING_MS)
        self._rest()

    def _promoted(self, end: ChildEnd) -> None:
        self._promoting = None
        if end.code:
            self.failed.emit(end.message or self.tr("The training ended without a result."))
            self.changed.emit()
        else:
            self.has_switched()

    def has_switched(self) -> None:
        """Another adapter is in use than was, whoever saw to that."""
        # Its session follows what is promoted; the base stays loaded.
        self._asking.warm_up()
        self.switched.emit()
        self.refresh()

    def _go_on(self, folder: Path, *, unjudged: bool = False) -> None:
        """Begin a run's next step, or rest when there is none, or when a person is to say whether it is worth it."""
        try:
            plan = RunPlan.read(folder)
            step = next_step(folder, plan)
            if step is Step.DECIDE:
                self._settle(lambda: self.finished.emit(folder))
                return
            arguments = step_arguments(folder, plan, self._reader.name)
            if step is Step.TRAIN and is_unjudged(folder, plan) and not unjudged:
                self._fail(self._advice.too_few(plan))
                return
        except MedRegAError as error:
            self._fail(str(error))
            return
        self.live = Live(folder, step)
        child = self._child = FeedbackChild(arguments, self)
        child.told.connect(self._hear)
        child.progressed.connect(self._count)
        child.ended.connect(lambda end: self._ended(folder, plan, step, end))
        child.start()
        self.progressed.emit()

    def _hear(self, event: ChildEvent) -> None:
        live = self.live
        if live is None:
            return
        if event.steps:
            self.live = replace(live, done=event.step, total=event.steps, eta_s=event.eta_s or live.eta_s)
        if event.name in _LOSSES and event.loss is not None:
            point = CurvePoint(event.step, event.loss, event.name == "validation")
            self._points.append(point)
            try:
                add_points(live.folder, [point])
            except OSError as error:
                logger.warning("the curve of the run %s is not kept: %s", live.folder.name, error.strerror)
        self.progressed.emit()

    def _count(self, done: int, total: int, _what: str) -> None:
        live = self.live
        if live is None:
            return
        if total != live.total or done < live.done:
            # Another thing is counted now.
            self._counted_from = (time.monotonic(), done)
        began, first = self._counted_from
        if live.step is Step.TRAIN:
            # The training says itself how long it takes.
            eta_s = live.eta_s if total == live.total else None
        else:
            eta_s = (time.monotonic() - began) / (done - first) * (total - done) if done > first else None
        self.live = replace(live, done=done, total=total, eta_s=eta_s)
        self.progressed.emit()

    def _ended(self, folder: Path, plan: RunPlan, step: Step, end: ChildEnd) -> None:
        if self._child is not None:
            self._child.deleteLater()
        self._child = None
        stopped = self.live is not None and self.live.stopping
        try:
            if step is Step.FREEZE and not end.code and end.document is not None:
                keep_frozen(folder, plan, end.document)
            # The files tell, not the exit code: a gate that does not pass is no failure.
            done = next_step(folder, RunPlan.read(folder)) is not step
        except MedRegAError as error:
            self._fail(str(error))
            return
        if self._discards:
            self._rest()
            self.discard(folder)
        elif stopped:
            self._settle(lambda: None)
        elif done:
            self._go_on(folder)
            self.refresh()
        else:
            self._fail(end.message or self.tr("The training ended without a result."))

    def _fail(self, message: str) -> None:
        self._settle(lambda: self.failed.emit(message))

    def _settle(self, then: Callable[[], object]) -> None:
        """Rest, and then, once the disk was looked at: what is shown of the run is what came of it."""
        self._then = then
        self.refresh()

    def _rest(self) -> None:
        """Nothing is in work any more."""
        self._child, self.live, self._discards = None, None, False
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None
        self.progressed.emit()
