"""The model looks at the slice on screen, and then at its neighbours, before anybody asks about them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from desktop.model.jobs import Job, JobRunner
from desktop.model.viewing import ViewingModel
from engine.protocol import Language
from engine.runtime import Session
from engine.suggest import prepare

SETTLED_MS = 250
"""How long a slice must have been on screen: while a person scrolls there is nothing worth looking at."""


class LookingAhead(QObject):
    """Prepares slices in the background; whatever is asked stops it at once, also inside the model's process.

    may : whether the model may look at what is on screen now. session, language : of the next question.
    """

    def __init__(
        self,
        viewing: ViewingModel,
        session: Callable[[], Session],
        language: Callable[[], Language],
        may: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewing = viewing
        self._session = session
        self._language = language
        self._may = may
        self._jobs = JobRunner(1, self)
        self._job: Job | None = None
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLED_MS)
        self._settled.timeout.connect(self._look)
        viewing.slice_changed.connect(self.later)
        viewing.window_changed.connect(self.later)
        viewing.completed.connect(self.later)

    @property
    def looking(self) -> bool:
        """Whether a slice is being prepared."""
        return self._job is not None

    def later(self) -> None:
        """Stop, and look at what is on screen once it has settled."""
        self.stop()
        self._settled.start()

    def stop(self) -> None:
        """Stop at once; nothing begins by itself before `later`."""
        self._settled.stop()
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._jobs.stop()

    def _look(self) -> None:
        state = self._viewing.active
        scan = state.scan
        if scan is None or not state.has_slice or not self._may():
            return
        session, language = self._session(), self._language()
        volume, plane, window, here = scan.volume, state.plane, scan.window, state.index
        near = [index for index in (here, here + 1, here - 1) if 0 <= index < state.slice_count]
        slices = [index for index in near if scan.has_slice(plane, index)]

        def work(job: Job) -> None:
            for index in slices:
                if not prepare(session, volume, plane, index, window, language=language, cancelled=job.cancelled):
                    return

        # A failure shows when somebody asks; looking ahead is nobody's business.
        job = self._jobs.start(work)
        job.finished.connect(lambda: self._done(job))
        self._job = job

    def _done(self, job: Job) -> None:
        if self._job is job:
            self._job = None
