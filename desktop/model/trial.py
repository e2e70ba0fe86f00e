"""Two adapters compared on a person's next regions: which can be, what came of it so far, which is used then."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.asking import AskingModel
from desktop.model.gate_report import GateReport
from desktop.model.jobs import Job, JobRunner
from desktop.model.reader import ReaderModel
from desktop.model.regions import RegionsModel
from desktop.model.training_folder import ADAPTER_FOLDER, RunRow
from desktop.model.training_run import TrainingModel
from engine.errors import MedRegAError
from engine.feedback.judges import KEPT_REPORT
from engine.running_trial import RunningTrial, begin_trial, end_trial, running_trial
from engine.runtime import AdapterManifest, ModelError, ModelManifest, list_adapters, promote_adapter, roll_back
from engine.shadow import ShadowSummary, ShadowTrial
from engine.store import AnnotationStore

logger = logging.getLogger(__name__)

_LATER_MS = 300


@dataclass(frozen=True, slots=True)
class TrialChoice:
    """What can be compared. adapter : None for the model alone. run : the training that it lies in, None elsewhere.

    trained : when, ISO 8601 UTC, "" where that is not known. passed : its comparison with what is in use was passed.
    """

    adapter: AdapterManifest | None
    run: Path | None = None
    trained: str = ""
    passed: bool = False

    @property
    def id(self) -> str:
        """ "" for the model alone."""
        return "" if self.adapter is None else self.adapter.id


@dataclass(frozen=True, slots=True)
class _Seen:
    choices: tuple[TrialChoice, ...]
    running: RunningTrial | None = None
    summary: ShadowSummary | None = None
    problem: str = ""


class TrialModel(QObject):
    """changed : whether one runs, what came of it, or what can be compared. failed : a message. decided : one of the
    two is used now, or none was chosen.

    running : the trial, also when all its regions are named. summary : what came of it. problem : why the one that runs
    cannot go on, "" when it can. choices : what can be compared: the model alone, then the newest adapter first.
    """

    changed = Signal()
    failed = Signal(str)
    decided = Signal()

    def __init__(
        self,
        store: AnnotationStore,
        asking: AskingModel,
        regions: RegionsModel,
        training: TrainingModel,
        reader: ReaderModel,
        jobs: JobRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._path = store.path
        self._asking = asking
        self._training = training
        self._reader = reader
        self._jobs = jobs
        self._job: Job | None = None
        self.deciding = False
        self.choices: tuple[TrialChoice, ...] = (TrialChoice(None),)
        self.running: RunningTrial | None = None
        self.summary: ShadowSummary | None = None
        self.problem = ""
        self._later = QTimer(self, singleShot=True, interval=_LATER_MS)
        self._later.timeout.connect(self.refresh)
        regions.changed.connect(self._count_later)
        training.changed.connect(self.refresh)
        training.switched.connect(self._switched)
        training.failed.connect(self._not_switched)
        asking.model_changed.connect(self._follow)

    @property
    def manifest(self) -> ModelManifest:
        """The model that both are adapters of."""
        return self._asking.manifest

    @property
    def in_use(self) -> str:
        """Id of what answers now, "" for the model alone."""
        return self._training.in_use

    @property
    def is_over(self) -> bool:
        """Whether as many regions are named as were wanted."""
        running, summary = self.running, self.summary
        return running is not None and summary is not None and summary.regions >= running.regions

    def choice(self, id: str) -> TrialChoice | None:
        """What can be compared, by its id; None when it is gone."""
        return next((one for one in self.choices if one.id == id), None)

    def refresh(self) -> None:
        """Look at the disk and the database anew."""
        manifest, path, rows = self.manifest, self._path, self._training.rows
        in_use = self.in_use

        def work(job: Job) -> _Seen:
            choices = tuple(_choices(manifest, rows, in_use))
            try:
                running = running_trial(manifest)
            except MedRegAError as error:
                return _Seen(choices, problem=str(error))
            if running is None:
                return _Seen(choices)
            with AnnotationStore.open(path) as store:
                return _Seen(choices, running, running.summary(store, manifest))

        job = self._job = self._jobs.start(work)
        job.done.connect(lambda seen: self._show(seen) if job is self._job else None)
        job.failed.connect(self.failed)

    def begin(self, first: TrialChoice, second: TrialChoice, regions: int) -> None:
        """Let both name the next regions."""
        manifest, who, trial = self.manifest, self._reader.name, ShadowTrial(first.adapter, second.adapter)
        job = self._jobs.start(lambda job: begin_trial(manifest, trial, regions, who))
        job.failed.connect(self.failed)
        job.finished.connect(self.refresh)

    def needs_reason(self, id: str) -> bool:
        """Whether one that was compared is only used with a reason: its gate did not pass, and it is not in use."""
        choice = self.choice(id)
        return bool(id) and id != self._training.in_use and not (choice is not None and choice.passed)

    def use(self, id: str, reason: str = "") -> None:
        """End the trial and answer with one of the two. reason : see `needs_reason`; kept in the history."""
        running, summary, choice = self.running, self.summary, self.choice(id)
        if self.deciding or self._training.switching or running is None or summary is None:
            return
        if id == self._training.in_use:
            self.end()
            return
        self.deciding = True
        self.changed.emit()
        if choice is not None and choice.run is not None:
            self._training.promote(choice.run, reason, overridden=not choice.passed)
            return
        manifest, who = self.manifest, self._reader.name
        adapter = next(one for one in (running.trial.first, running.trial.second) if (one.id if one else "") == id)
        facts = {"trial": summary.to_json(), "overridden": self.needs_reason(id)}

        def work(job: Job) -> None:
            if adapter is None:
                roll_back(manifest, who, reason=reason, to_base=True)
            else:
                promote_adapter(adapter, manifest, who, reason=reason, facts=facts)

        job = self._jobs.start(work)
        job.done.connect(lambda _: self._training.has_switched())
        job.failed.connect(self.failed)
        job.failed.connect(self._not_switched)

    def end(self) -> None:
        """End the trial; what is in use stays."""
        manifest = self.manifest
        self._asking.trial = None
        job = self._jobs.start(lambda job: end_trial(manifest))
        job.failed.connect(self.failed)
        job.done.connect(lambda _: self.decided.emit())
        job.finished.connect(self.refresh)

    def _show(self, seen: _Seen) -> None:
        self.choices, self.running, self.summary = seen.choices, seen.running, seen.summary
        self.problem = seen.problem
        asks_both = self.running is not None and not self.is_over
        self._asking.trial = self.running.trial if self.running is not None and asks_both else None
        self.changed.emit()

    def _count_later(self) -> None:
        if self.running is not None:
            self._later.start()

    def _switched(self) -> None:
        if self.deciding:
            self.deciding = False
            self.end()

    def _not_switched(self, _: str) -> None:
        if self.deciding:
            self.deciding = False
            self.changed.emit()

    def _follow(self) -> None:
        """Another model may answer now, which no trial is known of yet."""
        self._asking.trial = None
        self.running, self.summary, self.problem = None, None, ""
        self.refresh()


def _choices(manifest: ModelManifest, rows: Sequence[RunRow], in_use: str) -> Iterator[TrialChoice]:
    yield TrialChoice(None)
    kept = {one.id: one for one in list_adapters(manifest)}
    for row in rows:
        if row.adapter:
            passed = row.has_passed(in_use)
            try:
                adapter = kept.pop(row.adapter, None) or AdapterManifest.read(row.folder / ADAPTER_FOLDER)
            except ModelError as error:
                logger.warning("%s", error)
                continue
            yield TrialChoice(adapter, row.folder, row.plan.created, passed)
    for one in kept.values():
        yield TrialChoice(one, passed=_passed_elsewhere(one, in_use))


def _passed_elsewhere(adapter: AdapterManifest, in_use: str) -> bool:
    """By the gate's report that lies in its folder, as it came or was kept, and not by what the adapter says of itself:
    the report must be of these very weights, in comparison with what answers now.
    """
    file = adapter.folder / KEPT_REPORT
    if not file.is_file():
        return False
    try:
        report = GateReport.read(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("the gate's report %s cannot be read: %s", file, error)
        return False
    return report.adapter_sha256 == adapter.file.sha256 and report.has_passed(in_use)
