"""Looking for names on many slices in the background: all names of a slice together, one slice after the other."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from desktop.model.asking import AskingModel
from desktop.model.giving_way import GivingWay
from desktop.model.jobs import Job
from desktop.model.open_scan import OpenScan
from desktop.model.regions import RegionsModel
from desktop.model.slice_asking import SliceAskingModel
from desktop.model.viewing import ViewingModel
from engine.found import known_regions, labels_named, names_to_ask, without_known
from engine.protocol import Language, Task
from engine.regions import Label
from engine.scans import Plane, Window
from engine.store import AnnotationStore, RegionRow, StoreError, study_uid_of
from engine.suggest import Suggestion, suggest_each

_RECENT = 9
"""The last slices, of whose times the rest is reckoned: the first ones tell of loading and of an empty cache."""


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
    asked_at: float = 0.0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    looked_at: int = 0
    rows: list[RegionRow] = field(default_factory=list)


class FindAllModel(QObject):
    """started : a job to show. changed : it goes on, or has ended. done : a `FoundAll`. failed : a message.

    Every name is a question of its own, and those of a slice are answered together: what is found of one has no part
    in the others. A person's own question comes first: the slice in work is given up for it and put again afterwards.
    What is found is kept slice by slice, and stays when it is stopped.
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
        questions: SliceAskingModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        self._asking = asking
        self._questions = questions
        self._run: _Run | None = None
        self._way = GivingWay(asking, self)
        self._way.free.connect(self._next)
        questions.started.connect(self._way.give_way)
        questions.idle.connect(self._way.later)
        asking.unusable.connect(lambda _: self.cancel())
        # The slice in work is put to the other one.
        asking.model_changed.connect(self._way.give_way)
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

    @property
    def seconds_left(self) -> float | None:
        """How long the rest may take; None while that cannot be told, and when nothing runs."""
        run = self._run
        if run is None or not run.seconds:
            return None
        return statistics.median(run.seconds) * len(run.waiting)

    def start(self, names: Sequence[str]) -> bool:
        """Look for names on every slice of the active view's plane that has been read; False when it cannot be.

        A slice that has a region of a name already, or had one that was deleted, is not asked about that name.
        """
        state = self._viewing.active
        scan = state.scan
        if self._run is not None or scan is None or not names:
            return False
        if self._asking.refusal:
            self.failed.emit(self._asking.refusal)
            return False
        here = state.index
        slices = [index for index in range(state.slice_count) if scan.has_slice(state.plane, index)]
        slices.sort(key=lambda index: (abs(index - here), index))
        labels = tuple(labels_named(names, self._asking.labels_for(Task.TEXT_TO_REGION)))
        # Never run: it stands for all the questions, on the status line.
        job = Job(lambda _: None, self)
        self._run = _Run(job, scan, state.plane, scan.window, self._asking.language, labels, slices, total=len(slices))
        self.started.emit(job)
        self.changed.emit()
        self._way.later()
        return True

    def cancel(self) -> None:
        """Stop; what was found stays."""
        run = self._run
        if run is not None:
            run.job.cancel()
            if self._way.working:
                self._way.give_way()
            else:
                self._end()

    def _other_scan(self) -> None:
        if self._run is not None and self._run.scan is not self._viewing.current:
            self.cancel()

    def _next(self) -> None:
        run = self._run
        if run is None or self._way.working:
            return
        if run.job.cancelled():
            self._end()
            return
        if self._way.must_wait or self._questions.busy:
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
        labels, volume = self._asking.labels_for(Task.TEXT_TO_REGION), run.scan.volume

        def work(job: Job) -> tuple[Suggestion, ...]:
            return suggest_each(
                session,
                volume,
                run.plane,
                index,
                run.window,
                language=run.language,
                names=names,
                labels=labels,
                cancelled=lambda: job.cancelled() or run.job.cancelled(),
            )

        run.asked_at = time.monotonic()
        self._way.put(work, lambda answers: self._arrived(run, index, answers), self._failed)

    def _known(self, run: _Run, index: int) -> list[RegionRow]:
        volume, who = run.scan.volume, self._regions.who
        return known_regions(self._store, volume.source, volume.series_uid, run.plane, index, who)

    def _arrived(self, run: _Run, index: int, answers: Sequence[Suggestion]) -> None:
        run.seconds.append(time.monotonic() - run.asked_at)
        try:
            known = self._known(run, index)
            fresh = [without_known(answer, known) for answer in answers]
            found = self._store.drawing.record_found_many(fresh, study_uid_of(run.scan.volume), self._regions.who)
        except StoreError as error:
            self._failed(str(error))
            return
        run.rows += [row for row, _ in found]
        run.waiting.remove(index)
        run.looked_at += 1
        run.job.report(run.total - len(run.waiting), run.total, "slices")
        self.changed.emit()
        if found:
            self._regions.edited.emit()
        if self._is_on_screen(run, index):
            self._regions.refresh()
        self._way.later()

    def _is_on_screen(self, run: _Run, index: int) -> bool:
        return any(
            state.scan is run.scan and state.plane is run.plane and state.index == index
            for state in self._viewing.all_states
        )

    def _failed(self, message: str) -> None:
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
