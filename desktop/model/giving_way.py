"""Work with the model that a person's newer question about a region comes before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.asking import AskingModel
from desktop.model.jobs import Job


class GivingWay(QObject):
    """One question at a time, given up for a newer one that a person puts about a region.

    given_up : the question in work was given up; whoever put it may put it again when `free` says so. free : a
    question may be put now, unless somebody has put one meanwhile.
    """

    given_up = Signal()
    free = Signal()

    def __init__(self, asking: AskingModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._asking = asking
        self._work: Job | None = None
        asking.started.connect(self.give_way)
        # Later: `idle` also comes right before a person's next question.
        asking.idle.connect(self.later)

    @property
    def working(self) -> bool:
        """Whether a question is in work, one that is being given up included."""
        return self._work is not None

    @property
    def must_wait(self) -> bool:
        """Whether no question may be put now."""
        return self.working or self._asking.asking

    def put(self, work: Callable[[Job], Any], arrived: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Do `work` with the session. arrived : gets its result. failed : a message for a person.

        Neither is called for what was given up or dropped.
        """
        assert self._work is None
        job = self._work = self._asking.run(work)
        job.done.connect(lambda result: arrived(result) if self._over(job) else None)
        job.failed.connect(lambda message: self._failed(job, message, failed))
        job.cancelled_.connect(lambda: self._give_up(job))

    def give_way(self) -> None:
        """Give up the question in work for another."""
        if self._work is not None:
            self._work.cancel()

    def drop(self) -> None:
        """Forget the question in work: nobody wants its answer any more."""
        self.give_way()
        self._work = None

    def later(self) -> None:
        """Say `free` once all has been told that is being told now."""
        QTimer.singleShot(0, self, self.free.emit)

    def _over(self, job: Job) -> bool:
        """Whether this question is still wanted; it is in work no longer."""
        wanted = job is self._work
        if wanted:
            self._work = None
        return wanted

    def _failed(self, job: Job, message: str, failed: Callable[[str], None]) -> None:
        if job.cancelled():
            # Of a model that was switched away from in the midst of it.
            self._give_up(job)
        elif self._over(job):
            failed(message)

    def _give_up(self, job: Job) -> None:
        if self._over(job):
            self.given_up.emit()
            self.later()
