"""Looking for names on many slices in the background, one question after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.asking import AskingModel
from desktop.model.jobs import Job
from desktop.model.open_scan import OpenScan
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from engine.found import known_regions, labels_named, names_to_ask, without_known
from engine.protocol import Language, Task
from engine.regions import Label
from engine.scans import Plane, Window
from engine.store import AnnotationStore, RegionRow, StoreError, study_uid_of
from engine.suggest import Suggestion, suggest


@dataclass(frozen=True, slots=True)
class FoundAll:
    """What came of it. left : slices that were not looked at, because it was stopped."""

    looked_at: int
    regions: int
    left: int


@dataclass(slots=True)
class _Run:
    """job : what the status line shows and cancels. waiting : slices to look at, nearest first."""

    job: Job
    scan: OpenScan
    plane: Plane
    window: Window | None
    language: Language
    names: tuple[Label, ...]
    waiting: list[int]
    total: int
    question: Job | None = None
    looked_at: int = 0
    rows: list[RegionRow] = field(default_factory=list)


class FindAllModel(QObject):
    """started : a job to show. changed : it goes on, or has ended. done : a `FoundAll`. failed : a message.

    A person's own question comes first: the one in work is given up for it and put again afterwards. What is found is
    kept slice by slice, and stays when it is stopped.
    """

    started = Signal(object)
    changed = Signal()
    done = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        store: AnnotationStore,
        viewing: ViewingModel,
        regions: RegionsModel,
        asking: AskingModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        self._asking = asking
        self._run: _Run | None = None
        asking.started.connect(self._give_way)
        # Later: `idle` also comes right before a person's next question.
        asking.idle.connect(self._next_later)
        asking.unusable.connect(lambda _: self.cancel())
        viewing.opened.connect(self._other_scan)

    @property
    def running(self) -> bool:
        """Whether slices are being looked at."""
        return self._run is not None

    @property
    def progress(self) -> tuple[int, int, int]:
        """Slices done, slices in all, regions found so far; zeros when nothing runs."""
        run = self._run
        return (0, 0, 0) if run is None else (run.total - len(run.waiting), run.total, len(run.rows))

    def start(self, names: Sequence[str]) -> bool:
        """Look for names on every slice of the active view's plane that has been read; False when it cannot be.

        A slice that has a region of a name already, or had one that was deleted, is not asked about that name.
        """
        state = self._viewing.active
        scan = state.scan
        if self._run is not None or scan is None or not names:
            return False
        if self._store.readings.is_blind(scan.volume.source, scan.volume.series_uid, self._regions.who):
            self.failed.emit(self.tr("You are the second reader of this scan: the model is asked after you submit"))
            return False
        here = state.index
        slices = [index for index in range(state.slice_count) if scan.has_slice(state.plane, index)]
        slices.sort(key=lambda index: (abs(index - here), index))
        labels = tuple(labels_named(names, self._asking.labels))
        # Never run: it stands for all the questions, on the status line.
        job = Job(lambda _: None, self)
        self._run = _Run(job, scan, state.plane, scan.window, self._asking.language, labels, slices, total=len(slices))
        self.started.emit(job)
        self.changed.emit()
        self._next_later()
        return True

    def cancel(self) -> None:
        """Stop; what was found stays."""
        run = self._run
        if run is not None:
            run.job.cancel()
            if run.question is not None:
                run.question.cancel()
            else:
                self._end()

    def _give_way(self) -> None:
        if self._run is not None and self._run.question is not None:
            self._run.question.cancel()

    def _other_scan(self) -> None:
        if self._run is not None and self._run.scan is not self._viewing.current:
            self.cancel()

    def _next_later(self) -> None:
        QTimer.singleShot(0, self, self._next)

    def _next(self) -> None:
        run = self._run
        if run is None or run.question is not None:
            return
        if run.job.cancelled():
            self._end()
            return
        if self._asking.asking:
            return
        names: list[Label] = []
        while run.waiting and not names:
            names = names_to_ask(run.names, self._known(run, run.waiting[0]))
            if not names:
                run.waiting.pop(0)
        if not run.waiting:
            self._end()
            return
        self._ask(run, run.waiting[0], [label.id or label.en for label in names])

    def _ask(self, run: _Run, index: int, names: Sequence[str]) -> None:
        session = self._asking.session_for(Task.TEXT_TO_REGION)
        labels, volume = self._asking.labels, run.scan.volume

        def work(job: Job) -> Suggestion:
            return suggest(
                session,
                volume,
                run.plane,
                index,
                run.window,
                task=Task.TEXT_TO_REGION,
                language=run.language,
                names=names,
                labels=labels,
                cancelled=lambda: job.cancelled() or run.job.cancelled(),
            )

        run.question = self._asking.run(work)
        run.question.done.connect(lambda suggestion: self._arrived(run, suggestion))
        run.question.cancelled_.connect(lambda: self._given_up(run))
        run.question.failed.connect(lambda message: self._failed(run, message))

    def _known(self, run: _Run, index: int) -> list[RegionRow]:
        volume, who = run.scan.volume, self._regions.who
        return known_regions(self._store, volume.source, volume.series_uid, run.plane, index, who)

    def _arrived(self, run: _Run, suggestion: Suggestion) -> None:
        if run is not self._run:
            return
        run.question = None
        index = suggestion.image.slice
        try:
            fresh = without_known(suggestion, self._known(run, index))
            found = self._store.record_found(fresh, study_uid_of(run.scan.volume), self._regions.who)
        except StoreError as error:
            self._failed(run, str(error))
            return
        run.rows += [row for row, _ in found]
        run.waiting.remove(index)
        run.looked_at += 1
        run.job.report(run.total - len(run.waiting), run.total, "slices")
        self.changed.emit()
        if found:
            self._regions.edited.emit()
            if any(row.image_id == self._regions.image_id for row, _ in found) or self._is_on_screen(run, index):
                self._regions.refresh()
        self._next_later()

    def _is_on_screen(self, run: _Run, index: int) -> bool:
        return any(
            state.scan is run.scan and state.plane is run.plane and state.index == index
            for state in self._viewing.all_states
        )

    def _given_up(self, run: _Run) -> None:
        if run is self._run:
            run.question = None
            self._next_later()

    def _failed(self, run: _Run, message: str) -> None:
        if run is self._run:
            run.question = None
            self.failed.emit(message)
            self._end()

    def _end(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        if run.rows and run.scan is self._viewing.current:
            self._regions.adopt(run.rows)
        run.job.finished.emit()
        run.job.deleteLater()
        self.changed.emit()
        self.done.emit(FoundAll(run.looked_at, len(run.rows), len(run.waiting)))
