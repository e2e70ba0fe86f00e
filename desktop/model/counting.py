"""Figures of the whole database, counted off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import Job, JobRunner
from engine.store import AnnotationStore


class CountingModel(QObject):
    """counted : the newest figures; older ones that come late are dropped. failed : a message."""

    counted = Signal(object)
    failed = Signal(str)

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = store.path
        self._jobs = jobs
        self._job: Job | None = None

    def cancel(self) -> None:
        """Nobody wants the figures any more."""
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _start(self, count: Callable[[AnnotationStore], object]) -> None:
        """Count with a connection of one's own."""
        self.cancel()
        path = self._path

        def work(job: Job) -> object:
            with AnnotationStore.open(path) as store:
                return count(store)

        job = self._job = self._jobs.start(work)
        job.done.connect(lambda found: self.counted.emit(found) if job is self._job else None)
        job.failed.connect(lambda message: self.failed.emit(message) if job is self._job else None)
