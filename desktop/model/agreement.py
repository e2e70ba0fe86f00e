"""Progress of every reader and agreement between them, counted over the whole database off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import Job, JobRunner
from engine.review import GroupAgreement, PairAgreement, agreement_report, group_report
from engine.store import AnnotationStore, AnnotatorProgress, ProjectProgress


@dataclass(frozen=True, slots=True)
class Standing:
    """All there is to say: by reader, of the project, by pair and by larger group of readers."""

    annotators: tuple[AnnotatorProgress, ...]
    project: ProjectProgress
    pairs: tuple[PairAgreement, ...]
    groups: tuple[GroupAgreement, ...]


class AgreementModel(QObject):
    """started : a job. counted : a `Standing`. failed : a message. stopped : it was cancelled."""

    started = Signal(object)
    counted = Signal(object)
    failed = Signal(str)
    stopped = Signal()

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._jobs = jobs
        self._job: Job | None = None

    def count(self) -> None:
        """Count everything anew."""
        self.cancel()
        path = self._store.path

        def work(job: Job) -> Standing:
            with AnnotationStore.open(path) as store:
                progress = store.progress
                return Standing(
                    tuple(progress.annotators()),
                    progress.project(),
                    tuple(agreement_report(store, progress=job)),
                    tuple(group_report(store, progress=job)),
                )

        job = self._job = self._jobs.start(work)
        job.done.connect(lambda found: self.counted.emit(found) if job is self._job else None)
        job.failed.connect(self.failed)
        job.cancelled_.connect(self.stopped)
        self.started.emit(job)

    def cancel(self) -> None:
        """Stop counting."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
