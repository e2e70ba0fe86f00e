"""Questions about whole slices: asked off the GUI thread, seen as they are written, kept, and judged."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.asking import AskingModel
from desktop.model.giving_way import GivingWay
from desktop.model.jobs import Job
from desktop.model.open_scan import OpenScan
from desktop.model.regions import RegionsModel
from desktop.model.slice_question import COT_TASKS, SliceQuestion
from desktop.model.viewing import ViewingModel
from engine.answer_text import text_so_far
from engine.errors import MedRegAError
from engine.found import without_known
from engine.protocol import Located, Task
from engine.regional_cot import Arm, ask_by_regions
from engine.regions import LabelSet
from engine.report_lines import ReportLine, report_lines
from engine.runtime import EngineEvent, ModelManifest, Session, TextPiece
from engine.scans import Plane, Window
from engine.store import AnnotationStore, AnswerRow, DecisionKind, study_uid_of
from engine.suggest import Suggestion, suggest

_SHOW_EVERY_MS = 40
"""A small model writes faster than a screen can show."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What came of a question. found : the regions that it was asked with. look : the first of two passes."""

    answer: Suggestion
    found: tuple[Located, ...] = ()
    look: Suggestion | None = None


@dataclass(slots=True)
class SliceRun:
    """A question in work. job : what the status line shows and cancels. raw : what is written so far.

    waits : for a person's newer question about a region.
    """

    number: int
    job: Job
    question: SliceQuestion
    scan: OpenScan
    plane: Plane
    index: int
    window: Window | None
    manifest: ModelManifest
    waits: bool = True
    raw: str = ""


class SliceAskingModel(QObject):
    """started : a job to show. written : more of the answer is there, or it waits. answered : the `SliceRun`.

    idle : nothing is being asked. failed : a message. changed : other answers belong to the slice on screen.
    The answer belongs to the slice that was asked about, which may be left meanwhile. A newer question about a region
    comes first: the one in work is given up for it, and put again.
    """

    started = Signal(object)
    written = Signal()
    answered = Signal(object)
    idle = Signal()
    failed = Signal(str)
    changed = Signal()
    _piece = Signal(int, str)

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
        self._numbers = itertools.count(1)
        self.run: SliceRun | None = None
        self._show = QTimer(self, singleShot=True, interval=_SHOW_EVERY_MS)
        self._show.timeout.connect(self.written)
        self._piece.connect(self._add_piece)
        self._way = GivingWay(asking, self)
        self._way.given_up.connect(self._given_up)
        self._way.free.connect(self._go_on)
        asking.engine_event.connect(self._engine_said)
        asking.model_changed.connect(self.cancel)
        viewing.opened.connect(self._other_scan)
        regions.changed.connect(self.changed)

    @property
    def busy(self) -> bool:
        """Whether a question is in work, or waits to go on."""
        return self.run is not None

    @property
    def text(self) -> str:
        """What is written so far, as people read it."""
        run = self.run
        if run is None:
            return ""
        return text_so_far(run.raw, run.question.task, run.question.language, run.manifest)

    def ask(self, question: SliceQuestion) -> bool:
        """Ask about the slice on screen, in place of what is in work; False when it cannot be asked."""
        state = self._viewing.active
        scan = state.scan
        if self._asking.refusal:
            self._asking.refused.emit(self._asking.refusal)
            return False
        if scan is None or not state.has_slice:
            self.failed.emit(self.tr("There is no slice to ask about"))
            return False
        self.cancel()
        # Never run: it stands for the question, on the status line, however often that is put.
        job = Job(lambda _: None, self)
        manifest = self._asking.manifest_for(question.task)
        number = next(self._numbers)
        self.run = SliceRun(number, job, question, scan, state.plane, state.index, scan.window, manifest)
        self.started.emit(job)
        self.written.emit()
        self._go_on()
        return True

    def cancel(self) -> None:
        """Give up the question in work."""
        run = self.run
        if run is not None:
            run.job.cancel()
            self._end(run)

    def _go_on(self) -> None:
        run = self.run
        if run is None or self._way.must_wait:
            return
        run.raw, run.waits = "", False
        task = run.question.task
        session, labels = self._asking.session_for(task), self._asking.labels_for(task)
        self._way.put(
            lambda job: self._work(run, session, labels, job),
            lambda said: self._arrived(run, said),
            lambda message: self._failed(run, message),
        )
        self.written.emit()

    def _work(self, run: SliceRun, session: Session, labels: LabelSet, job: Job) -> _Said:
        """Ask; on the asking thread."""
        question = run.question

        def heard(piece: TextPiece) -> None:
            self._piece.emit(run.number, piece.text)

        place = (session, run.scan.volume, run.plane, run.index, run.window)
        what: dict[str, Any] = {
            "task": question.task,
            "language": question.language,
            "labels": labels,
            "cancelled": lambda: job.cancelled() or run.job.cancelled(),
            "on_piece": heard,
            **question.keywords(),
        }
        if question.task not in COT_TASKS or question.arm is Arm.NONE:
            return _Said(suggest(*place, **what))
        cot = ask_by_regions(
            *place, arm=question.arm, look_for=question.look_for, given=question.given, seed=question.seed, **what
        )
        return _Said(cot.answer, cot.found, cot.look)

    def _add_piece(self, number: int, text: str) -> None:
        if self.run is not None and self.run.number == number:
            self.run.raw += text
            if not self._show.isActive():
                self._show.start()

    def _engine_said(self, event: EngineEvent) -> None:
        # The answer is written from its beginning again.
        if self.run is not None and event.kind == "restarted":
            self.run.raw = ""

    def _given_up(self) -> None:
        run = self.run
        if run is None:
            return
        if run.job.cancelled():
            self._end(run)
        else:
            run.waits = True
            self.written.emit()

    def _arrived(self, run: SliceRun, said: _Said) -> None:
        try:
            self._keep(run, said)
        except MedRegAError as error:
            self._failed(run, str(error))
            return
        self._end(run)
        self.answered.emit(run)

    def _keep(self, run: SliceRun, said: _Said) -> None:
        regions, answer = self._regions, said.answer
        grounded = answer.task is Task.GROUNDED_REPORT and not regions.frozen
        fresh = without_known(answer, regions.known(answer.image)) if grounded else None
        _, drawn = self._store.answers.keep(
            answer,
            study_uid_of(run.scan.volume),
            regions.who,
            run.question.asked(said.found),
            look=said.look,
            fresh=fresh,
        )
        if drawn:
            regions.adopt(drawn)

    def _failed(self, run: SliceRun, message: str) -> None:
        self._end(run)
        self.failed.emit(message)

    def _end(self, run: SliceRun) -> None:
        self.run = None
        self._show.stop()
        self._way.drop()
        run.job.finished.emit()
        run.job.deleteLater()
        self.idle.emit()
        self.changed.emit()

    def _other_scan(self) -> None:
        viewing = self._viewing
        if self.run is not None and self.run.scan not in (viewing.current, viewing.prior.scan):
            self.cancel()

    # What was answered

    def answers(self) -> list[AnswerRow]:
        """About the slice on screen, oldest first; none for who may not see what the model says."""
        state = self._viewing.active
        volume = state.volume
        if volume is None or self._regions.blind:
            return []
        # Not as the regions model knows it: an answer may be the first thing that is kept about a slice.
        image = self._store.images.find(volume.source, volume.series_uid, state.plane, state.index)
        return [] if image is None else self._store.answers.of_image(image.id)

    def lines(self, answer: AnswerRow) -> tuple[ReportLine, ...]:
        """The sentences of a grounded report about the slice on screen; none of another answer."""
        said = answer.suggestion
        if said.task != Task.GROUNDED_REPORT.value:
            return ()
        image = self._store.images.get(said.image_id)
        return report_lines(
            answer,
            image.width,
            image.height,
            manifest=self._asking.manifest_of(said.model_id, said.model_sha256),
            labels=self._asking.labels_for(Task.GROUNDED_REPORT),
            rows=self._regions.rows,
        )

    def judge(self, answer: AnswerRow, kind: DecisionKind, text: str = "") -> None:
        """What the person thinks of an answer; what they thought already is taken back by saying it again."""
        verdict = answer.verdict
        if verdict is not None and verdict.kind is kind and kind is not DecisionKind.EDITED:
            kind = DecisionKind.RESTORED
        try:
            self._store.answers.judge(answer.suggestion.id, kind, self._regions.who, text)
        except MedRegAError as error:
            self.failed.emit(str(error))
        self.changed.emit()
