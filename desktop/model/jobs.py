"""Work off the GUI thread: a function, its progress, its result by signal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, QRunnable, QThreadPool, QTimer, Signal

from engine.errors import MedRegAError
from engine.progress import Cancelled

logger = logging.getLogger(__name__)


class Job(QObject):
    """One piece of work. Its signals arrive on the thread that made it.

    done : the function's result. failed : one message for a person. cancelled_ : it stopped because it was
    asked to. progressed : done, total, what.
    """

    done = Signal(object)
    failed = Signal(str)
    cancelled_ = Signal()
    progressed = Signal(int, int, str)
    finished = Signal()
    # For the runner alone, after everything else. On `finished` the job could be gone before the working thread has
    # told all who listen to that.
    over = Signal()

    def __init__(self, work: Callable[[Job], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._stop = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop; it does at its next safe point."""
        self._stop.set()

    def report(self, done: int, total: int, what: str) -> None:
        """`engine.progress.Progress`: pass it on to the GUI thread."""
        self.progressed.emit(done, total, what)

    def cancelled(self) -> bool:
        """`engine.progress.Progress`."""
        return self._stop.is_set()

    def run(self) -> None:
        """Do the work; called by the pool."""
        try:
            result = self._work(self)
        except Cancelled:
            self.cancelled_.emit()
        except MedRegAError as error:
            self.failed.emit(str(error))
        except Exception as error:
            logger.exception("a background job failed")
            self.failed.emit(f"{type(error).__name__}: {error}")
        else:
            if self._stop.is_set():
                self.cancelled_.emit()
            else:
                self.done.emit(result)
        finally:
            self.finished.emit()
            self.over.emit()


class _Runnable(QRunnable):
    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def run(self) -> None:
        self._job.run()


class JobRunner(QObject):
    """Runs jobs on a pool of its own and keeps them alive until their signals have arrived. For the GUI thread."""

    def __init__(self, threads: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._jobs: set[Job] = set()
        self._stopped = False

    def start(self, work: Callable[[Job], Any]) -> Job:
        """Queue a function; connect to the returned job's signals before the event loop runs again.

        It begins only then: a job that ends before anybody listens would be lost.
        """
        job = Job(work, self)
        self._jobs.add(job)
        job.over.connect(lambda: self._release(job))
        QTimer.singleShot(0, job, lambda: self._begin(job))
        return job

    def _begin(self, job: Job) -> None:
        if not self._stopped:
            self._pool.start(_Runnable(job))

    def _release(self, job: Job) -> None:
        self._jobs.discard(job)
        job.deleteLater()

    def stop(self) -> None:
        """Cancel everything and wait for it; nothing begins any more."""
        self._stopped = True
        for job in list(self._jobs):
            job.cancel()
        self._pool.clear()
        if self._pool.waitForDone(10_000):
            # Now, not when the event loop comes to it: they are the runner's, which may be gone by then.
            for job in self.findChildren(Job):
                shiboken6.delete(job)
            self._jobs.clear()
