"""What to label next: the images that wait, put in order off the GUI thread."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import Job, JobRunner
from engine.feedback.waiting import LabelOrder, order_of
from engine.store import AnnotationStore

MOST = 200
"""Images to list: nobody labels more before what was learnt meanwhile gives another order."""


class NextImagesModel(QObject):
    """changed : an order was made, is being made, or was given up. progressed : done, total. failed : a message.

    order : the newest, None before the first. busy : one is being made.
    """

    changed = Signal()
    progressed = Signal(int, int)
    failed = Signal(str)

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = store.path
        self._jobs = jobs
        self._job: Job | None = None
        self.order: LabelOrder | None = None

    @property
    def busy(self) -> bool:
        """Whether an order is being made."""
        return self._job is not None

    def make(self, *, pictures: bool) -> None:
        """Put the images in order. pictures : look at them, to tell like from unlike; else what models said decides."""
        self.cancel()
        path = self._path

        def work(job: Job) -> LabelOrder:
            with AnnotationStore.open(path) as store:
                return order_of(store, job, limit=MOST, pictures=pictures)

        job = self._job = self._jobs.start(work)
        job.progressed.connect(lambda done, total, _: self.progressed.emit(done, total) if job is self._job else None)
        job.done.connect(lambda order: self._show(order) if job is self._job else None)
        job.failed.connect(self.failed)
        job.finished.connect(lambda: self._over(job))
        self.changed.emit()

    def cancel(self) -> None:
        """Give up the order that is being made."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
            self.changed.emit()

    def _show(self, order: LabelOrder) -> None:
        self.order = order

    def _over(self, job: Job) -> None:
        if job is self._job:
            self._job = None
            self.changed.emit()
